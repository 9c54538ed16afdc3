/** The program up to where its command line is read: what a start-up snapshot of it holds. */
import { startupSnapshot } from 'node:v8';
import { readText } from '@sofamesh/model/read';
import { readArguments } from './argv.ts';
import { runProgram } from './program.ts';

/** Uses what a start uses, so that it is compiled. Its result is dropped. */
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

readArguments(['node', 'meshd', '--config', '.']);
readText('sample', sample);

startupSnapshot.setDeserializeMainFunction(() => {
  void runProgram(process.argv);
});
