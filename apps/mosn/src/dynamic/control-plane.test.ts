import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type JsonObject } from '@bufbuild/protobuf';
import { NodeSchema } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { systemClock } from '@sofamesh/base/clock';
import { silentLogger } from '@sofamesh/base/logger';
import { systemRandom } from '@sofamesh/base/random';
import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import { AdsClient } from '@sofamesh/xds/client/ads-client';
import { GrpcDialer } from '@sofamesh/xds/grpc/dialer';
import { GrpcServer } from '@sofamesh/xds/grpc/server';
import { AdsServer } from '@sofamesh/xds/server/ads-server';
import { clusterTypeUrl, endpointsTypeUrl, listenerTypeUrl, routeTypeUrl } from '@sofamesh/xds/type-urls';
import { readBootstrap } from '../config/bootstrap.ts';
import {
  address,
  ads,
  connectionManager,
  endpointsJson,
  extensions,
  registry,
  resource,
  routesJson,
} from '../config/test-support/readers.ts';
import { describeNode } from './node.ts';
import { ResourceState } from './resource-state.ts';
import { MapStats } from './test-support/world.ts';

const kinds = {
  [clusterTypeUrl]: 'Cluster',
  [endpointsTypeUrl]: 'ClusterLoadAssignment',
  [listenerTypeUrl]: 'Listener',
  [routeTypeUrl]: 'RouteConfiguration',
} as const;

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, 'waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test('from a bootstrap over a real stream to the data plane, with a refusal and its repair', async () => {
  const content = new Map<string, { version: string; resources: JsonObject[] }>();
  const put = (typeUrl: keyof typeof kinds, version: string, ...resources: JsonObject[]) =>
    content.set(typeUrl, { version, resources });
  const eds = { name: 'a', type: 'EDS', eds_cluster_config: { eds_config: ads } };
  const filter = connectionManager({ rds: { route_config_name: 'r', config_source: ads } });
  put(clusterTypeUrl, '1', eds);
  put(endpointsTypeUrl, '1', endpointsJson('a', 80));
  put(listenerTypeUrl, '1', { name: 'l', address: address(0), filter_chains: [{ filters: [filter] }] });
  put(routeTypeUrl, '1', routesJson('r', 'a'));

  const server = new GrpcServer();
  const adsServer = new AdsServer({
    clock: systemClock,
    logger: silentLogger,
    stats: new MapStats(),
    resourcesFor: ({ node }, typeUrl, names) => {
      assert.equal(node.userAgentName, 'mosn');
      const { version, resources } = content.get(typeUrl)!;
      const named = resources.map((json) => {
        const name = String(json['name'] ?? json['cluster_name']);
        return { name, bytes: resource(kinds[typeUrl as keyof typeof kinds], json).value };
      });
      return { version, resources: named.filter(({ name }) => names?.has(name) ?? true) };
    },
  });
  adsServer.register(server);
  const { port } = await server.listen('127.0.0.1:0');

  const bootstrap = readBootstrap(
    [
      {
        origin: 'test',
        text: `
node: {id: sidecar~127.0.0.1~x.y~y.svc.cluster.local}
dynamic_resources:
  ads_config: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}
  cds_config: {ads: {}}
  lds_config: {ads: {}}
static_resources:
  clusters:
  - name: xds
    http2_protocol_options: {}
    load_assignment: {cluster_name: xds, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}}}]}]}
`,
      },
    ],
    registry,
    extensions,
  );
  const updates: ConfigUpdate[] = [];
  const applier = {
    apply: async (update: ConfigUpdate) => {
      updates.push(update);
      return [];
    },
  };
  const environment = { clock: systemClock, logger: silentLogger, stats: new MapStats(), extensions, applier };
  const state: ResourceState = new ResourceState(
    bootstrap,
    {
      ...environment,
      resolve: async () => [],
      openSecretService: () => assert.fail('no service of secrets is named'),
    },
    {
      subscribe: (typeUrl, names) => client.subscribe(typeUrl, names),
      unsubscribe: (typeUrl, names) => client.unsubscribe(typeUrl, names),
    },
  );
  const dialer = new GrpcDialer({ targets: bootstrap.controlPlane!.targets });
  const node = describeNode(bootstrap.node, extensions, '0.1.0');
  const client = new AdsClient({
    ...environment,
    dialer,
    random: systemRandom,
    node: create(NodeSchema, node),
    sink: state,
  });
  client.start();
  let ready = false;
  await state.start(() => {
    ready = true;
  });
  await until(() => ready);
  const names = (items: readonly { readonly name: string }[] = []) => items.map(({ name }) => name);
  const { clusters, endpoints, listeners, routes } = state.current();
  assert.deepEqual(
    [names(clusters), names(endpoints), names(listeners), names(routes)],
    [['xds', 'a'], ['a'], ['l'], ['r']],
  );

  put(clusterTypeUrl, '2', eds, { name: 'b', lb_policy: 'MAGLEV' });
  adsServer.push([clusterTypeUrl]);
  const status = () => adsServer.statuses()[0]?.types.find(({ typeUrl }) => typeUrl === clusterTypeUrl);
  await until(() => status()?.state === 'rejected');
  assert.match(status()?.error ?? '', /^b: lb_policy: "MAGLEV": is not supported/);
  put(clusterTypeUrl, '3', eds, { name: 'b' });
  adsServer.push([clusterTypeUrl]);
  await until(() => status()?.state === 'synced');
  assert.ok(names(state.current().clusters).includes('b'));

  state.stop();
  client.stop();
  dialer.close();
  await server.close(0);
});
