import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { BootstrapError } from '../config/bootstrap.ts';
import { isMosnConfig, mayBeMosnConfig } from './is-mosn-config.ts';
import { type ConvertedConfig, convertMosnConfig } from './mosn-config.ts';

const route = { match: { prefix: '/' }, route: { cluster_name: 'app' } } as JsonObject;

interface Parts {
  readonly listener?: JsonObject;
  readonly proxy?: JsonObject;
  readonly chain?: JsonObject;
  readonly router?: JsonObject;
  readonly cluster?: JsonObject;
  readonly root?: JsonObject;
}

/** One listener, one router, one cluster, each with fields of the test's own. */
function config({ listener, proxy, chain, router, cluster, root }: Parts = {}): JsonObject {
  const filter = { type: 'proxy', config: { downstream_protocol: 'Http1', router_config_name: 'r', ...proxy } };
  return {
    servers: [
      {
        routers: [
          {
            router_config_name: 'r',
            virtual_hosts: [{ name: 'all', domains: ['*'], routers: [{ ...route, ...router }] }],
          },
        ],
        listeners: [
          {
            name: 'in',
            address: '127.0.0.1:0',
            bind_port: true,
            filter_chains: [{ filters: [filter], ...chain }],
            ...listener,
          },
        ],
      },
    ],
    cluster_manager: { clusters: [{ name: 'app', hosts: [{ address: '127.0.0.1:80' }], ...cluster }] },
    ...root,
  };
}

const convert = (json: JsonValue): ConvertedConfig => convertMosnConfig(json, () => []);

function problemsOf(json: JsonValue): readonly string[] {
  try {
    convert(json);
  } catch (thrown) {
    assert.ok(thrown instanceof BootstrapError, String(thrown));
    return thrown.problems;
  }
  assert.fail('the file was accepted');
}

const inListener = 'servers[0].listeners[0]';
const inProxy = `${inListener}.filter_chains[0].filters[0].config`;
const inRouter = 'servers[0].routers[0].virtual_hosts[0].routers[0]';
const inCluster = 'cluster_manager.clusters[0]';

describe('a file is taken for MOSN’s', () => {
  test('by the names at its top', () => {
    const own: JsonObject[] = [config(), { Servers: [] }, { cluster_manager: { clusters: [] } }, { extends: [] }];
    for (const json of own) {
      assert.ok(isMosnConfig(json), JSON.stringify(json));
      assert.ok(mayBeMosnConfig(JSON.stringify(json)));
    }
    assert.ok(!mayBeMosnConfig(JSON.stringify({ static_resources: { listeners: [] }, admin: {} })));
  });

  test('and not when Envoy’s bootstrap has them', () => {
    const others: JsonValue[] = [
      {},
      null,
      [],
      'servers',
      { static_resources: { listeners: [] }, admin: {}, node: {} },
      { cluster_manager: { local_cluster_name: 'x' } },
      { cluster_manager: null },
    ];
    for (const json of others) assert.ok(!isMosnConfig(json), JSON.stringify(json));
  });
});

describe('what cannot work is refused by path, value and reason', () => {
  const cases: readonly (readonly [name: string, parts: Parts, problem: string])[] = [
    [
      'a name that is almost a field',
      { listener: { adress: 'x' } },
      `${inListener}.adress: "x": is not a field of a listener; did you mean address?`,
    ],
    [
      'a router that is not there',
      { proxy: { router_config_name: 'q' } },
      `${inProxy}.router_config_name: "q": is the name of no router configuration; did you mean r?`,
    ],
    [
      'a protocol that is none',
      { proxy: { downstream_protocol: 'bolt,dubo' } },
      `${inProxy}.downstream_protocol: "bolt,dubo": dubo is no protocol; did you mean dubbo?`,
    ],
    [
      'X without a name',
      { proxy: { downstream_protocol: 'X' } },
      `${inProxy}.downstream_protocol: "X": X needs extend_config.sub_protocol`,
    ],
    [
      'calls as HTTP/1.1',
      { proxy: { downstream_protocol: 'bolt', upstream_protocol: 'Http1' } },
      `${inProxy}.upstream_protocol: "Http1": calls of bolt cannot be sent as HTTP/1.1`,
    ],
    [
      'a protocol as another',
      { proxy: { downstream_protocol: 'bolt', upstream_protocol: 'dubbo' } },
      `${inProxy}.upstream_protocol: "dubbo": calls of bolt are not turned into calls of another protocol`,
    ],
    [
      'a cluster that is not there',
      { router: { route: { cluster_name: 'ap' } } },
      `${inRouter}.route.cluster_name: "ap": is no cluster; did you mean app?`,
    ],
    [
      'an expression that is none',
      { router: { match: { regex: '(' } } },
      `${inRouter}.match.regex: "(": cannot be used: regex "(": error parsing regexp: missing closing ): \`(\``,
    ],
    [
      'an expression language',
      { router: { match: { dsl_expressions: [{ expression: 'true' }] } } },
      `${inRouter}.match.dsl_expressions: a list: expressions are not evaluated by this proxy`,
    ],
    [
      'a variable that nobody knows',
      { router: { match: { variables: [{ name: 'x-mosn-querystring', value: 'a' }] } } },
      `${inRouter}.match.variables[0].name: "x-mosn-querystring": is no variable that a route of this proxy can be chosen by`,
    ],
    [
      'the path twice',
      {
        router: {
          match: {
            variables: [
              { name: 'x-mosn-path', value: '/a' },
              { name: 'x-mosn-path', value: '/b' },
            ],
          },
        },
      },
      `${inRouter}.match.variables: a list: the path can be tested once only`,
    ],
    [
      'a filter that lets fewer in',
      { listener: { stream_filters: [{ type: 'ip_access', config: {} }] } },
      `${inListener}.stream_filters[0].type: "ip_access": is not supported, and without it more would get through than this file allows`,
    ],
    [
      'a filter of Go',
      { listener: { stream_filters: [{ type: 'x', go_plugin_config: { so_path: 'a.so' } }] } },
      `${inListener}.stream_filters[0].type: "x": code compiled for Go cannot be loaded`,
    ],
    [
      'a filter of no kind',
      { chain: { filters: [{ type: 'tcp_prox' }] } },
      `${inListener}.filter_chains[0].filters[0].type: "tcp_prox": is no filter; did you mean tcp_proxy?`,
    ],
    [
      'no filter',
      { chain: { filters: [] } },
      `${inListener}.filter_chains[0].filters: a list: must have one proxy or one tcp_proxy, or a tcp_proxy behind a proxy`,
    ],
    [
      'an address without a port',
      { listener: { address: 'localhost' } },
      `${inListener}.address: "localhost": must be host:port`,
    ],
    [
      'a balancer by hash',
      { cluster: { lb_type: 'LB_MAGLEV' } },
      `${inCluster}.lb_type: "LB_MAGLEV": is not supported: no hash chooses hosts`,
    ],
    [
      'a balancer that is none',
      { cluster: { lb_type: 'LB_RANDUM' } },
      `${inCluster}.lb_type: "LB_RANDUM": is not known; did you mean LB_RANDOM?`,
    ],
    [
      'a negative timeout',
      { cluster: { connect_timeout: '-1s' } },
      `${inCluster}.connect_timeout: "-1s": must be a duration such as "1.5s", or nanoseconds`,
    ],
    [
      'TLS that trusts nobody by name',
      { cluster: { tls_context: { status: true } } },
      `${inCluster}.tls_context.server_name: absent: is required unless insecure_skip: what else should a certificate be for?`,
    ],
    [
      'a listener with TLS and no certificate',
      { chain: { tls_context: { status: true } } },
      `${inListener}.filter_chains[0].tls_context.cert_chain: absent: is required for a listener`,
    ],
    [
      'secrets by SDS',
      {
        cluster: {
          tls_context: { status: true, insecure_skip: true, sds_source: { CertificateConfig: { name: 'x' } } },
        },
      },
      `${inCluster}.tls_context.sds_source: an object: secrets by SDS are not supported: name files`,
    ],
    [
      'hosts without TLS among others',
      {
        cluster: {
          tls_context: { status: true, insecure_skip: true },
          hosts: [{ address: '1.1.1.1:1', tls_disable: true }, { address: '1.1.1.2:1' }],
        },
      },
      `${inCluster}.hosts[0].tls_disable: true: is not supported for some hosts of a cluster only`,
    ],
    ['two servers', { root: { servers: [{}, {}] } }, 'servers: a list: must have one'],
  ];
  for (const [name, parts, problem] of cases) {
    test(name, () => assert.deepEqual(problemsOf(config(parts)), [problem]));
  }

  test('all at once', () => {
    const broken = config({ listener: { address: 5 }, cluster: { hosts: 'x' }, proxy: { upstream_protocol: 'Htp1' } });
    assert.deepEqual(problemsOf(broken), [
      `${inListener}.address: 5: must be text`,
      `${inListener}.address: 5: is required`,
      `${inProxy}.upstream_protocol: "Htp1": Htp1 is no protocol; did you mean Http1?`,
      `${inCluster}.hosts: "x": must be a list`,
    ]);
  });

  test('keys never appear', () => {
    const line = (word: string) => `-----${word} PRIVATE KEY-----`;
    const key = `${line('BEGIN')}\nc2VjcmV0c2VjcmV0\n${line('END')}`;
    const json = config({ cluster: { tls_context: { status: true, insecure_skip: true, privat_key: key } } });
    const lines = problemsOf(json);
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /privat_key: PEM: .* did you mean private_key\?/);
  });
});

describe('what has no effect is said', () => {
  const warningsOf = (parts: Parts) => convert(config(parts)).warnings;

  test('once for each field, and not for zero values', () => {
    assert.deepEqual(warningsOf({}), []);
    assert.deepEqual(warningsOf({ cluster: { mark: 0, health_check: {}, spec: { subscribe: [] } } }), []);
    assert.deepEqual(warningsOf({ cluster: { mark: 7 } }), [
      `${inCluster}.mark: 7: has no effect: sockets are not marked`,
    ]);
  });

  test('for names that nobody knows', () => {
    assert.deepEqual(warningsOf({ listener: { log_path: 'stdout' } }), [
      `${inListener}.log_path: "stdout": is not a field of a listener`,
    ]);
  });

  test('for a listener that nobody can reach', () => {
    assert.deepEqual(warningsOf({ listener: { bind_port: false } }), [
      `${inListener}.bind_port: false: no connection can reach this listener: it must be true`,
    ]);
  });

  test('for weights, where MOSN takes all hosts alike', () => {
    const hosts = [{ address: '127.0.0.1:80' }, { address: '127.0.0.1:81', weight: 7 }];
    const { bootstrap, warnings } = convert(config({ cluster: { hosts, lb_type: 'LB_ROUNDROBIN' } }));
    assert.match(warnings.join('\n'), /hosts\[1\]\.weight: 7: has no effect with LB_ROUNDROBIN/);
    assert.doesNotMatch(JSON.stringify(bootstrap), /load_balancing_weight/);
    const weighted = convert(config({ cluster: { hosts, lb_type: 'LB_WEIGHTED_ROUNDROBIN' } }));
    assert.deepEqual(weighted.warnings, []);
    assert.match(JSON.stringify(weighted.bootstrap), /"load_balancing_weight":7/);
  });

  test('for TLS of the cluster manager, where there is none or nobody takes it', () => {
    const cluster = { cluster_manager_tls: true };
    assert.match(
      convert(config({ cluster })).warnings.join('\n'),
      /cluster_manager_tls: true: has no effect, and .* plain/,
    );
    const file = config();
    Object.assign(file['cluster_manager'] as JsonObject, { tls_context: { status: true, server_name: 'x' } });
    assert.match(
      convert(file).warnings.join('\n'),
      /cluster_manager\.tls_context: an object: has no effect: no cluster has/,
    );
  });

  test('not for a port that is a text, as Envoy’s form of the admin server allows', () => {
    const admin = (port: JsonValue) => ({
      admin: { address: { socket_address: { address: '127.0.0.1', port_value: port } } },
    });
    const { bootstrap, warnings } = convert(config({ root: admin('15000') }));
    assert.deepEqual(warnings, []);
    assert.match(JSON.stringify(bootstrap['admin']), /15000/);
    for (const wrong of ['99999', 'many', -1]) assert.equal(problemsOf(config({ root: admin(wrong) })).length, 1);
  });

  test('not for the policy that a cluster of original destinations has', () => {
    const cluster = { type: 'ORIGINAL_DST', lb_type: 'LB_ORIGINAL_DST', hosts: [] };
    const { bootstrap, warnings } = convert(config({ cluster }));
    assert.deepEqual(warnings, []);
    assert.match(JSON.stringify(bootstrap), /"type":"ORIGINAL_DST","lb_policy":"CLUSTER_PROVIDED"/);
  });

  test('for what Auto cannot do', () => {
    assert.deepEqual(warningsOf({ proxy: { downstream_protocol: 'Auto', upstream_protocol: 'Http1' } }), [
      `${inProxy}.downstream_protocol: "Auto": accepts no bolt, dubbo, dubbo-thrift, tars: calls of bolt, dubbo, ` +
        'dubbo-thrift, tars cannot be sent as HTTP/1.1',
    ]);
  });
});

describe('settings of protocols', () => {
  test('bolt’s GOAWAY, by protocol or flat', () => {
    const sendsGoAway = (settings: JsonObject) => {
      const proxy = { downstream_protocol: 'bolt', extend_config: settings };
      return JSON.stringify(convert(config({ proxy })).bootstrap).includes('"bolt":{"send_goaway":true}');
    };
    assert.ok(sendsGoAway({ bolt: { enable_bolt_goaway: true } }));
    assert.ok(sendsGoAway({ enable_bolt_goaway: true }));
    assert.ok(!sendsGoAway({ bolt: { enable_bolt_goaway: false } }));
    assert.ok(!sendsGoAway({}));
  });
});

describe('hostile files', () => {
  test('names from everywhere are names', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const lines = problemsOf(config({ proxy: { downstream_protocol: name }, cluster: { lb_type: name } }));
      assert.equal(lines.length, 2, lines.join('\n'));
      assert.doesNotThrow(() => convert(config({ listener: { [name]: { [name]: 1 } } })));
      assert.match(
        problemsOf(config({ router: { per_filter_config: { [name]: {} } } }))[0]!,
        /no filter of this proxy reads this/,
      );
    }
  });

  test('thousands of mistakes are told in fifty lines', () => {
    const hosts = Array.from({ length: 20_000 }, () => ({ address: 'x' }));
    assert.equal(problemsOf(config({ cluster: { hosts } })).length, 50);
  });

  test('thousands of fields without effect are told in five hundred lines, and that there are more', () => {
    const names = Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`unheard-of-${at}`, at]));
    const { warnings } = convert(config({ root: names }));
    assert.equal(warnings.length, 501);
    assert.equal(warnings.at(-1), 'only the first 500 warnings are told');
  });

  test('a long value is cut', () => {
    const [line] = problemsOf(config({ proxy: { downstream_protocol: 'b'.repeat(1_000_000) } }));
    assert.ok(line!.length < 400, `${line!.length} characters`);
  });

  test('thousands of listeners, routes and hosts are read', () => {
    const many = <T>(make: (at: number) => T) => Array.from({ length: 2000 }, (_, at) => make(at));
    const json = config({ cluster: { hosts: many((at) => ({ address: `10.0.0.1:${at + 1}` })) } });
    const [server] = json['servers'] as JsonObject[];
    const [router] = server!['routers'] as JsonObject[];
    router!['virtual_hosts'] = [
      { name: 'all', domains: ['*'], routers: many((at) => ({ ...route, match: { path: `/${at}` } })) },
    ];
    const { bootstrap } = convert(json);
    const { clusters } = bootstrap['static_resources'] as { clusters: JsonObject[] };
    assert.equal(clusters.length, 1);
  });

  /** Puts any value in place of any part of a good file. */
  test('any value anywhere is converted or refused, and never anything else', () => {
    const good = config({
      proxy: { downstream_protocol: 'Auto', fallback_for_unknown_protocol: true, extend_config: { Http1: {} } },
      listener: { stream_filters: [{ type: 'fault', config: { delay: { fixed_delay: '1s', percentage: 1 } } }] },
      router: {
        match: { headers: [{ name: 'service', value: '.*' }] },
        request_mirror_policies: { cluster: 'app', percent: 1 },
      },
      cluster: { tls_context: { status: true, server_name: 'a', alpn: 'h2' }, circuit_breakers: [{ max_requests: 1 }] },
      root: {
        admin: { address: { socket_address: { port_value: 1 } } },
        metrics: { sinks: [{ type: 'prometheus', config: { port: 1 } }] },
      },
    });
    const places = placesOf(good);
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.jsonValue(), (place, value) => {
        try {
          convert(replaced(good, place, value as JsonValue));
        } catch (thrown) {
          assert.ok(thrown instanceof BootstrapError, String(thrown));
          assert.ok(
            thrown.problems.every((line) => line.split(': ').length >= 3),
            thrown.message,
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});

type Place = readonly (string | number)[];

function placesOf(value: JsonValue, at: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return [at];
  const entries = Array.isArray(value) ? value.map((item, index) => [index, item] as const) : Object.entries(value);
  return [...(at.length === 0 ? [] : [at]), ...entries.flatMap(([key, item]) => placesOf(item, [...at, key]))];
}

function replaced(value: JsonValue, [key, ...rest]: Place, by: JsonValue): JsonValue {
  if (key === undefined) return by;
  if (Array.isArray(value)) return value.map((item, at) => (at === key ? replaced(item, rest, by) : item));
  const object = value as JsonObject;
  return { ...object, [key]: replaced(object[key]!, rest, by) };
}
