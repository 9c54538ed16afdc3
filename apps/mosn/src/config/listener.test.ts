import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBinary, type JsonObject } from '@bufbuild/protobuf';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { boltSettings, defaultBoltSettings } from '@sofamesh/protocols/bolt/settings';
import { defaultDubboSettings, dubboSettings } from '@sofamesh/protocols/dubbo/settings';
import { readListener } from './listener.ts';
import {
  address,
  ads,
  connectionManager,
  extensions,
  listenerJson,
  resource,
  routesJson,
} from './test-support/readers.ts';

function read(json: JsonObject) {
  const ignored: string[] = [];
  const message = fromBinary(ListenerSchema, resource('Listener', json).value);
  return { ...readListener(message, 'v', { extensions, ignored: (path) => ignored.push(path) }), ignored };
}

const rds = (name: string, source: JsonObject = ads) => ({ rds: { route_config_name: name, config_source: source } });

function filter(name: string, type: string, fields: JsonObject): JsonObject {
  return { name, typed_config: { '@type': `type.googleapis.com/${type}`, ...fields } };
}

const tcp = (fields: JsonObject) =>
  filter('envoy.filters.network.tcp_proxy', 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: 't',
    ...fields,
  });
const rpc = (fields: JsonObject) =>
  filter('mosn.filters.network.x_proxy', 'mosn.extensions.filters.network.x_proxy.v1.XProxy', {
    stat_prefix: 'x',
    protocol: 'bolt',
    ...fields,
  });

describe('readListener', () => {
  test("fills in Envoy's defaults", () => {
    const { config, routes } = read(listenerJson('', connectionManager(rds('r'))));
    const [chain] = config.filterChains;
    assert.ok(chain?.network.kind === 'http');
    const { network } = chain;
    assert.equal(config.name, '127.0.0.1:0');
    assert.deepEqual(routes, [{ name: 'r', fetchTimeoutMs: 15_000 }]);
    assert.deepEqual(network.routes, { kind: 'named', name: 'r' });
    assert.deepEqual(network.filters, [
      { name: 'envoy.filters.http.router', config: { suppressEnvoyHeaders: false }, disabled: false },
    ]);
    assert.deepEqual(network.limits, {
      headBytesMax: 61_440,
      headerCountMax: 100,
      frameBytesMax: 8_388_608,
      streamsMax: 1024,
    });
    const {
      codec,
      idleTimeoutMs,
      streamIdleTimeoutMs,
      requestTimeoutMs,
      messageProgressTimeoutMs,
      drainTimeoutMs,
      generateRequestId,
      normalizePath,
    } = network;
    assert.deepEqual(
      {
        codec,
        idleTimeoutMs,
        streamIdleTimeoutMs,
        requestTimeoutMs,
        messageProgressTimeoutMs,
        drainTimeoutMs,
        generateRequestId,
        normalizePath,
      },
      {
        codec: 'auto',
        idleTimeoutMs: 3_600_000,
        streamIdleTimeoutMs: 300_000,
        requestTimeoutMs: 0,
        messageProgressTimeoutMs: 0,
        drainTimeoutMs: 5_000,
        generateRequestId: true,
        normalizePath: false,
      },
    );
    assert.deepEqual(config.listenerFilters, []);
    assert.deepEqual([config.bindToPort, config.useOriginalDst, config.transparent], [true, false, false]);
    assert.equal(config.inspectTimeoutMs, 15_000);
  });

  test('reads how an address takes both families, and the permissions of a Unix socket', () => {
    const at = (json: JsonObject) =>
      read({ ...listenerJson('l', connectionManager(rds('r'))), address: json }).config.address;
    const both = { socket_address: { address: '::', port_value: 1, ipv4_compat: true } };
    assert.deepEqual(at(both), { kind: 'ip', host: '::', port: 1, ipv4Compat: true });
    assert.deepEqual(at({ pipe: { path: '/x', mode: 0o600 } }), { kind: 'pipe', path: '/x', mode: 0o600 });
    assert.throws(() => at({ pipe: { path: '/x', mode: 512 } }), /address\.pipe\.mode: 512: must be at most 511/);
  });

  test('reads network filters that answer themselves or stand before another', () => {
    const at = 'envoy.extensions.filters.network';
    const limit = (fields: JsonObject) =>
      filter('envoy.filters.network.connection_limit', `${at}.connection_limit.v3.ConnectionLimit`, {
        stat_prefix: 'l',
        ...fields,
      });
    const sni = filter('envoy.filters.network.sni_cluster', `${at}.sni_cluster.v3.SniCluster`, {});
    const echo = filter('envoy.filters.network.echo', `${at}.echo.v3.Echo`, {});
    const direct = filter('envoy.filters.network.direct_response', `${at}.direct_response.v3.Config`, {
      response: { inline_string: 'no' },
    });
    const chainOf = (...filters: JsonObject[]) =>
      read({ ...listenerJson('l', echo), filter_chains: [{ filters }] }).config.filterChains[0]!;
    const named = (name: string, config: unknown) => ({
      kind: 'catalogue',
      name: `envoy.filters.network.${name}`,
      config,
    });
    assert.deepEqual(chainOf(echo).network, named('echo', undefined));
    assert.deepEqual(chainOf(direct).network, named('direct_response', { response: new TextEncoder().encode('no') }));
    const one = limit({ max_connections: 1 });
    const whole = chainOf(limit({ max_connections: 2, delay: '1s' }), sni, one, tcp({ cluster: 'c' }));
    assert.deepEqual(whole.earlyFilters, [
      named('connection_limit', { statPrefix: 'l', connectionsMax: 2, delayMs: 1000 }),
      named('sni_cluster', undefined),
      named('connection_limit', { statPrefix: 'l', connectionsMax: 1, delayMs: 0 }),
    ]);
    assert.equal(whole.network.kind, 'tcp');

    assert.throws(() => chainOf(sni), /filters\[0\].typed_config: .*ends a chain with this/);
    assert.throws(() => chainOf(one, one), /filters\[1\].typed_config: .*ends a chain with this/);
    assert.throws(
      () => chainOf(limit({ max_connections: 0 }), echo),
      /: filter_chains\[0\]\.filters\[0\]\.typed_config\.max_connections: 0: must be at least 1$/,
    );
    assert.throws(
      () => chainOf(echo, tcp({ cluster: 'c' })),
      /filters\[1\]: .*no filter can follow envoy.filters.network.echo/,
    );
    const unknown = filter('a.b', 'google.protobuf.Struct', { value: {} });
    assert.throws(
      () => chainOf(unknown),
      /filters\[0\]\.typed_config: .*Struct": no network filter of this proxy ends a chain/,
    );
    assert.throws(
      () => chainOf(unknown, echo),
      /filters\[0\]\.typed_config: .*Struct": no network filter of this proxy reads this \(a\.b\)/,
    );
  });

  test('reads RPC and TCP proxies', () => {
    const { config, routes } = read({
      name: 'l',
      address: address(1),
      stat_prefix: 'front',
      traffic_direction: 'INBOUND',
      filter_chains: [
        {
          filters: [
            rpc({
              service_level: 'LIGHT',
              ...rds('r', { ...ads, initial_fetch_timeout: '1s' }),
              limits: { max_frame_bytes: 10 },
            }),
          ],
        },
      ],
      default_filter_chain: {
        filters: [
          tcp({
            weighted_clusters: {
              clusters: [
                { name: 'a', weight: 1 },
                { name: 'b', weight: 3 },
              ],
            },
          }),
        ],
      },
      listener_filters: [
        filter('i', 'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
        filter('o', 'envoy.extensions.filters.listener.original_dst.v3.OriginalDst', {}),
      ],
    });
    const network = config.filterChains[0]?.network;
    assert.ok(network?.kind === 'rpc');
    assert.equal(network.protocol, 'bolt');
    assert.equal(network.serviceLevel, 'light');
    assert.equal(network.limits.frameBytesMax, 10);
    assert.equal(network.messageProgressTimeoutMs, 10_000);
    assert.deepEqual(routes, [{ name: 'r', fetchTimeoutMs: 1_000 }]);
    const other = config.defaultFilterChain?.network;
    assert.deepEqual(other?.kind === 'tcp' && other.clusters, [
      { name: 'a', weight: 1 },
      { name: 'b', weight: 3 },
    ]);
    assert.deepEqual(config.listenerFilters, [
      { kind: 'tls-inspector', disabled: undefined },
      { kind: 'original-dst', disabled: undefined },
    ]);
    assert.equal(config.direction, 'inbound');
    assert.equal(config.statPrefix, 'front');
  });

  test('reads matches, upgrades and HTTP/1 options', () => {
    const manager = connectionManager({
      ...rds('r'),
      codec_type: 'HTTP1',
      upgrade_configs: [{ upgrade_type: 'WebSocket' }, { upgrade_type: 'CONNECT', enabled: false }],
      http_protocol_options: { accept_http_10: true },
      max_request_headers_kb: 8,
      common_http_protocol_options: { max_headers_count: 7 },
    });
    const match = {
      destination_port: 80,
      prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }],
      server_names: ['A.example', '*.b'],
      transport_protocol: 'tls',
      source_type: 'EXTERNAL',
      source_ports: [4000],
    };
    const [chain] = read({
      ...listenerJson('l', manager),
      filter_chains: [{ filter_chain_match: match, filters: [manager] }],
    }).config.filterChains;
    assert.deepEqual(chain?.match, {
      destinationPort: 80,
      destinationPrefixes: ['10.0.0.0/8'],
      serverNames: ['a.example', '*.b'],
      transportProtocol: 'tls',
      applicationProtocols: [],
      directSourcePrefixes: [],
      sourceType: 'external',
      sourcePrefixes: [],
      sourcePorts: [4000],
    });
    assert.ok(chain.network.kind === 'http');
    assert.deepEqual(chain.network.upgrades, [
      { type: 'websocket', enabled: true, filters: undefined },
      { type: 'connect', enabled: false, filters: undefined },
    ]);
    assert.deepEqual(chain.network.codecSettings, { http1: { acceptHttp10: true }, http2: { allowConnect: true } });
    assert.equal(chain.network.limits.headBytesMax, 8192);
    assert.equal(chain.network.limits.headerCountMax, 7);
  });

  test('an optional filter that is unknown is left out and told, a required one is refused', () => {
    const unknown = { '@type': 'type.googleapis.com/xds.type.v3.TypedStruct', type_url: 'x' };
    const filters = (optional: boolean) => [{ name: 'u', is_optional: optional, typed_config: unknown }];
    const { config, ignored } = read(
      listenerJson('l', connectionManager({ ...rds('r'), http_filters: filters(true) })),
    );
    assert.deepEqual(config.filterChains[0]?.network.kind === 'http' && config.filterChains[0].network.filters, []);
    assert.match(ignored.join(), /http_filters\[0\] \(u\)/);
    assert.throws(
      () => read(listenerJson('l', connectionManager({ ...rds('r'), http_filters: filters(false) }))),
      /http_filters\[0\]\.typed_config: "type\.googleapis\.com\/xds\.type\.v3\.TypedStruct": no filter of this proxy reads this \(u\)/,
    );
  });

  const manager = connectionManager(rds('r'));
  const at = String.raw`filter_chains\[0\]\.filters\[0\]\.typed_config`;
  for (const [what, json, reason] of [
    ['no address', { name: 'l' }, /^address: absent/],
    [
      'a name as address',
      { ...listenerJson('l', manager), address: address(1, 'localhost') },
      /^address\.socket_address\.address: "localhost"/,
    ],
    ['no chain', { name: 'l', address: address(1) }, /^filter_chains: "\[\]"/],
    ['an empty chain', { name: 'l', address: address(1), filter_chains: [{}] }, /^filter_chains\[0\]\.filters: "\[\]"/],
    [
      'a filter after the end',
      { name: 'l', address: address(1), filter_chains: [{ filters: [manager, tcp({ cluster: 'x' })] }] },
      /^filter_chains\[0\]\.filters\[1\]: "envoy\.filters\.network\.tcp_proxy"/,
    ],
    [
      'no routes',
      listenerJson('l', connectionManager({})),
      new RegExp(`^${at}: absent: must have one of rds, route_config`),
    ],
    [
      'routes from a file',
      listenerJson('l', connectionManager(rds('r', { path: '/x' }))),
      new RegExp(`^${at}\\.rds\\.config_source: "path"`),
    ],
    [
      'a route without match',
      listenerJson(
        'l',
        connectionManager({ route_config: { virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{}] }] } }),
      ),
      new RegExp(`^${at}\\.route_config\\.virtual_hosts\\[0\\]\\.routes\\[0\\]\\.match: absent`),
    ],
    [
      'HTTP/3',
      listenerJson('l', connectionManager({ ...rds('r'), codec_type: 'HTTP3' })),
      new RegExp(`^${at}\\.codec_type: "HTTP3"`),
    ],
    [
      'a wrong server name',
      {
        ...listenerJson('l', manager),
        filter_chains: [{ filter_chain_match: { server_names: ['a*'] }, filters: [manager] }],
      },
      /server_names\[0\]: "a\*"/,
    ],
    [
      'a wrong prefix',
      {
        ...listenerJson('l', manager),
        filter_chains: [
          {
            filter_chain_match: { prefix_ranges: [{ address_prefix: '1.2.3.4', prefix_len: 33 }] },
            filters: [manager],
          },
        ],
      },
      /prefix_ranges\[0\]\.prefix_len: 33/,
    ],
    ['no protocol', listenerJson('l', rpc({ protocol: '', ...rds('r') })), new RegExp(`^${at}\\.protocol: ""`)],
    ['an empty TCP proxy', listenerJson('l', tcp({})), new RegExp(`^${at}: absent: must have one of cluster`)],
    [
      'a table inside with a bad name',
      listenerJson(
        'l',
        connectionManager({ route_config: { ...routesJson('r', 'c'), request_headers_to_add: [{ header: {} }] } }),
      ),
      new RegExp(`^${at}\\.route_config\\.request_headers_to_add\\[0\\]\\.header\\.key: ""`),
    ],
  ] as [string, JsonObject, RegExp][]) {
    test(`refuses ${what}`, () => {
      assert.throws(
        () => read(json),
        (error: Error) => reason.test(error.message) || assert.fail(error.message),
      );
    });
  }

  test('bytes that are no message are refused with the path of their Any', () => {
    const message = fromBinary(ListenerSchema, resource('Listener', listenerJson('l', manager)).value);
    const config = message.filterChains[0]?.filters[0]?.configType;
    assert.ok(config?.case === 'typedConfig');
    config.value.value = new Uint8Array([0xff, 0xff, 0xff]);
    assert.throws(
      () => readListener(message, 'v', { extensions, ignored() {} }),
      /^FieldError|filters\[0\]\.typed_config: .*: cannot be decoded/,
    );
  });
});

describe('settings of RPC protocols', () => {
  const settingsOf = (fields: JsonObject) => {
    const { network } = read(listenerJson('l', rpc({ ...rds('r'), ...fields }))).config.filterChains[0]!;
    assert.ok(network.kind === 'rpc');
    return network.codecSettings;
  };

  test('and others are told where they have no effect', () => {
    const limits = { max_frame_bytes: 9, frame_progress_timeout: '1s', max_concurrent_calls: 2 };
    const all = { ...rds('r'), limits, method_stats: true, bolt: {}, dubbo: {} };
    const at = 'filter_chains[0].filters[0].typed_config.';
    const ignoredOf = (fields: JsonObject) =>
      read(listenerJson('l', rpc({ ...all, ...fields }))).ignored.map((path) => path.replace(at, ''));
    assert.deepEqual(ignoredOf({ protocol: 'bolt, dubbo' }), []);
    assert.deepEqual(ignoredOf({ protocol: 'auto' }), []);
    assert.deepEqual(ignoredOf({ protocol: 'tars' }), ['bolt', 'dubbo']);
    assert.deepEqual(ignoredOf({ protocol: 'bolt', service_level: 'LIGHT' }), ['method_stats', 'dubbo']);
    assert.deepEqual(ignoredOf({ protocol: 'bolt,dubbo', service_level: 'RELAY' }), [
      'method_stats',
      ...Object.keys(limits).map((field) => `limits.${field}`),
      'bolt',
      'dubbo',
    ]);
    assert.deepEqual(ignoredOf({ service_level: 'LIGHT', method_stats: false, dubbo: null, bolt: null }), []);
  });

  test('are what their codecs understand', () => {
    assert.deepEqual(settingsOf({}), {});
    const settings = settingsOf({
      bolt: { send_goaway: true },
      dubbo: { max_timeout_scan_bytes: 0, max_attachment_scan_bytes: 5 },
    });
    assert.deepEqual(boltSettings(settings['bolt']), { goAwayFrame: true });
    assert.deepEqual(dubboSettings(settings['dubbo']), { timeoutScanBytesMax: 0, attachmentScanBytesMax: 5 });
  });

  test('have the defaults of their codecs where they are not given', () => {
    const settings = settingsOf({ bolt: {}, dubbo: {} });
    assert.deepEqual(boltSettings(settings['bolt']), defaultBoltSettings);
    assert.deepEqual(dubboSettings(settings['dubbo']), defaultDubboSettings);
  });
});
