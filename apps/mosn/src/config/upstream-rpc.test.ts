import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBinary, type JsonObject } from '@bufbuild/protobuf';
import { ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { defaultCodecLimits } from '@sofamesh/contract/protocol';
import { readMapping } from '@sofamesh/protocols/shared/conversion/mapping';
import { FieldError } from './fields.ts';
import { resource } from './test-support/readers.ts';
import { readUpstreamRpc, rpcOptionsKey } from './upstream-rpc.ts';

const codecLimits = { ...defaultCodecLimits, headerCountMax: 7 };

function read(options: JsonObject) {
  const typed = { [rpcOptionsKey]: { '@type': `type.googleapis.com/${rpcOptionsKey}`, ...options } };
  const cluster = resource('Cluster', { name: 'c', typed_extension_protocol_options: typed });
  return readUpstreamRpc(fromBinary(ClusterSchema, cluster.value), { codecSettings: { http1: 'kept' }, codecLimits });
}

const mapping = 'rules: [{ http: { method: GET, path: /a }, call: { interface: com.x.A, method: a } }]';
const value = { rules: [{ http: { method: 'GET', path: '/a' }, call: { interface: 'com.x.A', method: 'a' } }] };
const conversion = (protocol: string, text = mapping): JsonObject => ({
  conversion: { protocol, mapping: { inline_string: text } },
});

describe('a conversion', () => {
  test('to an RPC protocol takes the place of the HTTP codec', () => {
    for (const protocol of ['bolt', 'dubbo']) {
      const config = read(conversion(protocol));
      assert.deepEqual(config.httpCodec, { kind: 'named', name: 'json-to-rpc' });
      assert.equal(config.rpc?.codec, undefined);
      const settings = { protocol, mapping: readMapping(value, 'm', 'json-to-rpc') };
      assert.deepEqual(config.codecSettings, { http1: 'kept', 'json-to-rpc': settings });
    }
  });

  test('to HTTP takes the place of the calls’ own', () => {
    for (const [protocol, codec] of [
      ['http1', 'rpc-to-json'],
      ['http2', 'rpc-to-json-http2'],
    ] as const) {
      const config = read({ ...conversion(protocol), connections_per_host: 3 });
      assert.equal(config.httpCodec, undefined);
      assert.deepEqual([config.rpc?.codec, config.multiplexedConnections], [codec, 3]);
      const http = { limits: codecLimits, settings: protocol === 'http1' ? 'kept' : undefined };
      const settings = { protocol, mapping: readMapping(value, 'm', 'rpc-to-json'), http };
      assert.deepEqual(config.codecSettings, { http1: 'kept', [codec]: settings });
    }
  });

  test('none changes nothing of HTTP', () => {
    const { httpCodec, codecSettings, rpc } = read({ carrier: 'HTTP2' });
    assert.deepEqual([httpCodec, codecSettings, rpc?.codec], [undefined, undefined, 'rpc-http2']);
  });

  test('survives the way to the workers', () => {
    const { codecSettings } = read(conversion('dubbo'));
    assert.deepEqual(structuredClone(codecSettings), codecSettings);
  });

  const at = `typed_extension_protocol_options["${rpcOptionsKey}"].conversion`;
  const bad: readonly [name: string, options: JsonObject, path: string, reason: RegExp][] = [
    ['a protocol', conversion('tars'), `${at}.protocol`, /bolt, dubbo, http1 or http2/],
    ['no protocol', conversion(''), `${at}.protocol`, /bolt, dubbo/],
    ['no mapping', { conversion: { protocol: 'bolt' } }, `${at}.mapping`, /must be given/],
    [
      'a file that is not there',
      { conversion: { protocol: 'bolt', mapping: { filename: '/nothing' } } },
      `${at}.mapping.filename`,
      /ENOENT/,
    ],
    ['no YAML', conversion('bolt', 'rules: ['), `${at}.mapping`, /mapping:1:/],
    [
      'a field of a rule',
      conversion('bolt', mapping.replace('GET', 'FETCH')),
      `${at}.mapping.rules[0].http.method`,
      /no method of HTTP/,
    ],
    ['with a carrier', { ...conversion('http1'), carrier: 'HTTP2' }, at, /not possible with carrier HTTP2/],
  ];
  for (const [name, options, path, reason] of bad) {
    test(`is refused by its field: ${name}`, () => {
      assert.throws(
        () => read(options),
        (error) => error instanceof FieldError && error.path === path && reason.test(error.reason),
      );
    });
  }
});

describe('the largest frame of a host', () => {
  test('is a limit of RPC protocols alone', () => {
    const { rpc } = read({ max_frame_bytes: 5000, ...conversion('bolt') });
    assert.deepEqual(rpc?.codecLimits, { ...defaultCodecLimits, frameBytesMax: 5000 });
    assert.equal(read({}).rpc?.codecLimits, undefined);
  });

  test('is at least one byte', () => {
    assert.throws(
      () => read({ max_frame_bytes: 0 }),
      (error) => error instanceof FieldError && error.path.endsWith('.max_frame_bytes'),
    );
  });
});
