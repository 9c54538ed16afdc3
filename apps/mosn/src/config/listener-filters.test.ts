import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBinary, fromJson, type JsonObject } from '@bufbuild/protobuf';
import { LayeredRuntimeSchema } from '@sofamesh/api/gen/envoy/config/bootstrap/v3/bootstrap_pb';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { readListener } from './listener.ts';
import { downstreamConnectionsMax, readRuntime } from './runtime.ts';
import { address, extensions, listenerJson, resource } from './test-support/readers.ts';

function read(json: JsonObject) {
  const ignored: string[] = [];
  const message = fromBinary(ListenerSchema, resource('Listener', json).value);
  return { ...readListener(message, 'v', { extensions, ignored: (path) => ignored.push(path) }), ignored };
}

function filter(name: string, type: string, fields: JsonObject): JsonObject {
  return { name, typed_config: { '@type': `type.googleapis.com/${type}`, ...fields } };
}

const tcp = (fields: JsonObject) =>
  filter('envoy.filters.network.tcp_proxy', 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: 't',
    ...fields,
  });

const proxyProtocolType = 'envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol';

function withMatch(manager: JsonObject, match: JsonObject): JsonObject {
  return { ...listenerJson('l', manager), filter_chains: [{ filter_chain_match: match, filters: [manager] }] };
}

function withFilters(manager: JsonObject, ...filters: JsonObject[]): JsonObject {
  return { ...listenerJson('l', manager), listener_filters: filters };
}

function udpProxy(fields: JsonObject): JsonObject {
  return filter('u', 'envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig', { stat_prefix: 'u', ...fields });
}

function udpJson(fields: JsonObject): JsonObject {
  return {
    name: 'u',
    address: { socket_address: { protocol: 'UDP', address: '127.0.0.1', port_value: 53 } },
    listener_filters: [udpProxy({ cluster: 'c' })],
    ...fields,
  };
}

describe('what comes before filter chains, and instead of them', () => {
  test('reads listener filters, in their order', () => {
    const { config } = read({
      ...listenerJson('l', tcp({ cluster: 'c' })),
      use_original_dst: true,
      bind_to_port: false,
      additional_addresses: [{ address: address(2, '::1') }],
      listener_filters: [
        filter('p', proxyProtocolType, {
          allow_requests_without_proxy_protocol: true,
          disallowed_versions: ['V1'],
          rules: [{ tlv_type: 2, on_tlv_present: { key: 'authority' } }],
          pass_through_tlvs: { match_type: 'INCLUDE', tlv_type: [5] },
          stat_prefix: 's',
        }),
        {
          ...filter('i', 'envoy.extensions.filters.listener.http_inspector.v3.HttpInspector', {}),
          filter_disabled: {
            or_match: {
              rules: [
                { destination_port_range: { start: 1, end: 3 } },
                { not_match: { and_match: { rules: [{ any_match: true }, { any_match: true }] } } },
              ],
            },
          },
        },
      ],
    });
    assert.deepEqual([config.useOriginalDst, config.bindToPort], [true, false]);
    assert.deepEqual(config.additionalAddresses, [{ kind: 'ip', host: '::1', port: 2 }]);
    const any = { kind: 'any' };
    assert.deepEqual(config.listenerFilters, [
      {
        kind: 'proxy-protocol',
        versions: [2],
        allowWithout: true,
        rules: [{ tlvType: 2, namespace: 'envoy.filters.listener.proxy_protocol', key: 'authority' }],
        passTlvs: [5],
        statPrefix: 's',
        disabled: undefined,
      },
      {
        kind: 'http-inspector',
        disabled: {
          kind: 'or',
          rules: [
            { kind: 'range', from: 1, to: 3 },
            { kind: 'not', rule: { kind: 'and', rules: [any, any] } },
          ],
        },
      },
    ]);
    const old = {
      ...listenerJson('l', tcp({ cluster: 'c' })),
      filter_chains: [{ use_proxy_proto: true, filters: [tcp({ cluster: 'c' })] }],
    };
    assert.deepEqual(
      read(old).config.listenerFilters.map(({ kind }) => kind),
      ['proxy-protocol'],
    );
  });

  test('reads UDP proxies', () => {
    const { udp } = read(
      udpJson({
        udp_listener_config: { downstream_socket_config: { max_rx_datagram_size: 9000 } },
        listener_filters: [
          udpProxy({
            matcher: {
              on_no_match: {
                action: {
                  name: 'r',
                  typed_config: {
                    '@type': 'type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.Route',
                    cluster: 'c',
                  },
                },
              },
            },
            hash_policies: [{ source_ip: true }],
            idle_timeout: '5s',
          }),
        ],
      }),
    ).config;
    assert.deepEqual(udp, {
      datagramBytesMax: 9000,
      proxy: {
        statPrefix: 'u',
        cluster: 'c',
        idleTimeoutMs: 5000,
        hashSourceIp: true,
        perPacket: false,
        upstreamDatagramBytesMax: 1500,
        sessionsMax: 16_384,
        accessLogs: [],
      },
    });
  });

  test('reads the options of a TCP proxy', () => {
    const { config, ignored } = read(
      listenerJson(
        'l',
        tcp({
          cluster: 'c',
          max_downstream_connection_duration: '60s',
          hash_policy: [{ source_ip: {} }],
          access_log_options: { access_log_flush_interval: '5s', flush_access_log_on_connected: true },
          metadata_match: {},
        }),
      ),
    );
    const network = config.filterChains[0]?.network;
    assert.ok(network?.kind === 'tcp');
    const { maxDurationMs, hashSourceIp, logOnConnect, logFlushIntervalMs } = network;
    assert.deepEqual([maxDurationMs, hashSourceIp, logOnConnect, logFlushIntervalMs], [60_000, true, true, 5000]);
    assert.match(ignored.join(), /metadata_match/);
  });

  test('the runtime limits connections', () => {
    const warnings: string[] = [];
    const layers = [
      { overload: { global_downstream_max_connections: 100 } },
      { 'envoy.resource_limits.listener.l.connection_limit': '7', 'health_check.min_interval': 1 },
    ];
    const json = { layers: layers.map((layer, index) => ({ name: `${index}`, static_layer: layer })) } as JsonObject;
    const message = fromJson(LayeredRuntimeSchema, json);
    const runtime = readRuntime(message, (warning) => warnings.push(warning));
    assert.equal(downstreamConnectionsMax(runtime), 100);
    assert.match(warnings.join(), /health_check\.min_interval/);
    const listener = fromBinary(ListenerSchema, resource('Listener', listenerJson('l', tcp({ cluster: 'c' }))).value);
    const { config } = readListener(listener, 'v', { extensions, runtime, ignored() {} });
    assert.equal(config.connectionsMax, 7);
  });

  const manager = tcp({ cluster: 'c' });
  const at = String.raw`filter_chains\[0\]\.filters\[0\]\.typed_config`;
  for (const [what, json, reason] of [
    ['UDP over TCP', { ...listenerJson('l', manager), udp_listener_config: {} }, /^udp_listener_config: present/],
    ['a wrong source port', withMatch(manager, { source_ports: [0] }), /source_ports\[0\]: 0/],
    [
      'a filter that chooses source addresses',
      withFilters(manager, filter('o', 'envoy.extensions.filters.listener.original_src.v3.OriginalSrc', {})),
      /^listener_filters\[0\]\.typed_config: .*: is not supported/,
    ],
    [
      'no version of the PROXY protocol',
      withFilters(manager, filter('p', proxyProtocolType, { disallowed_versions: ['V1', 'V2'] })),
      /^listener_filters\[0\]\.typed_config\.disallowed_versions/,
    ],
    [
      'a predicate without a rule',
      withFilters(manager, {
        ...filter('i', 'envoy.extensions.filters.listener.http_inspector.v3.HttpInspector', {}),
        filter_disabled: { not_match: {} },
      }),
      /^listener_filters\[0\]\.filter_disabled\.not_match: absent/,
    ],
    ['a freebind socket', { ...listenerJson('l', manager), freebind: true }, /^freebind: present: is not supported/],
    ['chains on UDP', udpJson({ filter_chains: [{ filters: [manager] }] }), /^filter_chains: present/],
    ['UDP without a filter', udpJson({ listener_filters: [] }), /^listener_filters: "\[\]"/],
    ['QUIC', udpJson({ udp_listener_config: { quic_options: {} } }), /^udp_listener_config\.quic_options/],
    [
      "UDP from the client's own address",
      udpJson({ listener_filters: [udpProxy({ cluster: 'c', use_original_src_ip: true })] }),
      /use_original_src_ip: "true": is not supported/,
    ],
    [
      'a tree of UDP routes',
      udpJson({ listener_filters: [udpProxy({ matcher: { matcher_list: {} } })] }),
      /matcher\.matcher_list: present: is not supported/,
    ],
    [
      'a TCP proxy on demand',
      listenerJson('l', tcp({ cluster: 'x', on_demand: {} })),
      new RegExp(`^${at}\\.on_demand: present`),
    ],
    [
      'a TCP proxy that hashes',
      listenerJson('l', tcp({ cluster: 'x', hash_policy: [{ filter_state: { key: 'k' } }] })),
      new RegExp(`^${at}\\.hash_policy\\[0\\]: "filter_state"`),
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
