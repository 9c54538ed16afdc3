/** The program up to where its command line is read: what a start-up snapshot of it holds. */
import { startupSnapshot } from 'node:v8';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '@sofamesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import type { Instance, Service } from '@sofamesh/contract/registry';
import { readText } from '@sofamesh/model/read';
import type { ProxyNode } from '@sofamesh/translate/input';
import { RPC_OPTIONS_TYPE_URL } from '@sofamesh/translate/policies/rpc/rpc';
import { translate } from '@sofamesh/translate/translate';
import { readArguments, readCommandLine } from './argv.ts';
import { defaultMeshSettings } from './mesh-config.ts';
import { runProgram } from './program.ts';

const sample = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: sample, namespace: sample}
spec:
  hosts: [sample.example]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  workloadSelector: {labels: {app: sample}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: sample, namespace: sample}
spec: {address: 127.0.0.2, labels: {app: sample}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: sample, namespace: sample}
spec:
  hosts: [sample.example]
  http: [{match: [{uri: {prefix: /}}], timeout: 1s, route: [{destination: {host: sample.example, subset: v1}, weight: 100}]}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: sample, namespace: sample}
spec: {host: sample.example, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: sample, namespace: sample}
spec: {ingress: [{port: {number: 80, name: http, protocol: HTTP}, defaultEndpoint: 127.0.0.1:8080}]}
`;

const service: Service = {
  host: 'sample.example',
  namespace: 'sample',
  aliases: [],
  addresses: [],
  ports: [
    { name: 'http', number: 80, protocol: 'http' },
    { name: 'tcp', number: 81, protocol: 'tcp' },
    { name: 'rpc', number: 82, protocol: 'x-bolt' },
  ],
  labels: {},
  resolution: 'static',
  external: false,
  exportTo: [],
};

const instance: Instance = {
  address: '127.0.0.2',
  ports: {},
  labels: { app: 'sample', version: 'v1' },
  weight: 1,
  locality: '',
  serviceAccount: '',
  healthy: true,
  workload: 'sample',
};

const proxy: ProxyNode = {
  id: 'sample',
  type: 'sidecar',
  address: '127.0.0.2',
  addresses: ['127.0.0.2'],
  name: 'sample',
  namespace: 'sample',
  labels: { app: 'sample' },
  interceptionMode: 'NONE',
  userAgent: 'mosn',
  typeUrls: new Set([RPC_OPTIONS_TYPE_URL]),
};

/** Uses what a start and the first answers to a proxy use, so that it is compiled. Its results are dropped. */
function useSample(): void {
  readArguments(['node', 'meshd', '--config', '.']);
  const { objects } = readText('sample', sample);
  const services = [{ service, instances: [instance] }];
  translate(proxy, { revision: 1, services, objects, mesh: defaultMeshSettings });
  const request = create(DiscoveryRequestSchema, { node: { id: 'sample', metadata: { NAMESPACE: 'sample' } } });
  fromBinary(DiscoveryRequestSchema, toBinary(DiscoveryRequestSchema, request));
  toBinary(DiscoveryResponseSchema, create(DiscoveryResponseSchema, { controlPlane: { identifier: 'sample' } }));
}

useSample();

startupSnapshot.setDeserializeMainFunction(() => {
  const options = readCommandLine(process.argv);
  if (options !== undefined) void runProgram(options);
});
