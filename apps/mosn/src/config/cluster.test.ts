import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBinary, type JsonObject } from '@bufbuild/protobuf';
import { ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { defaultCodecLimits } from '@sofamesh/contract/protocol';
import { readCluster } from './cluster.ts';
import { address, ads, endpointsJson, extensions, resource } from './test-support/readers.ts';

function read(json: JsonObject) {
  const ignored: string[] = [];
  const message = fromBinary(ClusterSchema, resource('Cluster', { name: 'c', ...json }).value);
  return { ...readCluster(message, 'v', { extensions, ignored: (path) => ignored.push(path) }), ignored };
}

describe('readCluster', () => {
  test("fills in Envoy's defaults", () => {
    assert.deepEqual(read({ name: 'outbound|80||a.b:x' }).config, {
      name: 'outbound|80||a.b:x',
      version: 'v',
      statName: 'outbound|80||a.b_x',
      discovery: { kind: 'static', endpoints: { name: 'outbound|80||a.b:x', version: 'v', groups: [] } },
      balancer: { name: 'round_robin', options: undefined },
      connectTimeoutMs: 5_000,
      httpCodec: { kind: 'named', name: 'http1' },
      codecSettings: {},
      codecLimits: { ...defaultCodecLimits, http1ResponseHeadBytesMax: 80 * 1024 },
      keepalive: undefined,
      tls: undefined,
      autoServerName: undefined,
      limits: { connectionsMax: 1024, pendingRequestsMax: 1024, requestsMax: 1024, retriesMax: 3 },
      maxRequestsPerConnection: 0,
      idleTimeoutMs: 3_600_000,
      connectionDurationMs: 0,
      streamDurationMs: 0,
      multiplexedConnections: 1,
      bufferBytesMax: 1024 * 1024,
    });
  });

  test('reads endpoints with weight, health, locality and priority', () => {
    const { discovery } = read({
      load_assignment: {
        cluster_name: 'ignored',
        endpoints: [
          {
            locality: { region: 'r', zone: 'z' },
            priority: 1,
            load_balancing_weight: 7,
            lb_endpoints: [
              { endpoint: { address: address(1), hostname: 'h' }, load_balancing_weight: 3, health_status: 'DRAINING' },
              { endpoint: { address: { pipe: { path: '/p' } } }, health_status: 'DEGRADED' },
            ],
          },
        ],
      },
    }).config;
    assert.deepEqual(discovery.kind === 'static' && discovery.endpoints, {
      name: 'c',
      version: 'v',
      groups: [
        {
          locality: 'r/z/',
          priority: 1,
          weight: 7,
          hosts: [
            { address: { kind: 'ip', host: '127.0.0.1', port: 1 }, weight: 3, healthy: false, hostname: 'h' },
            { address: { kind: 'pipe', path: '/p' }, weight: 1, healthy: true, hostname: '' },
          ],
        },
      ],
    });
  });

  test('knows EDS, DNS and original destination', () => {
    const eds = read({
      type: 'EDS',
      eds_cluster_config: { service_name: 's', eds_config: { ...ads, initial_fetch_timeout: '0s' } },
    });
    assert.deepEqual(eds.config.discovery, { kind: 'eds', serviceName: 's' });
    assert.equal(eds.fetchTimeoutMs, 0);
    const endpoints = {
      cluster_name: 'c',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(1, 'a.example') } }] }],
    };
    assert.deepEqual(
      read({ type: 'LOGICAL_DNS', load_assignment: endpoints, dns_refresh_rate: '60s' }).config.discovery,
      {
        kind: 'dns',
        strict: false,
        refreshMs: 60_000,
        endpoints: [{ host: 'a.example', port: 1, weight: 1 }],
      },
    );
    const original = read({ type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' }).config;
    assert.deepEqual(original.discovery, {
      kind: 'original-dst',
      header: undefined,
      portOverride: undefined,
      cleanupMs: 5000,
    });
    const named = read({
      type: 'ORIGINAL_DST',
      lb_policy: 'CLUSTER_PROVIDED',
      original_dst_lb_config: { use_http_header: true, upstream_port_override: 15_008 },
      cleanup_interval: '1s',
    }).config;
    assert.deepEqual(named.discovery, {
      kind: 'original-dst',
      header: 'x-envoy-original-dst-host',
      portOverride: 15_008,
      cleanupMs: 1000,
    });
  });

  test('reads the balancer from either field', () => {
    assert.deepEqual(
      read({ lb_policy: 'LEAST_REQUEST', least_request_lb_config: { choice_count: 5 } }).config.balancer,
      {
        name: 'least_request',
        options: { choiceCount: 5, activeRequestBias: 1 },
      },
    );
    const policy = (name: string, type: string, rest: JsonObject = {}) => ({
      typed_extension_config: {
        name,
        typed_config: { '@type': `type.googleapis.com/envoy.extensions.load_balancing_policies.${type}`, ...rest },
      },
    });
    const random = { policies: [policy('r', 'random.v3.Random')] };
    const nested = policy('w', 'wrr_locality.v3.WrrLocality', { endpoint_picking_policy: random });
    assert.equal(read({ load_balancing_policy: { policies: [nested] } }).config.balancer.name, 'random');
  });

  test('reads limits, connection options and what only tunes', () => {
    const { config, ignored } = read({
      circuit_breakers: {
        thresholds: [
          { priority: 'HIGH', max_connections: 1 },
          { max_connections: 2, max_retries: 0 },
        ],
      },
      common_http_protocol_options: { idle_timeout: '10s', max_requests_per_connection: 9 },
      http_protocol_options: { accept_http_10: true, default_host_for_http_10: 'd' },
      outlier_detection: {},
    });
    assert.deepEqual(config.limits, { connectionsMax: 2, pendingRequestsMax: 1024, requestsMax: 1024, retriesMax: 0 });
    assert.equal(config.idleTimeoutMs, 10_000);
    assert.equal(config.maxRequestsPerConnection, 9);
    assert.deepEqual(config.codecSettings, { http1: { acceptHttp10: true, defaultHostForHttp10: 'd' } });
    assert.deepEqual(ignored, ['outlier_detection']);
  });

  for (const [what, json, reason] of [
    ['no name', { name: '' }, /^name: "": must not be empty/],
    ['an unsupported balancer', { lb_policy: 'MAGLEV' }, /^lb_policy: "MAGLEV": is not supported/],
    [
      'EDS from a file',
      { type: 'EDS', eds_cluster_config: { eds_config: { path: '/x' } } },
      /^eds_cluster_config\.eds_config: "path": must be ads/,
    ],
    ['EDS from nowhere', { type: 'EDS' }, /^eds_cluster_config\.eds_config: absent/],
    [
      'a name as a static address',
      { load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { address: address(1, 'a.b') } }] }] } },
      /address\.socket_address\.address: "a\.b": must be an IP address/,
    ],
    [
      'a weight of nothing',
      {
        load_assignment: {
          endpoints: [{ lb_endpoints: [{ endpoint: { address: address(1) }, load_balancing_weight: 0 }] }],
        },
      },
      /lb_endpoints\[0\]\.load_balancing_weight: 0/,
    ],
    [
      'two logical hosts',
      { type: 'LOGICAL_DNS', load_assignment: endpointsJson('c', 1, 2) },
      /^load_assignment: "2 endpoints"/,
    ],
    ['negative time', { connect_timeout: '-1s' }, /^connect_timeout: "-1000ms": must not be negative/],
    ['no time at all', { connect_timeout: '0s' }, /^connect_timeout: "0s": must be above 0/],
    [
      'sockets by metadata',
      { transport_socket_matches: [{ name: 'x' }] },
      /^transport_socket_matches: present: is not supported/,
    ],
    [
      'TLS without a type',
      { transport_socket: { name: 'tls' } },
      /^transport_socket\.typed_config: absent: is required/,
    ],
  ] as [string, JsonObject, RegExp][]) {
    test(`refuses ${what}`, () => {
      assert.throws(
        () => read(json),
        (error: Error) => reason.test(error.message) || assert.fail(error.message),
      );
    });
  }
});
