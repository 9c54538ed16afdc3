import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBinary, type JsonObject } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import type { ForwardConfig } from '@sofamesh/proxy/config/route';
import { readRouteTable } from './route.ts';
import { extensions, resource, router } from './test-support/readers.ts';

/** What the last reading has said that it leaves out. */
const left: string[] = [];

function read(json: JsonObject) {
  left.length = 0;
  const message = fromBinary(RouteConfigurationSchema, resource('RouteConfiguration', json).value);
  return readRouteTable(message, 'v', { extensions, ignored: (path) => void left.push(path) });
}

function table(route: JsonObject, host: JsonObject = {}, rest: JsonObject = {}) {
  return read({ name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes: [route], ...host }], ...rest });
}

const any = { match: { prefix: '/' } };
const first = (route: JsonObject) => table(route).virtualHosts[0]!.routes[0]!;
const forward = (fields: JsonObject): ForwardConfig => {
  const { action } = first({ ...any, route: { cluster: 'c', ...fields } });
  assert.ok(action.kind === 'forward');
  return action;
};
const regex = (pattern: string, substitution: string) => ({ pattern: { regex: pattern }, substitution });

describe('readRouteTable', () => {
  test('a plain route has nothing that it does not say', () => {
    assert.deepEqual(forward({}), {
      kind: 'forward',
      clusters: [
        {
          name: 'c',
          weight: 1,
          headers: { request: { add: [], remove: [] }, response: { add: [], remove: [] } },
          filterConfigs: {},
        },
      ],
      clusterHeader: undefined,
      timeoutMs: 15_000,
      idleTimeoutMs: undefined,
      retry: undefined,
      prefixRewrite: undefined,
      regexRewrite: undefined,
      hostRewrite: undefined,
      hashPolicy: [],
    });
  });

  test('matches', () => {
    const match = (fields: JsonObject) => first({ match: fields, route: { cluster: 'c' } }).match;
    assert.equal(match({ prefix: '/', grpc: {} }).grpc, true);
    assert.deepEqual(match({ connect_matcher: {} }).path, { kind: 'connect', value: '', ignoreCase: false });
  });

  test('rewrites of the host', () => {
    assert.deepEqual(forward({ host_rewrite_header: 'X-To', append_x_forwarded_host: true }).hostRewrite, {
      header: 'x-to',
    });
    assert.equal(forward({ append_x_forwarded_host: true }).appendForwardedHost, true);
    assert.deepEqual(forward({ host_rewrite_path_regex: regex('^/(.*)', '\\1') }).hostRewrite, {
      path: { pattern: '^/(.*)', substitution: '\\1' },
    });
    const weighted = { clusters: [{ name: 'a', weight: 1, host_rewrite_literal: 'h' }] };
    const { action } = first({ ...any, route: { weighted_clusters: weighted } });
    assert.ok(action.kind === 'forward');
    assert.equal(action.clusters[0]?.hostRewrite, 'h');
  });

  test('hash policies', () => {
    const cookie = { name: 'lb', ttl: '90s', path: '/', attributes: [{ name: 'Secure' }] };
    const policies = forward({
      hash_policy: [
        { header: { header_name: 'X-User', regex_rewrite: regex('a', 'b') }, terminal: true },
        { cookie },
        { cookie: { name: 'passive' } },
        { connection_properties: { source_ip: true } },
        { query_parameter: { name: 'q' } },
      ],
    }).hashPolicy;
    assert.deepEqual(policies, [
      { kind: 'header', name: 'x-user', rewrite: { pattern: 'a', substitution: 'b' }, terminal: true },
      { kind: 'cookie', name: 'lb', ttlS: 90, path: '/', attributes: [{ name: 'Secure', value: '' }], terminal: false },
      { kind: 'cookie', name: 'passive', ttlS: undefined, path: '', attributes: [], terminal: false },
      { kind: 'source-ip', terminal: false },
      { kind: 'query', name: 'q', terminal: false },
    ]);
  });

  test('durations, upgrades, mirrors, a missing cluster', () => {
    const action = forward({
      max_stream_duration: {
        max_stream_duration: '1s',
        grpc_timeout_header_max: '0s',
        grpc_timeout_header_offset: '0.1s',
      },
      max_grpc_timeout: '2s',
      upgrade_configs: [
        { upgrade_type: 'WebSocket', enabled: false },
        { upgrade_type: 'CONNECT', connect_config: { allow_post: true } },
      ],
      request_mirror_policies: [
        { cluster: 'm', runtime_fraction: { default_value: { numerator: 50 } } },
        { cluster: 'n', disable_shadow_host_suffix_append: true },
      ],
      cluster_not_found_response_code: 'NOT_FOUND',
    });
    assert.deepEqual(action.streamDuration, { durationMs: 1000, grpcLongestMs: 0, grpcOffsetMs: 100 });
    assert.deepEqual([action.timeoutMs, action.grpcTimeout], [0, undefined], 'stands in for the other limits');
    assert.deepEqual(forward({ max_grpc_timeout: '2s' }).grpcTimeout, { longestMs: 2000, offsetMs: 0 });
    assert.deepEqual(action.upgrades, [
      { type: 'websocket', enabled: false, terminates: false },
      { type: 'connect', enabled: true, terminates: true, terminatesPost: true },
    ]);
    assert.deepEqual(action.mirrors, [
      { cluster: 'm', ppm: 500_000, marksHost: true },
      { cluster: 'n', ppm: 1_000_000, marksHost: false },
    ]);
    assert.equal(action.clusterMissingStatus, 404);
  });

  test('redirects that are followed', () => {
    const read = (policy: JsonObject) => forward({ internal_redirect_policy: policy }).internalRedirect;
    assert.deepEqual(read({}), { redirectsMax: 1, statuses: [302], crossScheme: false, copiedHeaders: [] });
    const policy = {
      max_internal_redirects: 0,
      redirect_response_codes: [301, 404, 308],
      allow_cross_scheme_redirect: true,
      response_headers_to_copy: ['X-A'],
    };
    const all = { redirectsMax: 0, statuses: [301, 308], crossScheme: true, copiedHeaders: ['x-a'] };
    assert.deepEqual(read(policy), all);
    assert.equal(forward({}).internalRedirect, undefined);
  });

  test('mirrors of a host or table hold for routes that have none', () => {
    const mirror = (cluster: string) => ({ request_mirror_policies: [{ cluster }] });
    const names = (route: JsonObject, host: JsonObject, rest: JsonObject) => {
      const { action } = table({ ...any, route: { cluster: 'c', ...route } }, host, rest).virtualHosts[0]!.routes[0]!;
      return action.kind === 'forward' ? action.mirrors?.map(({ cluster }) => cluster) : [];
    };
    assert.deepEqual(names({}, {}, mirror('table')), ['table']);
    assert.deepEqual(names({}, mirror('host'), mirror('table')), ['host']);
    assert.deepEqual(names(mirror('route'), mirror('host'), mirror('table')), ['route']);
    assert.equal(names({}, {}, {}), undefined);
  });

  test('what a table and a host say for all', () => {
    const route = { ...any, route: { cluster: 'c' } };
    const host = {
      require_tls: 'EXTERNAL_ONLY',
      include_request_attempt_count: true,
      include_attempt_count_in_response: true,
    };
    const made = table(route, host, { internal_only_headers: ['X-A'], most_specific_header_mutations_wins: true });
    assert.deepEqual([made.internalOnlyHeaders, made.mostSpecificEditsLast], [['x-a'], true]);
    const [virtualHost] = made.virtualHosts;
    assert.deepEqual(
      [virtualHost?.requireTls, virtualHost?.countsAttempts, virtualHost?.tellsAttempts],
      ['external', true, true],
    );
  });

  test('redirects', () => {
    const { action } = first({ ...any, redirect: { regex_rewrite: regex('a', 'b'), response_code: 'SEE_OTHER' } });
    assert.ok(action.kind === 'redirect');
    assert.deepEqual([action.regexRewrite, action.status], [{ pattern: 'a', substitution: 'b' }, 303]);
  });

  test('headers', () => {
    const add = [{ header: { key: 'A', raw_value: Buffer.from('v').toString('base64') }, keep_empty_value: true }];
    const { headers } = first({ ...any, route: { cluster: 'c' }, request_headers_to_add: add });
    assert.deepEqual(headers.request.add, [{ name: 'A', value: 'v', action: 'append', keepsEmpty: true }]);
  });

  const filterConfig = { '@type': 'type.googleapis.com/envoy.config.route.v3.FilterConfig', disabled: true };
  const routed = (fields: JsonObject) => ({ ...any, route: { cluster: 'c', ...fields } });
  for (const [what, route, reason] of [
    [
      'a template',
      { match: { path_match_policy: { name: 't', typed_config: router.typed_config } }, route: { cluster: 'c' } },
      /match\.path_match_policy: "t"/,
    ],
    [
      'a TLS condition',
      { match: { prefix: '/', tls_context: { presented: true } }, route: { cluster: 'c' } },
      /match\.tls_context/,
    ],
    [
      'a condition on metadata',
      {
        match: { prefix: '/', dynamic_metadata: [{ filter: 'x', path: [{ key: 'a' }], value: {} }] },
        route: { cluster: 'c' },
      },
      /match\.dynamic_metadata/,
    ],
    ['no condition', { match: {}, route: { cluster: 'c' } }, /match: absent: must have one of prefix/],
    [
      'a rewrite by template',
      routed({ path_rewrite_policy: { name: 't', typed_config: router.typed_config } }),
      /route\.path_rewrite_policy/,
    ],
    [
      'predicates of redirects',
      routed({ internal_redirect_policy: { predicates: [{ name: 'p', typed_config: {} }] } }),
      /internal_redirect_policy\.predicates/,
    ],
    [
      'old internal redirects',
      routed({ internal_redirect_action: 'HANDLE_INTERNAL_REDIRECT' }),
      /route\.internal_redirect_action/,
    ],
    [
      'connect_config of another upgrade',
      routed({ upgrade_configs: [{ upgrade_type: 'x', connect_config: {} }] }),
      /upgrade_configs\[0\]\.connect_config: "x"/,
    ],
    [
      'a PROXY header in front of a payload',
      routed({ upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: { proxy_protocol_config: {} } }] }),
      /connect_config\.proxy_protocol_config/,
    ],
    ['a hash of nothing', routed({ hash_policy: [{}] }), /hash_policy\[0\]: absent/],
    [
      'a hash of filter state',
      routed({ hash_policy: [{ filter_state: { key: 'x' } }] }),
      /hash_policy\[0\]\.filter_state/,
    ],
    [
      'a cookie that breaks its header',
      routed({ hash_policy: [{ cookie: { name: 'a;b', ttl: '1s' } }] }),
      /cookie\.name: "a;b"/,
    ],
    ['a mirror without a cluster', routed({ request_mirror_policies: [{}] }), /request_mirror_policies\[0\]\.cluster/],
    [
      'a mirror by header',
      routed({ request_mirror_policies: [{ cluster_header: 'x' }] }),
      /request_mirror_policies\[0\]\.cluster_header/,
    ],
    [
      'a filter that is switched off',
      { ...routed({}), typed_per_filter_config: { f: filterConfig } },
      /typed_per_filter_config: "disabled": is not supported/,
    ],
    [
      'a pseudo-header that is added',
      { ...routed({}), request_headers_to_add: [{ header: { key: ':path', value: 'x' } }] },
      /request_headers_to_add\[0\]\.header\.key: ":path"/,
    ],
    [
      'a host that is removed',
      { ...routed({}), request_headers_to_remove: ['Host'] },
      /request_headers_to_remove\[0\]: "Host"/,
    ],
    ['a redirect to nowhere known', { ...any, redirect: { response_code: 9 } }, /redirect\.response_code: 9/],
  ] as [string, JsonObject, RegExp][]) {
    test(`refuses ${what}`, () => {
      assert.throws(
        () => table(route),
        (error: Error) => reason.test(error.message) || assert.fail(error.message),
      );
    });
  }

  test('what has no effect is said', () => {
    forward({
      retry_policy: { retry_on: 'refused-stream, http3-post-connect-failure,reset-before-request,cancelled' },
    });
    assert.deepEqual(left, []);
    forward({
      retry_policy: { retry_on: '5xx,5xy', per_try_idle_timeout: '1s', retry_host_predicate: [{ name: 'x' }] },
      hedge_policy: { hedge_on_per_try_timeout: true },
    });
    const route = 'virtual_hosts[0].routes[0].route';
    assert.deepEqual(left.sort(), [
      `${route}.hedge_policy.hedge_on_per_try_timeout`,
      `${route}.retry_policy.per_try_idle_timeout`,
      `${route}.retry_policy.retry_host_predicate`,
      `${route}.retry_policy.retry_on (5xy)`,
    ]);
  });

  test('headers of answers that are tried again for', () => {
    const { retry } = forward({
      retry_policy: { retry_on: 'retriable-headers', retriable_headers: [{ name: 'X-Again', present_match: true }] },
    });
    assert.deepEqual(
      retry!.retriableHeaders!.map(({ name }) => name),
      ['x-again'],
    );
  });

  test('a direct response is as long as the table allows', () => {
    const answer = (length: number) => ({
      ...any,
      direct_response: { status: 200, body: { inline_string: 'x'.repeat(length) } },
    });
    table(answer(4096));
    const tooLong = /direct_response\.body: 4097 bytes: must be at most 4096/;
    assert.throws(() => table(answer(4097)), tooLong);
    table(answer(4097), {}, { max_direct_response_body_size_bytes: 5000 });
    assert.throws(() => table(answer(5), {}, { max_direct_response_body_size_bytes: 4 }), /at most 4 /);
  });

  test('names the field of a pattern that is wrong', () => {
    const route = { cluster: 'c' };
    const wrong = { regex: '(' };
    for (const [fields, field] of [
      [{ match: { safe_regex: wrong }, route }, 'match.safe_regex.regex'],
      [
        { match: { prefix: '/', headers: [{ name: 'a', safe_regex_match: wrong }] }, route },
        'match.headers[0].safe_regex_match.regex',
      ],
      [
        { match: { prefix: '/', headers: [{ name: 'a', string_match: { safe_regex: wrong } }] }, route },
        'match.headers[0].string_match.safe_regex.regex',
      ],
      [{ ...any, route: { ...route, regex_rewrite: regex('(', '') } }, 'route.regex_rewrite.pattern.regex'],
    ] as const) {
      assert.throws(
        () => table(fields as JsonObject),
        (error: Error) =>
          error.message.includes(`.routes[0].${field}: "(": error parsing regexp`) || assert.fail(error.message),
      );
    }
  });

  test('refuses what a host or table cannot do without', () => {
    const route = routed({});
    assert.throws(() => table(route, { matcher: {} }), /virtual_hosts\[0\]\.matcher/);
    assert.throws(() => table(route, {}, { ignore_path_parameters_in_path_matching: true }), /ignore_path_parameters/);
  });
});
