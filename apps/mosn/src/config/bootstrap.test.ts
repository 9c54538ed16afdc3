import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { BootstrapError, readBootstrap } from './bootstrap.ts';
import {
  address,
  ads,
  connectionManager,
  endpointsJson,
  extensions,
  listenerJson,
  registry,
  routesJson,
} from './test-support/readers.ts';

const read = (...texts: string[]) =>
  readBootstrap(
    texts.map((text, index) => ({ text, origin: `file${index}.yaml` })),
    registry,
    extensions,
  );

/** Every problem of a bootstrap that must be refused. */
function problemsOf(...texts: string[]): readonly string[] {
  try {
    read(...texts);
  } catch (thrown) {
    assert.ok(thrown instanceof BootstrapError, String(thrown));
    return thrown.problems;
  }
  assert.fail('the bootstrap was accepted');
}

const good: JsonObject = {
  node: { id: 'n', cluster: 'c', metadata: { LABELS: { app: 'a' } } },
  admin: { address: address(9901), access_log: [] },
  layered_runtime: { layers: [{ name: 'static', static_layer: { x: 1 } }] },
  static_resources: {
    listeners: [listenerJson('in', connectionManager({ route_config: routesJson('local', 'app') }))],
    clusters: [{ name: 'app', connect_timeout: '0.25s', load_assignment: endpointsJson('app', 8080) }],
  },
};

const withAds: JsonObject = {
  node: { id: 'n' },
  dynamic_resources: {
    ads_config: {
      api_type: 'GRPC',
      transport_api_version: 'V3',
      grpc_services: [
        { envoy_grpc: { cluster_name: 'xds' }, initial_metadata: [{ key: 'Authorization', value: 'x' }] },
      ],
    },
    cds_config: { ...ads, initial_fetch_timeout: '3s' },
    lds_config: ads,
  },
  static_resources: {
    clusters: [
      {
        name: 'xds',
        type: 'STRICT_DNS',
        typed_extension_protocol_options: {
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
            explicit_http_config: { http2_protocol_options: {} },
          },
        },
        load_assignment: {
          cluster_name: 'xds',
          endpoints: [{ lb_endpoints: [{ endpoint: { address: address(15010, 'istiod.istio-system.svc') } }] }],
        },
      },
    ],
  },
};

describe('readBootstrap', () => {
  test('reads static resources, and says what has no effect', () => {
    const { node, admin, listeners, clusters, controlPlane, warnings } = read(JSON.stringify(good));
    assert.equal(node.id, 'n');
    assert.deepEqual(admin, { kind: 'ip', host: '127.0.0.1', port: 9901 });
    assert.equal(listeners[0]?.read.config.name, 'in');
    assert.equal(clusters[0]?.read.config.connectTimeoutMs, 250);
    assert.equal(controlPlane, undefined);
    assert.deepEqual(warnings, ['layered_runtime: "x": has no effect in this proxy']);
  });

  test('reads the control plane, whose cluster may speak HTTP/2', () => {
    const { controlPlane, cds, lds, clusters } = read(JSON.stringify(withAds));
    assert.deepEqual(controlPlane, {
      name: 'xds',
      targets: ['dns:istiod.istio-system.svc:15010'],
      tls: undefined,
      metadata: { authorization: 'x' },
    });
    assert.equal(cds?.fetchTimeoutMs, 3_000);
    assert.equal(lds?.fetchTimeoutMs, 15_000);
    assert.deepEqual(clusters[0]?.read.config.httpCodec, { kind: 'named', name: 'http2' });
  });

  test('a route may name a cluster that a control plane brings, or that is said to be missing', () => {
    const away = (routes: object) => {
      const proxy = connectionManager({ route_config: { ...routesJson('local', 'away'), ...routes } });
      return JSON.stringify({ static_resources: { listeners: [listenerJson('in', proxy)] } });
    };
    assert.throws(() => read(away({})), /cluster: "away": is not a cluster/);
    read(away({ validate_clusters: false }));
    read(JSON.stringify(withAds), away({}));
  });

  test('the incremental variant is answered with the other one, and a warning', () => {
    const text = JSON.stringify(withAds).replace('"GRPC"', '"DELTA_GRPC"');
    assert.match(read(text).warnings.join(), /ads_config\.api_type.*state-of-the-world/);
  });

  test('the admin server may take both families', () => {
    const admin = { address: { socket_address: { address: '::', port_value: 1, ipv4_compat: true } } };
    assert.deepEqual(read(JSON.stringify({ admin })).admin, { kind: 'ip', host: '::', port: 1, ipv4Compat: true });
  });

  test('the overload manager limits connections; the rest of it has no effect, and is named', () => {
    const monitor = (name: string, config: JsonObject) => ({
      name: `envoy.resource_monitors.${name}`,
      typed_config: { '@type': `type.googleapis.com/envoy.extensions.resource_monitors.${name}`, ...config },
    });
    const connections = (most: number) =>
      monitor('downstream_connections.v3.DownstreamConnectionsConfig', { max_active_downstream_connections: most });
    const overload_manager = {
      refresh_interval: '0.25s',
      resource_monitors: [connections(500), monitor('fixed_heap.v3.FixedHeapConfig', { max_heap_size_bytes: 1 })],
    };
    const runtime = { layers: [{ name: 'x', static_layer: { 'overload.global_downstream_max_connections': 9 } }] };
    const { downstreamConnectionsMax, warnings } = read(JSON.stringify({ overload_manager, layered_runtime: runtime }));
    assert.equal(downstreamConnectionsMax, 500);
    assert.deepEqual(warnings, [
      'overload_manager.refresh_interval: has no effect in this proxy',
      'overload_manager.resource_monitors[1] (envoy.resource_monitors.fixed_heap.v3.FixedHeapConfig): has no effect in this proxy',
    ]);
    assert.match(
      problemsOf(JSON.stringify({ overload_manager: { resource_monitors: [connections(0)] } })).join(),
      /^overload_manager\.resource_monitors\[0\]\.typed_config\.max_active_downstream_connections: 0: must be above 0/,
    );
  });

  test('YAML with comments and anchors is the same as JSON', () => {
    const yaml = `
node: {id: &name n}   # who
static_resources:
  clusters:
  - name: *name
    load_assignment: {cluster_name: n, endpoints: []}
`;
    assert.equal(read(yaml).clusters[0]?.read.config.name, 'n');
  });

  test('a later text is merged over an earlier one: values replaced, lists put together', () => {
    const over =
      '{admin: {address: {socket_address: {address: 127.0.0.2, port_value: 1}}}, static_resources: {clusters: [{name: more}]}}';
    const { admin, clusters, node } = read(JSON.stringify(good), over);
    assert.deepEqual(admin, { kind: 'ip', host: '127.0.0.2', port: 1 });
    assert.deepEqual(
      clusters.map(({ read }) => read.config.name),
      ['app', 'more'],
    );
    assert.equal(node.cluster, 'c');
  });

  test('an empty bootstrap is one', () => {
    assert.deepEqual(read('').clusters, []);
    assert.deepEqual(read('{}').listeners, []);
  });

  const replaced = (from: string, to: string) => JSON.stringify(good).replace(from, to);
  for (const [what, text, ...expected] of [
    ['text that is not YAML', 'a: [', /^file0\.yaml:1:\d+: /],
    ['broken JSON', '{"node": {"id": 3}', /^file0\.yaml:1:\d+: /],
    ['a key twice', 'node: {}\nnode: {}', /^file0\.yaml:2:1: Map keys must be unique/],
    ['a list', '[]', /^: a list: must be an object \(Bootstrap\)/],
    [
      'an unknown field',
      'nod: {}',
      /^nod: an object: is not a field of envoy\.config\.bootstrap\.v3\.Bootstrap; did you mean node\?/,
    ],
    [
      'an unknown field deep down',
      replaced('"prefix":', '"prefx":'),
      /^static_resources\.listeners\[0\]\.filter_chains\[0\]\.filters\[0\]\.typed_config\.route_config\.virtual_hosts\[0\]\.routes\[0\]\.match\.prefx: "\/": is not a field .* did you mean prefix\?/,
    ],
    [
      'a wrong duration',
      replaced('"0.25s"', '"fast"'),
      /^static_resources\.clusters\[0\]\.connect_timeout: "fast": must be a duration/,
    ],
    ['a number out of range', replaced('8080', '4294967296'), /port_value: 4294967296: must be a number/],
    [
      'a port out of range',
      replaced('8080', '65536'),
      /^static_resources\.clusters\[0\]\.load_assignment\.endpoints\[0\]\.lb_endpoints\[0\]\.endpoint\.address\.socket_address\.port_value: 65536: must be at most 65535/,
    ],
    [
      'a wrong enum',
      replaced('"connect_timeout"', '"lb_policy":"ROUND_ROBBIN","connect_timeout"'),
      /^static_resources\.clusters\[0\]\.lb_policy: "ROUND_ROBBIN": is not known; did you mean ROUND_ROBIN\?/,
    ],
    [
      'two of one choice',
      replaced('"cluster":"app"', '"cluster":"app","cluster_header":"x"'),
      /route\.cluster_header: "x": cannot stand beside cluster/,
    ],
    [
      'a route to a cluster that is not there',
      replaced('"cluster":"app"', '"cluster":"ap"'),
      /routes\[0\]\.route\.cluster: "ap": is not a cluster of this configuration \(validate_clusters: false allows it\)/,
    ],
    [
      'an unknown type',
      replaced('http.router.v3.Router', 'http.lua.v3.Lua'),
      /http_filters\[0\]\.typed_config\.@type: "type\.googleapis\.com\/envoy\.extensions\.filters\.http\.lua\.v3\.Lua": this proxy has no such type/,
    ],
    [
      'a type that is missing',
      replaced('"@type":"type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"', ''),
      /http_filters\[0\]\.typed_config\.@type: absent: is required/,
    ],
    [
      'a name twice',
      replaced('"clusters":[', '"clusters":[{"name":"app"},'),
      /^static_resources\.clusters\[1\]\.name: "app": is the name of clusters\[0\] too/,
    ],
    [
      'resources by ADS without it',
      replaced('"connect_timeout"', '"type":"EDS","eds_cluster_config":{"eds_config":{"ads":{}}},"connect_timeout"'),
      /ads_config: absent: EDS cluster app needs it/,
    ],
    [
      'a missing xDS cluster',
      JSON.stringify(withAds).replace('"cluster_name":"xds"}', '"cluster_name":"nope"}'),
      /^dynamic_resources\.ads_config\.grpc_services\[0\]\.envoy_grpc\.cluster_name: "nope": is not a cluster/,
    ],
    [
      'files as a source',
      JSON.stringify(withAds).replace('"lds_config":{"ads":{}', '"lds_config":{"path":"/x"'),
      /^dynamic_resources\.lds_config: "path": must be ads/,
    ],
    [
      'several faults at once',
      replaced('"0.25s"', '"fast"').replace('8080', '-1').replace('"prefix":', '"prefx":'),
      /prefx/,
      /connect_timeout/,
      /port_value/,
    ],
  ] as [string, string, ...RegExp[]][]) {
    test(`refuses ${what} by name`, () => {
      const problems = problemsOf(text);
      for (const [index, pattern] of expected.entries()) assert.match(problems[index] ?? '', pattern);
      assert.equal(problems.length, expected.length, problems.join('\n'));
    });
  }

  test('text that unfolds without end, or is nested without end, is refused quickly', () => {
    const bomb = Array.from(
      { length: 12 },
      (_, level) =>
        `a${level}: &a${level} [${
          level === 0
            ? 'x'
            : Array(10)
                .fill(`*a${level - 1}`)
                .join(', ')
        }]`,
    );
    assert.match(problemsOf(bomb.join('\n'))[0]!, /^file0\.yaml: .*alias/i);
    assert.match(
      problemsOf(`node: {metadata: ${'{a: '.repeat(300)}1${'}'.repeat(300)}}`)[0]!,
      /nested more than 100 levels/,
    );
  });

  test('whatever is changed in it, a bootstrap is read or refused with a path', () => {
    const base = JSON.stringify(good);
    const junk = fc.constantFrom(
      'null',
      '{}',
      '[]',
      '-1',
      '"x"',
      '1e99',
      'true',
      '{"@type":1}',
      '[[]]',
      '{"__proto__":{}}',
    );
    fc.assert(
      fc.property(fc.nat(), junk, (seed, value) => {
        const places = [...base.matchAll(/:(?:"[^"]*"|\d+|\{|\[)/g)];
        const { index, 0: found } = places[seed % places.length]!;
        const rest = base.slice(index + found.length);
        const opens = found.endsWith('{') || found.endsWith('[');
        const text = opens
          ? `${base.slice(0, index)}:${value}, "_": ${found.slice(1)}${rest}`
          : `${base.slice(0, index)}:${value}${rest}`;
        try {
          read(text);
        } catch (thrown) {
          assert.ok(thrown instanceof BootstrapError, String(thrown));
          for (const problem of thrown.problems) assert.match(problem, /^\S*: /);
        }
      }),
      { numRuns: 150 },
    );
  });
});
