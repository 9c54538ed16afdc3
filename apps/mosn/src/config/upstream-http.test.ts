import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBinary, type JsonObject } from '@bufbuild/protobuf';
import { ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { extensions, resource } from './test-support/readers.ts';
import { readUpstreamHttp } from './upstream-http.ts';

const key = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

function read(json: JsonObject, secure = true) {
  const ignored: string[] = [];
  const message = fromBinary(ClusterSchema, resource('Cluster', { name: 'c', ...json }).value);
  return { ...readUpstreamHttp(message, secure, { extensions, ignored: (path) => ignored.push(path) }), ignored };
}

const readOptions = (options: JsonObject, secure?: boolean) =>
  read({ typed_extension_protocol_options: { [key]: { '@type': `type.googleapis.com/${key}`, ...options } } }, secure);

const http1 = { kind: 'named', name: 'http1' };
const http2 = { kind: 'named', name: 'http2' };

describe('readUpstreamHttp', () => {
  test('an explicit codec with its settings', () => {
    const one = readOptions({ explicit_http_config: { http_protocol_options: { accept_http_10: true } } });
    assert.deepEqual([one.httpCodec, one.codecSettings], [http1, { http1: { acceptHttp10: true } }]);
    const two = readOptions({
      explicit_http_config: {
        http2_protocol_options: {
          max_concurrent_streams: 7,
          initial_stream_window_size: 65_535,
          allow_connect: true,
          override_stream_error_on_invalid_http_message: false,
          custom_settings_parameters: [{ identifier: 9, value: 1 }],
        },
      },
    });
    assert.deepEqual(two.httpCodec, http2);
    assert.deepEqual(two.codecSettings, {
      http2: {
        maxConcurrentStreams: 7,
        initialStreamWindowSize: 65_535,
        allowConnect: true,
        overrideStreamErrorOnInvalidHttpMessage: false,
      },
    });
    assert.equal(two.codecLimits.streamsMax, 7);
    assert.equal(two.ignored.length, 1);
    assert.deepEqual(readOptions({ explicit_http_config: {} }).httpCodec, http1);
  });

  test('a choice by ALPN has settings for both, and is HTTP/1.1 without TLS', () => {
    const auto = { http_protocol_options: { accept_http_10: true }, http2_protocol_options: { hpack_table_size: 0 } };
    const { httpCodec, codecSettings } = readOptions({ auto_config: auto });
    assert.deepEqual(httpCodec, { kind: 'alpn' });
    assert.deepEqual(codecSettings, { http1: { acceptHttp10: true }, http2: { hpackTableSize: 0 } });
    assert.deepEqual(readOptions({ auto_config: auto }, false).httpCodec, http1);
    const withHttp3 = readOptions({ auto_config: { ...auto, http3_protocol_options: {} } });
    assert.match(withHttp3.ignored.join(), /auto_config\.http3_protocol_options$/);
  });

  test("the downstream's protocol", () => {
    const { httpCodec, keepalive } = readOptions({
      use_downstream_protocol_config: { http2_protocol_options: { connection_keepalive: { timeout: '2s' } } },
    });
    assert.deepEqual(httpCodec, { kind: 'downstream' });
    assert.deepEqual(keepalive, { intervalMs: 0, timeoutMs: 2000, jitterPercent: 15, idleIntervalMs: 0 });
  });

  test('the deprecated fields of the cluster itself', () => {
    const two = read({ http2_protocol_options: { max_concurrent_streams: 3 } });
    assert.deepEqual([two.httpCodec, two.codecSettings], [http2, { http2: { maxConcurrentStreams: 3 } }]);
    const downstream = read({ protocol_selection: 'USE_DOWNSTREAM_PROTOCOL', http2_protocol_options: {} });
    assert.deepEqual(downstream.httpCodec, { kind: 'downstream' });
    const common = read({
      common_http_protocol_options: { idle_timeout: '0s', max_stream_duration: '3s' },
      max_requests_per_connection: 5,
      upstream_http_protocol_options: { auto_sni: true },
    });
    assert.deepEqual([common.idleTimeoutMs, common.streamDurationMs, common.maxRequestsPerConnection], [0, 3000, 5]);
    assert.deepEqual(common.autoServerName, { sni: true, verify: false, header: '' });
  });

  test('what all codecs have in common', () => {
    const { codecLimits, autoServerName, ...rest } = readOptions({
      explicit_http_config: {
        http2_protocol_options: {
          connection_keepalive: {
            interval: '30s',
            timeout: '5s',
            interval_jitter: { value: 20 },
            connection_idle_interval: '0.5s',
          },
        },
      },
      common_http_protocol_options: { max_connection_duration: '60s', max_headers_count: 7, idle_timeout: '1s' },
      upstream_http_protocol_options: {
        auto_sni: true,
        auto_san_validation: true,
        override_auto_sni_header: 'X-Host',
      },
    });
    assert.equal(codecLimits.headerCountMax, 7);
    assert.deepEqual(autoServerName, { sni: true, verify: true, header: 'x-host' });
    assert.deepEqual(rest.keepalive, { intervalMs: 30_000, timeoutMs: 5000, jitterPercent: 20, idleIntervalMs: 500 });
    assert.deepEqual([rest.connectionDurationMs, rest.idleTimeoutMs, rest.streamDurationMs], [60_000, 1000, 0]);
    assert.equal(readOptions({ upstream_http_protocol_options: {} }).autoServerName, undefined);
  });

  const explicit = (http2Options: JsonObject) => ({ explicit_http_config: { http2_protocol_options: http2Options } });
  for (const [what, options, reason] of [
    [
      'HTTP/3',
      { explicit_http_config: { http3_protocol_options: {} } },
      /http3_protocol_options: present: is not supp/,
    ],
    [
      'a filter towards the hosts',
      { http_filters: [{ name: 'other' }], explicit_http_config: {} },
      /http_filters: present/,
    ],
    ['no stream at a time', explicit({ max_concurrent_streams: 0 }), /max_concurrent_streams: 0: must be at least 1/],
    [
      'too many streams',
      explicit({ max_concurrent_streams: 0x80000000 }),
      /max_concurrent_streams: 2147483648: must be at most 2147483647/,
    ],
    ['a tiny window', explicit({ initial_stream_window_size: 65_534 }), /initial_stream_window_size: 65534: must be/],
    ['no outbound frames', explicit({ max_outbound_frames: 0 }), /http2_protocol_options\.max_outbound_frames: 0/],
    ['a PING without a timeout', explicit({ connection_keepalive: {} }), /keepalive\.timeout: absent: is required/],
    [
      'a PING in no time',
      explicit({ connection_keepalive: { timeout: '1s', interval: '0s' } }),
      /keepalive\.interval: "0ms": must be at least 1 ms/,
    ],
    [
      'jitter of more than all',
      explicit({ connection_keepalive: { timeout: '1s', interval_jitter: { value: 101 } } }),
      /interval_jitter: 101: must be from 0 to 100/,
    ],
    [
      'no headers at all',
      { explicit_http_config: {}, common_http_protocol_options: { max_headers_count: 0 } },
      /max_headers_count: 0: must be at least 1/,
    ],
    [
      'a negative duration',
      { explicit_http_config: {}, common_http_protocol_options: { max_connection_duration: '-1s' } },
      /max_connection_duration: "-1000ms": must not be negative/,
    ],
  ] as [string, JsonObject, RegExp][]) {
    test(`refuses ${what}`, () => {
      assert.throws(
        () => readOptions(options),
        (error: Error) => reason.test(error.message) || assert.fail(error.message),
      );
    });
  }
});
