import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create, fromJson, type JsonObject } from '@bufbuild/protobuf';
import { TcpProxySchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import { readTcpProxy } from './tcp-proxy.ts';
import { extensions } from './test-support/readers.ts';

function read(fields: JsonObject) {
  const ignored: string[] = [];
  const message = fromJson(TcpProxySchema, { stat_prefix: 't', cluster: 'c', ...fields });
  return { ...readTcpProxy(message, 'p', { extensions, ignored: (path) => ignored.push(path) }), ignored };
}

const tunnel = (fields: JsonObject) => read({ tunneling_config: { hostname: 'db:5432', ...fields } }).tunnel;

describe('readTcpProxy', () => {
  test('needs a prefix and a cluster', () => {
    const context = { extensions, ignored: () => {} };
    assert.throws(() => readTcpProxy(create(TcpProxySchema), 'p', context), /p\.stat_prefix/);
    assert.throws(() => read({ cluster: '' }), /p\.cluster/);
    const weighted = fromJson(TcpProxySchema, {
      stat_prefix: 't',
      weighted_clusters: { clusters: [{ name: 'a', weight: 0 }] },
    });
    assert.throws(() => readTcpProxy(weighted, 'p', context), /clusters\[0\]\.weight/);
  });

  test('has no tunnel where none is configured', () => {
    assert.equal(read({}).tunnel, undefined);
  });

  test('tunnels by CONNECT', () => {
    const header = { key: 'X-Who', value: '%DOWNSTREAM_REMOTE_ADDRESS%' };
    assert.deepEqual(tunnel({ headers_to_add: [{ header, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }] }), {
      hostname: 'db:5432',
      postPath: undefined,
      headers: [{ name: 'X-Who', value: '%DOWNSTREAM_REMOTE_ADDRESS%', action: 'overwrite' }],
      keepsHead: false,
      keepsTrailers: false,
    });
  });

  test('tunnels by POST, and keeps what is answered', () => {
    assert.equal(tunnel({ use_post: true })?.postPath, '/');
    const whole = tunnel({
      use_post: true,
      post_path: '/in?a=b',
      propagate_response_headers: true,
      propagate_response_trailers: true,
    });
    assert.deepEqual([whole?.postPath, whole?.keepsHead, whole?.keepsTrailers], ['/in?a=b', true, true]);
  });

  for (const [what, fields, message] of [
    ['no name', { hostname: '' }, /p\.tunneling_config\.hostname/],
    ['a path without POST', { post_path: '/a' }, /p\.tunneling_config\.post_path/],
    ['a path that is none', { use_post: true, post_path: 'a' }, /p\.tunneling_config\.post_path/],
    ['a pseudo-header', { headers_to_add: [{ header: { key: ':path', value: '/' } }] }, /headers_to_add\[0\]/],
    ['another host', { headers_to_add: [{ header: { key: 'Host', value: 'a' } }] }, /headers_to_add\[0\]\.header\.key/],
  ] as const) {
    test(`refuses a tunnel with ${what}`, () => {
      assert.throws(() => tunnel(fields as JsonObject), message);
    });
  }
});
