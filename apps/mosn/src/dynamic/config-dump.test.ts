import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create, type JsonObject, toJson } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { HttpFilterSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { printingRegistry } from '../config/registry.ts';
import {
  certificatePem,
  certificatesMissing,
  lockedKeyPassword,
  lockedKeyPem,
} from '../config/test-support/certificate.ts';
import {
  address,
  ads,
  connectionManager,
  endpointsJson,
  listenerJson,
  registry,
  routesJson,
} from '../config/test-support/readers.ts';
import { configDump } from './config-dump.ts';
import { dynamicBootstrap, world } from './test-support/world.ts';

const tls = {
  name: 'envoy.transport_sockets.tls',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    common_tls_context: {
      tls_certificates: [
        {
          certificate_chain: { inline_string: certificatePem },
          private_key: { inline_string: lockedKeyPem },
          password: { inline_bytes: Buffer.from(lockedKeyPassword).toString('base64') },
        },
      ],
    },
  },
};

/** A dump as a tree of anything. */
type Tree = { readonly [key: string]: Tree } & readonly Tree[] & string;

async function dump(includeEds = true) {
  const unknown = {
    '@type': 'type.googleapis.com/xds.type.v3.TypedStruct',
    type_url: 'type.googleapis.com/some.Thing',
  };
  const manager = connectionManager({
    route_config: routesJson('inline', 'app'),
    http_filters: [{ name: 'u', is_optional: true, typed_config: unknown }],
  });
  const listener: JsonObject = {
    ...listenerJson('in', manager),
    filter_chains: [{ filters: [manager], transport_socket: tls }],
  };
  const { start, cds, eds, lds, rds, state } = world({
    ...dynamicBootstrap,
    static_resources: { clusters: [{ name: 'app', load_assignment: endpointsJson('app', 80) }], listeners: [listener] },
  });
  await start();
  const byEds = (name: string) => ({ name, type: 'EDS', eds_cluster_config: { eds_config: ads } });
  await cds('c1', byEds('a'), byEds('warms'));
  await eds('e1', endpointsJson('a', 1));
  await cds('c2', byEds('a'), byEds('warms'), { name: 'bad', lb_policy: 'MAGLEV' });
  const filter = connectionManager({ rds: { route_config_name: 'r', config_source: ads } });
  await lds('l1', { name: 'out', address: address(0), filter_chains: [{ filters: [filter] }] });
  await rds('r1', routesJson('r', 'a'));
  const result = configDump(state, registry, { includeEds }) as unknown as Tree;
  state.stop();
  const configs = result['configs'] as readonly Tree[];
  const of = (kind: string) =>
    configs.find((config) => config['@type'] === `type.googleapis.com/envoy.admin.v3.${kind}ConfigDump`)!;
  return { text: JSON.stringify(result), of, configs };
}

describe('configDump', { skip: certificatesMissing }, () => {
  test("has Envoy's shape", async () => {
    const { of, configs } = await dump();
    assert.equal(configs.length, 6);
    assert.equal(of('Bootstrap')['bootstrap']?.['node']?.['id'], 'n');
    const clusters = of('Clusters');
    assert.equal(clusters['version_info'], 'c2');
    assert.equal(clusters['static_clusters']?.[0]?.['cluster']?.['name'], 'app');
    const [active, bad] = clusters['dynamic_active_clusters']!;
    assert.equal(active?.['cluster']?.['@type'], 'type.googleapis.com/envoy.config.cluster.v3.Cluster');
    assert.equal(active?.['version_info'], 'c1');
    assert.equal(active?.['client_status'], 'ACKED');
    assert.match(active?.['last_updated'] ?? '', /^2026-01-01T/);
    assert.equal(bad?.['client_status'], 'NACKED');
    assert.match(bad?.['error_state']?.['details'] ?? '', /^lb_policy/);
    assert.equal(bad?.['error_state']?.['version_info'], 'c2');
    assert.equal(clusters['dynamic_warming_clusters']?.[0]?.['cluster']?.['name'], 'warms');
    const listeners = of('Listeners');
    assert.equal(listeners['static_listeners']?.[0]?.['listener']?.['name'], 'in');
    assert.equal(listeners['dynamic_listeners']?.[0]?.['name'], 'out');
    assert.equal(listeners['dynamic_listeners']?.[0]?.['active_state']?.['version_info'], 'l1');
    const routes = of('Routes');
    assert.equal(routes['static_route_configs']?.[0]?.['route_config']?.['name'], 'inline');
    assert.equal(routes['dynamic_route_configs']?.[0]?.['route_config']?.['name'], 'r');
    const endpoints = of('Endpoints');
    assert.equal(endpoints['static_endpoint_configs']?.[0]?.['endpoint_config']?.['cluster_name'], 'app');
    assert.equal(endpoints['dynamic_endpoint_configs']?.[0]?.['endpoint_config']?.['cluster_name'], 'a');
  });

  test('prints a type that this proxy does not know without its content', () => {
    const any = create(AnySchema, { typeUrl: 'type.googleapis.com/some.Filter', value: Uint8Array.of(8, 1) });
    const json = toJson(
      HttpFilterSchema,
      create(HttpFilterSchema, { name: 'f', configType: { case: 'typedConfig', value: any } }),
      {
        registry: printingRegistry(registry),
      },
    );
    assert.match(JSON.stringify(json), /"@type":"type\.googleapis\.com\/some\.Filter"/);
  });

  test('shows endpoints only when asked', async () => {
    assert.equal((await dump(false)).configs.length, 5);
  });

  test('shows no secret', async () => {
    const { text } = await dump();
    assert.doesNotMatch(text, /very secret|Bearer secret/);
    assert.ok(!text.includes(Buffer.from(lockedKeyPassword).toString('base64')));
    for (const line of lockedKeyPem.trim().split('\n')) assert.ok(!text.includes(line), line);
    assert.match(text, /"private_key":\{"inline_string":"\[redacted\]"\}/);
    assert.match(text, /"inline_bytes":"W3JlZGFjdGVkXQ=="/);
    assert.ok(text.includes(certificatePem.split('\n')[1]!));
  });
});
