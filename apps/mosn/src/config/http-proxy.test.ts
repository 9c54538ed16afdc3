import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBinary, type JsonObject } from '@bufbuild/protobuf';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import type { HttpProxyConfig } from '@sofamesh/proxy/config/listener';
import type { NodeNames } from './context.ts';
import { readListener } from './listener.ts';
import { ads, connectionManager, extensions, listenerJson, resource, router } from './test-support/readers.ts';

const routes = { rds: { route_config_name: 'r', config_source: ads } };

function read(fields: JsonObject, node?: NodeNames): { config: HttpProxyConfig; ignored: string[] } {
  const ignored: string[] = [];
  const json = listenerJson('l', connectionManager({ ...routes, ...fields }));
  const message = fromBinary(ListenerSchema, resource('Listener', json).value);
  const ignore = (path: string) => void ignored.push(path.replace(/^.*typed_config\./, ''));
  const context = { extensions, ignored: ignore, ...(node !== undefined && { node }) };
  const network = readListener(message, 'v', context).config.filterChains[0]?.network;
  assert.ok(network?.kind === 'http');
  return { config: network, ignored };
}

const detection = (type: string, fields: JsonObject) => ({
  original_ip_detection_extensions: [
    {
      name: 'd',
      typed_config: { '@type': `type.googleapis.com/envoy.extensions.http.original_ip_detection.${type}`, ...fields },
    },
  ],
});
const byHeader = (fields: JsonObject) => detection('custom_header.v3.CustomHeaderConfig', fields);
const json = { json_format: { a: '%RESPONSE_CODE%', b: [1] } };

describe('readHttpProxy', () => {
  test('whom it believes', () => {
    const { config } = read({
      use_remote_address: true,
      skip_xff_append: true,
      xff_num_trusted_hops: 2,
      append_x_forwarded_port: true,
      internal_address_config: {
        unix_sockets: true,
        cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }, { address_prefix: '::1' }],
      },
      forward_client_cert_details: 'APPEND_FORWARD',
      set_current_client_cert_details: { subject: true, cert: true, chain: true, dns: true, uri: true },
    });
    assert.deepEqual(
      [config.useRemoteAddress, config.skipXffAppend, config.xffTrustedHops, config.appendForwardedPort],
      [true, true, 2, true],
    );
    assert.deepEqual([config.internalPrefixes, config.unixSocketsInternal], [['10.0.0.0/8', '::1/0'], true]);
    const all = { subject: true, certificate: true, chain: true, dns: true, uri: true };
    assert.deepEqual(config.clientCertificate, { mode: 'append-forward', ...all });
  });

  test('nothing and nobody, when nothing is said', () => {
    const { config, ignored } = read({});
    assert.deepEqual(
      [config.useRemoteAddress, config.internalPrefixes, config.clientDetection, config.clientCertificate.mode],
      [false, [], [], 'sanitize'],
    );
    assert.deepEqual([config.escapedSlashes, config.stripHostPort, config.underscores], ['keep', undefined, 'allow']);
    assert.deepEqual([config.maxStreamDurationMs, config.maxConnectionDurationMs, config.heartbeat], [0, 0, undefined]);
    assert.deepEqual(
      [config.codecSettings, config.upgrades, config.localReplies],
      [{ http1: {}, http2: {} }, [], undefined],
    );
    assert.deepEqual(ignored, []);
  });

  test('ways to find the client', () => {
    assert.deepEqual(read(detection('xff.v3.XffConfig', { xff_num_trusted_hops: 3 })).config.clientDetection, [
      { kind: 'xff', trustedHops: 3 },
    ]);
    const header = { header_name: 'X-Real', allow_extension_to_set_address_as_trusted: true };
    assert.deepEqual(read(byHeader(header)).config.clientDetection, [
      { kind: 'header', header: 'x-real', trusted: true, rejectStatus: undefined },
    ]);
    const rejecting = (code: string) =>
      read(byHeader({ header_name: 'a', reject_with_status: { code } })).config.clientDetection[0];
    const expected = { kind: 'header', header: 'a', trusted: false };
    assert.deepEqual(rejecting('Unauthorized'), { ...expected, rejectStatus: 401 });
    assert.deepEqual(rejecting('OK'), { ...expected, rejectStatus: 403 }, 'a status that refuses nothing');
  });

  test('what failures are told to be', () => {
    assert.equal(read({}).config.proxyStatus, undefined);
    assert.deepEqual(read({ proxy_status_config: {} }).config.proxyStatus, {
      name: 'mosn',
      showsDetails: true,
      showsFlags: true,
      setsStatus: false,
    });
    const told = { literal_proxy_name: 'front', remove_details: true, set_recommended_response_code: true };
    assert.deepEqual(read({ proxy_status_config: told }).config.proxyStatus, {
      name: 'front',
      showsDetails: false,
      showsFlags: false,
      setsStatus: true,
    });
    assert.throws(() => read({ proxy_status_config: { literal_proxy_name: 'a; b' } }), /literal_proxy_name: "a; b"/);
    assert.throws(() => read({ proxy_status_config: { use_node_id: true } }), /use_node_id/);
  });

  test('the form of paths, hosts and names', () => {
    const { config } = read({
      normalize_path: true,
      merge_slashes: true,
      path_with_escaped_slashes_action: 'UNESCAPE_AND_REDIRECT',
      strip_any_host_port: true,
      strip_trailing_host_dot: true,
      common_http_protocol_options: { headers_with_underscores_action: 'DROP_HEADER' },
      scheme_header_transformation: { scheme_to_overwrite: 'https' },
    });
    assert.deepEqual(
      [config.normalizePath, config.mergeSlashes, config.escapedSlashes, config.stripHostPort],
      [true, true, 'redirect', 'any'],
    );
    assert.deepEqual(
      [config.stripTrailingHostDot, config.underscores, config.schemeOverwrite],
      [true, 'drop', 'https'],
    );
    assert.equal(read({ strip_matching_host_port: true }).config.stripHostPort, 'matching');
    const schemes = (change: JsonObject) => {
      const { schemeOverwrite, schemeOfUpstream } = read({ scheme_header_transformation: change }).config;
      return [schemeOverwrite, schemeOfUpstream];
    };
    assert.deepEqual(schemes({ match_upstream: true }), [undefined, true]);
    assert.deepEqual(schemes({ match_upstream: true, scheme_to_overwrite: 'http' }), ['http', false]);
  });

  test('times, limits, and what the codecs are told', () => {
    const { config } = read({
      drain_timeout: '2s',
      request_headers_timeout: '3s',
      always_set_request_id_in_response: true,
      proxy_100_continue: true,
      stream_error_on_invalid_http_message: true,
      common_http_protocol_options: {
        max_stream_duration: '4s',
        max_connection_duration: '5s',
        max_requests_per_connection: 6,
      },
      http_protocol_options: {
        allow_absolute_url: false,
        enable_trailers: true,
        allow_chunked_length: true,
        header_key_format: { proper_case_words: {} },
      },
      http2_protocol_options: {
        max_concurrent_streams: 7,
        connection_keepalive: { interval: '30s', timeout: '5s', interval_jitter: { value: 20 } },
      },
    });
    assert.deepEqual(
      [config.drainTimeoutMs, config.messageProgressTimeoutMs, config.maxStreamDurationMs, config.requestIdInResponse],
      [2000, 3000, 4000, true],
    );
    assert.deepEqual([config.maxConnectionDurationMs, config.maxRequestsPerConnection], [5000, 6]);
    assert.equal(config.limits.streamsMax, 7);
    assert.deepEqual(config.heartbeat, { intervalMs: 30_000, timeoutMs: 5000, jitterPercent: 20, idleIntervalMs: 0 });
    assert.deepEqual(config.codecSettings, {
      http1: {
        proxy100Continue: true,
        headerKeyFormat: 'proper',
        allowAbsoluteUrl: false,
        enableTrailers: true,
        allowChunkedLength: true,
      },
      http2: { proxy100Continue: true, overrideStreamErrorOnInvalidHttpMessage: true, maxConcurrentStreams: 7 },
    });
  });

  test('how long a client is waited for that does not close', () => {
    const waits = (fields: JsonObject) => read(fields).config.delayedCloseMs;
    assert.deepEqual([{}, { delayed_close_timeout: '0s' }, { delayed_close_timeout: '2.5s' }].map(waits), [
      undefined,
      0,
      2500,
    ]);
  });

  test('requests say which proxy they come through, where that has a name', () => {
    const node = { id: 'n', cluster: 'c' };
    assert.deepEqual(read({ add_user_agent: true }, node).config.userAgent, { cluster: 'c', node: 'n' });
    assert.equal(read({}, node).config.userAgent, undefined);
    assert.equal(read({ add_user_agent: false }, node).config.userAgent, undefined);
    for (const nameless of [undefined, { id: 'n', cluster: '' }]) {
      assert.equal(read({ add_user_agent: true }, nameless).config.userAgent, undefined);
    }
  });

  test('header case that is preserved', () => {
    const typed = {
      '@type':
        'type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig',
    };
    const format = { stateful_formatter: { name: 'p', typed_config: typed } };
    const { config } = read({ http_protocol_options: { header_key_format: format } });
    assert.deepEqual(config.codecSettings['http1'], { headerKeyFormat: 'preserve' });
    const { ignored } = read({ http_protocol_options: { override_stream_error_on_invalid_http_message: true } });
    assert.equal(ignored.length, 1);
    assert.match(ignored[0]!, /http_protocol_options\.override_stream_error_on_invalid_http_message$/);
  });

  test('upgrades with filters of their own; HTTP/2 clients are told', () => {
    const { config } = read({ upgrade_configs: [{ upgrade_type: 'WebSocket', filters: [router] }] });
    const [upgrade] = config.upgrades;
    assert.equal(upgrade?.filters?.[0]?.name, 'envoy.filters.http.router');
    assert.deepEqual(config.codecSettings['http2'], { allowConnect: true });
    const off = read({ upgrade_configs: [{ upgrade_type: 'x', enabled: false }] });
    assert.deepEqual(off.config.codecSettings['http2'], {});
  });

  test('local replies', () => {
    const { config } = read({
      local_reply_config: {
        mappers: [
          {
            filter: { response_flag_filter: { flags: ['UF', 'UH'] } },
            status_code: 418,
            body: { inline_string: 'tea' },
            body_format_override: { ...json, content_type: 'x/y' },
            headers_to_add: [{ header: { key: 'A', value: 'b' }, append_action: 'ADD_IF_ABSENT' }],
          },
        ],
        body_format: { text_format_source: { inline_string: '%LOCAL_REPLY_BODY%' } },
      },
    });
    assert.deepEqual(config.localReplies, {
      mappers: [
        {
          filter: { kind: 'flags', flags: 3 },
          status: 418,
          body: 'tea',
          format: { format: { kind: 'json', json: json.json_format }, contentType: 'x/y' },
          headers: [{ name: 'A', value: 'b', action: 'add-if-absent' }],
        },
      ],
      body: { format: { kind: 'text', text: '%LOCAL_REPLY_BODY%' }, contentType: '' },
    });
  });

  test('filters of access logs', () => {
    const log = (filter: JsonObject) => {
      const typed = { '@type': 'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog' };
      return read({ access_log: [{ name: 'a', filter, typed_config: typed }] }).config.accessLogs[0]?.filter;
    };
    const compare = (op: string, value: number) => ({
      comparison: { op, value: { default_value: value, runtime_key: 'k' } },
    });
    assert.deepEqual(log({ status_code_filter: compare('GE', 500) }), { kind: 'status', operator: 'ge', value: 500 });
    assert.deepEqual(log({ duration_filter: compare('LE', 9) }), { kind: 'duration', operator: 'le', value: 9 });
    assert.deepEqual(log({ not_health_check_filter: {} }), { kind: 'not-health-check' });
    assert.deepEqual(log({ runtime_filter: { runtime_key: 'k', percent_sampled: { numerator: 5 } } }), {
      kind: 'share',
      ppm: 50_000,
    });
    assert.deepEqual(log({ grpc_status_filter: { statuses: ['INTERNAL', 'UNAVAILABLE'], exclude: true } }), {
      kind: 'grpc-status',
      statuses: [13, 14],
      exclude: true,
    });
    assert.deepEqual(log({ response_flag_filter: {} }), { kind: 'flags', flags: 0 });
    const header = { name: 'A', present_match: true };
    assert.deepEqual(
      log({ and_filter: { filters: [{ not_health_check_filter: {} }, { header_filter: { header } }] } }),
      {
        kind: 'and',
        filters: [
          { kind: 'not-health-check' },
          {
            kind: 'header',
            header: { name: 'a', match: { kind: 'present', present: true }, invert: false, treatMissingAsEmpty: false },
          },
        ],
      },
    );
  });

  test('what has no effect is told', () => {
    const uuids = {
      '@type': 'type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig',
      use_request_id_for_trace_sampling: false,
    };
    const fields = { access_log_flush_interval: '5s', tracing: {}, request_id_extension: { typed_config: uuids } };
    assert.deepEqual(read(fields).ignored.sort(), [
      'access_log_flush_interval',
      'request_id_extension',
      'tracing (without a provider)',
    ]);
  });

  for (const [what, fields, reason] of [
    [
      'two ways at once',
      { ...byHeader({ header_name: 'a' }), use_remote_address: true },
      /original_ip_detection_extensions: .*beside use_remote_address/,
    ],
    [
      'hops beside extensions',
      { ...byHeader({ header_name: 'a' }), xff_num_trusted_hops: 1 },
      /beside xff_num_trusted_hops/,
    ],
    ['a header without a name', byHeader({}), /custom_header|header_name: "": must not be empty/],
    [
      'an unknown extension',
      { original_ip_detection_extensions: [{ name: 'x', typed_config: router.typed_config }] },
      /original_ip_detection_extensions\[0\]\.typed_config: .*is not supported \(x\)/,
    ],
    [
      'early header mutation',
      { early_header_mutation_extensions: [{ name: 'x', typed_config: router.typed_config }] },
      /early_header_mutation_extensions: present/,
    ],
    [
      'internal addresses that are none',
      { internal_address_config: { cidr_ranges: [{ address_prefix: 'x' }] } },
      /cidr_ranges\[0\]\.address_prefix: "x"/,
    ],
    [
      'two ways to strip',
      { strip_any_host_port: true, strip_matching_host_port: true },
      /strip_any_host_port: .*beside/,
    ],
    [
      'a scheme of its own',
      { scheme_header_transformation: { scheme_to_overwrite: 'ftp' } },
      /scheme_to_overwrite: "ftp"/,
    ],
    [
      'a negative duration',
      { common_http_protocol_options: { max_stream_duration: '-1s' } },
      /max_stream_duration: .*negative/,
    ],
    [
      'a heartbeat without timeout',
      { http2_protocol_options: { connection_keepalive: { interval: '1s' } } },
      /connection_keepalive\.timeout/,
    ],
    [
      'full URLs',
      { http_protocol_options: { send_fully_qualified_url: true } },
      /http_protocol_options\.send_fully_qualified_url/,
    ],
    [
      'an unknown formatter',
      {
        http_protocol_options: {
          header_key_format: { stateful_formatter: { name: 'x', typed_config: router.typed_config } },
        },
      },
      /header_key_format\.stateful_formatter/,
    ],
    ['an upgrade without a name', { upgrade_configs: [{}] }, /upgrade_configs\[0\]\.upgrade_type/],
    [
      'an upgrade to a bad filter',
      { upgrade_configs: [{ upgrade_type: 'x', filters: [{ name: 'f' }] }] },
      /upgrade_configs\[0\]\.filters\[0\]\.typed_config/,
    ],
    [
      'a mapper without a filter',
      { local_reply_config: { mappers: [{}] } },
      /local_reply_config\.mappers\[0\]\.filter: absent/,
    ],
    [
      'a mapper with a bad status',
      { local_reply_config: { mappers: [{ filter: { not_health_check_filter: {} }, status_code: 99 }] } },
      /mappers\[0\]\.status_code: 99/,
    ],
    [
      'a filter on metadata',
      { local_reply_config: { mappers: [{ filter: { metadata_filter: {} } }] } },
      /metadata_filter: present: is not supported/,
    ],
    [
      'an unknown flag',
      { local_reply_config: { mappers: [{ filter: { response_flag_filter: { flags: ['XX'] } } }] } },
      /flags\[0\]: "XX"/,
    ],
    [
      'a comparison with nothing',
      { local_reply_config: { mappers: [{ filter: { status_code_filter: {} } }] } },
      /comparison\.value: absent/,
    ],
  ] as [string, JsonObject, RegExp][]) {
    test(`refuses ${what}`, () => {
      assert.throws(
        () => read(fields),
        (error: Error) => reason.test(error.message) || assert.fail(error.message),
      );
    });
  }
});
