import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBinary, type JsonObject } from '@bufbuild/protobuf';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import type { TracingConfig } from '@sofamesh/proxy/config/tracing';
import { readBootstrap } from './bootstrap.ts';
import { readListener } from './listener.ts';
import { readRouteTable } from './route.ts';
import {
  address,
  connectionManager,
  extensions,
  listenerJson,
  registry,
  resource,
  router,
} from './test-support/readers.ts';
import type { TracingDefaults } from './tracing.ts';

const routes = { route_config: { virtual_hosts: [] } };
const traceType = (name: string) => `type.googleapis.com/envoy.config.trace.v3.${name}`;

function zipkin(more: JsonObject = {}): JsonObject {
  const config = {
    '@type': traceType('ZipkinConfig'),
    collector_cluster: 'zipkin',
    collector_endpoint: '/api/v2/spans',
    collector_endpoint_version: 'HTTP_JSON',
    ...more,
  };
  return { name: 'envoy.tracers.zipkin', typed_config: config };
}

function openTelemetry(more: JsonObject): JsonObject {
  return { name: 'otel', typed_config: { '@type': traceType('OpenTelemetryConfig'), ...more } };
}

const httpService = (uri: string, more: JsonObject = {}) => ({
  http_service: { http_uri: { uri, cluster: 'otel', timeout: '0.5s' }, ...more },
});

function readFilter(filter: JsonObject, rest: JsonObject = {}, tracing?: TracingDefaults) {
  const ignored: string[] = [];
  const message = fromBinary(ListenerSchema, resource('Listener', listenerJson('l', filter, rest)).value);
  const context = {
    extensions,
    ...(tracing && { tracing }),
    ignored: (path: string) => void ignored.push(path.replace(/^.*typed_config\.tracing/, 'tracing')),
  };
  const network = readListener(message, 'v', context).config.filterChains[0]!.network;
  assert.ok(network.kind === 'http' || network.kind === 'rpc');
  return { tracing: network.tracing, ignored };
}

function read(tracing: JsonObject, rest: JsonObject = {}): TracingConfig {
  return readFilter(connectionManager({ ...routes, tracing }), rest).tracing!;
}

const xProxy = (fields: JsonObject): JsonObject => ({
  name: 'mosn.filters.network.x_proxy',
  typed_config: {
    '@type': 'type.googleapis.com/mosn.extensions.filters.network.x_proxy.v1.XProxy',
    protocol: 'bolt',
    stat_prefix: 'rpc',
    http_filters: [router],
    ...routes,
    ...fields,
  },
});

describe('readTracing', () => {
  test("Envoy's defaults, to Zipkin", () => {
    assert.deepEqual(read({ provider: zipkin() }), {
      provider: {
        format: 'zipkin',
        service: 'mosn',
        cluster: 'zipkin',
        authority: 'zipkin',
        path: '/api/v2/spans',
        headers: [],
        timeoutMs: 5000,
        longTraceIds: false,
        sharesSpanIds: true,
      },
      kind: 'server',
      spansOfTries: false,
      clientPpm: 1_000_000,
      randomPpm: 1_000_000,
      overallPpm: 1_000_000,
      pathLengthMax: 256,
      tags: [],
    });
  });

  test('everything that can be said', () => {
    process.env['TRACING_TEST_ZONE'] = 'z1';
    const config = read(
      {
        provider: zipkin({ collector_hostname: 'z.test', trace_id_128bit: true, shared_span_context: false }),
        client_sampling: { value: 1 },
        random_sampling: { value: 0.25 },
        overall_sampling: { value: 50 },
        max_path_tag_length: 10,
        spawn_upstream_span: true,
        custom_tags: [
          { tag: 'a', literal: { value: 'b' } },
          { tag: 'zone', environment: { name: 'TRACING_TEST_ZONE' } },
          { tag: 'other', environment: { name: 'TRACING_TEST_NONE', default_value: 'd' } },
          { tag: 'none', environment: { name: 'TRACING_TEST_NONE' } },
          { tag: 'tenant', request_header: { name: 'X-Tenant', default_value: 'none' } },
        ],
      },
      { traffic_direction: 'OUTBOUND' },
    );
    assert.deepEqual(
      [config.kind, config.spansOfTries, config.clientPpm, config.randomPpm, config.overallPpm, config.pathLengthMax],
      ['client', true, 10_000, 2_500, 500_000, 10],
    );
    const { authority, longTraceIds, sharesSpanIds } = config.provider;
    assert.deepEqual([authority, longTraceIds, sharesSpanIds], ['z.test', true, false]);
    assert.deepEqual(config.tags, [
      { kind: 'literal', name: 'a', value: 'b' },
      { kind: 'literal', name: 'zone', value: 'z1' },
      { kind: 'literal', name: 'other', value: 'd' },
      { kind: 'header', name: 'tenant', header: 'x-tenant', fallback: 'none' },
    ]);
  });

  test('to OpenTelemetry', () => {
    const header = { header: { key: 'Api-Key', value: 'k' } };
    const service = httpService('https://otel.test:4318/v1/traces?a=b', { request_headers_to_add: [header] });
    assert.deepEqual(read({ provider: openTelemetry({ ...service, service_name: 'shop' }) }).provider, {
      format: 'opentelemetry',
      service: 'shop',
      cluster: 'otel',
      authority: 'otel.test:4318',
      path: '/v1/traces?a=b',
      headers: [['api-key', 'k']],
      timeoutMs: 500,
      longTraceIds: true,
      sharesSpanIds: false,
    });
  });

  test('to OpenTelemetry over gRPC', () => {
    const service = (more: JsonObject = {}) => ({ grpc_service: { envoy_grpc: { cluster_name: 'otel', ...more } } });
    const provider = openTelemetry({ ...service(), service_name: 'shop' });
    assert.deepEqual(read({ provider }).provider, {
      format: 'opentelemetry-grpc',
      service: 'shop',
      cluster: 'otel',
      authority: 'otel',
      path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
      headers: [['te', 'trailers']],
      timeoutMs: 5000,
      longTraceIds: true,
      sharesSpanIds: false,
    });
    const { grpc_service } = service({ authority: 'otel.test' });
    const more = { ...grpc_service, timeout: '0.2s', initial_metadata: [{ key: 'Api-Key', value: 'k' }] };
    const { authority, timeoutMs, headers } = read({ provider: openTelemetry({ grpc_service: more }) }).provider;
    assert.deepEqual([authority, timeoutMs, headers.at(-1)], ['otel.test', 200, ['api-key', 'k']]);
    for (const [bad, path] of [
      [{ grpc_service: {} }, /grpc_service\.envoy_grpc\.cluster_name/],
      [{ ...service(), ...httpService('http://otel.test/') }, /grpc_service: .*not possible with http_service/],
      [{ grpc_service: { ...grpc_service, initial_metadata: [{ key: 'te' }] } }, /initial_metadata\[0\]\.key/],
    ] as const)
      assert.throws(() => read({ provider: openTelemetry(bad as JsonObject) }), path);
  });

  test('of a call', () => {
    assert.equal(readFilter(xProxy({ tracing: { provider: zipkin() } })).tracing?.provider.cluster, 'zipkin');
    const light = readFilter(xProxy({ tracing: { provider: zipkin() }, service_level: 'LIGHT' }));
    assert.equal(light.tracing, undefined);
    assert.deepEqual(light.ignored, ['tracing']);
  });

  test('what has no effect is told', () => {
    const metadata = { tag: 'm', metadata: { kind: { request: {} }, default_value: 'd' } };
    const { tracing, ignored } = readFilter(
      connectionManager({ ...routes, tracing: { provider: zipkin(), verbose: true, custom_tags: [metadata] } }),
    );
    assert.deepEqual(ignored, ['tracing.verbose', 'tracing.custom_tags[0].metadata']);
    assert.deepEqual(tracing?.tags, [{ kind: 'literal', name: 'm', value: 'd' }]);
  });

  test('a tracer that is not here costs no traffic: nothing is traced, and that is told', () => {
    for (const provider of [
      openTelemetry({ grpc_service: { google_grpc: { target_uri: 'otel:4317', stat_prefix: 'otel' } } }),
      zipkin({ collector_endpoint_version: 'HTTP_PROTO' }),
      { name: 'x', typed_config: router.typed_config as JsonObject },
    ]) {
      const { tracing, ignored } = readFilter(connectionManager({ ...routes, tracing: { provider } }));
      assert.equal(tracing, undefined);
      assert.equal(ignored.length, 1);
      assert.match(ignored[0]!, /^tracing\.provider\.typed_config \(/);
    }
  });

  test('the bootstrap has a provider for listeners that name none', () => {
    const listener = listenerJson('l', connectionManager({ ...routes, tracing: {} }));
    const bootstrap = (more: JsonObject) =>
      readBootstrap(
        [{ text: JSON.stringify({ static_resources: { listeners: [listener] }, ...more }), origin: 'test' }],
        registry,
        extensions,
      );
    const config = bootstrap({
      node: { cluster: 'front' },
      tracing: { http: zipkin() },
      admin: { address: address(0) },
    });
    const network = config.listeners[0]!.read.config.filterChains[0]!.network;
    assert.ok(network.kind === 'http');
    assert.deepEqual([network.tracing?.provider.service, network.tracing?.provider.cluster], ['front', 'zipkin']);
    assert.deepEqual(config.warnings, []);
    // So do those of a control plane.
    const received = readFilter(connectionManager({ ...routes, tracing: {} }), {}, config.tracing);
    assert.equal(received.tracing?.provider.service, 'front');
    assert.match(bootstrap({}).warnings.join(), /tracing \(without a provider\): has no effect/);
    assert.throws(
      () => bootstrap({ tracing: { http: zipkin({ collector_endpoint: 'x' }) } }),
      /^.*tracing\.http\.typed_/,
    );
  });

  for (const [what, tracing, reason] of [
    ['no service', { provider: openTelemetry({}) }, /http_service: absent: is required/],
    ['no cluster', { provider: zipkin({ collector_cluster: '' }) }, /collector_cluster: "": must not be empty/],
    ['no URL', { provider: openTelemetry(httpService('otel')) }, /http_uri\.uri: "otel": must be an http or https URL/],
    [
      'a header that would break a report',
      {
        provider: openTelemetry(
          httpService('http://o/', { request_headers_to_add: [{ header: { key: 'content-length', value: '1' } }] }),
        ),
      },
      /request_headers_to_add\[0\]\.header\.key: "content-length"/,
    ],
    ['no settings', { provider: { name: 'x' } }, /typed_config: absent: tracer x needs one/],
    [
      'more than all',
      { provider: zipkin(), random_sampling: { value: 101 } },
      /random_sampling: 101: must be from 0 to 100/,
    ],
    [
      'a tag of nothing',
      { provider: zipkin(), custom_tags: [{ tag: 'a' }] },
      /custom_tags\[0\]: absent: must have one of/,
    ],
  ] as const) {
    test(`refuses ${what}`, () => assert.throws(() => read(tracing as JsonObject), reason));
  }

  test('a route names the operation', () => {
    const route = { match: { prefix: '/' }, route: { cluster: 'c' } };
    const json = {
      name: 'r',
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            { ...route, decorator: { operation: 'get' }, tracing: {} },
            { ...route, decorator: { operation: 'get', propagate: false } },
            route,
          ],
        },
      ],
    };
    const ignored: string[] = [];
    const message = fromBinary(RouteConfigurationSchema, resource('RouteConfiguration', json).value);
    const table = readRouteTable(message, 'v', { extensions, ignored: (path) => void ignored.push(path) });
    assert.deepEqual(
      table.virtualHosts[0]!.routes.map(({ operation }) => operation),
      [{ name: 'get', propagates: true }, { name: 'get', propagates: false }, undefined],
    );
    assert.deepEqual(ignored, ['virtual_hosts[0].routes[0].tracing']);
  });

  test('a secret is not told when it is refused', () => {
    const bad = { header: { key: 'a', value: 'token\nsecret' } };
    const provider = openTelemetry(httpService('http://o/', { request_headers_to_add: [bad] }));
    assert.throws(
      () => read({ provider }),
      (thrown: Error) => /control characters/.test(thrown.message) && !thrown.message.includes('token'),
    );
  });
});
