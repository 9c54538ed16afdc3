import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestHead } from '@sofamesh/contract/message';
import type { Protocol } from '@sofamesh/contract/protocol';
import type { HttpCodecChoice } from '../config/cluster.ts';
import { lineProtocol } from '../pool/test-support/line-protocol.ts';
import { clusterConfig } from '../pool/test-support/pool-world.ts';
import { HttpProtocols } from './http-protocols.ts';
import { serverNameOf, upstreamTls } from './upstream-tls.ts';

const http1 = lineProtocol('exclusive');
const http2 = lineProtocol('multiplexed', 100, 'http2');
const bolt = lineProtocol('multiplexed', 100, 'bolt');

test('offers by ALPN what the pool speaks, unless the configuration says what', () => {
  const offered = (protocol: Parameters<typeof upstreamTls>[1], alpn?: string[]) =>
    upstreamTls(clusterConfig({ tls: alpn === undefined ? {} : { alpn } }), protocol, undefined)?.alpn;
  assert.deepEqual(offered(http1), ['http/1.1']);
  assert.deepEqual(offered(http2), ['h2']);
  assert.deepEqual(offered({ http1, http2 }), ['h2', 'http/1.1']);
  assert.equal(offered(bolt), undefined);
  assert.equal(offered(undefined), undefined);
  assert.deepEqual(offered(http2, ['istio-h2']), ['istio-h2']);
  assert.equal(upstreamTls(clusterConfig(), http1, 'a.example'), undefined, 'a cluster without TLS');
});

const requestOf = (authority: string, protocol = 'HTTP/1.1', header?: string) =>
  ({ authority, protocol, get: (name: string) => (name === 'x-name' ? header : undefined) }) as RequestHead;

test('the server name is the host of the authority, or that of a header', () => {
  const auto = { sni: true, verify: false, header: '' };
  const name = (authority: string, header?: string) =>
    serverNameOf({ ...auto, header: header === undefined ? '' : 'x-name' }, requestOf(authority, undefined, header));
  assert.equal(name('Shop.Example:8443'), 'shop.example');
  assert.equal(name('shop.example', 'other.example:1'), 'other.example');
  assert.equal(name('shop.example', ''), 'shop.example');
  for (const none of ['10.0.0.1:80', '[::1]:80', '[::1', '', ':80', 'a'.repeat(300)])
    assert.equal(name(none), undefined, none);
});

test('with verification every request has a name, and none that cannot be checked is let through', () => {
  const auto = { sni: true, verify: true, header: '' };
  const name = (authority: string) => serverNameOf(auto, requestOf(authority));
  assert.deepEqual(['10.0.0.1:80', '[::1]:80', ''].map(name), ['10.0.0.1', '::1', '']);
  const config = clusterConfig({ tls: { serverName: 'x' }, autoServerName: auto });
  const tls = upstreamTls(config, http1, '');
  assert.equal(tls?.serverName, 'x');
  assert.deepEqual(tls?.verification?.subjectAltNames, [{ type: 'DNS', kind: 'exact', value: '' }]);
});

test('the codec: a named one, what the client speaks, or what the host chooses', () => {
  const all = new Map<string, Protocol>([
    ['http1', http1],
    ['http2', http2],
  ]);
  const some = new Map<string, Protocol>([['http1', http1]]);
  const chosen = (choice: HttpCodecChoice, protocol: string, there: ReadonlyMap<string, Protocol> = all) =>
    new HttpProtocols(choice, there).of(requestOf('a', protocol));
  assert.equal(chosen({ kind: 'named', name: 'http2' }, 'HTTP/1.1'), http2);
  assert.equal(chosen({ kind: 'named', name: 'http3' }, 'HTTP/1.1'), undefined);
  assert.equal(chosen({ kind: 'downstream' }, 'HTTP/2'), http2);
  assert.equal(chosen({ kind: 'downstream' }, 'HTTP/1.0'), http1);
  assert.equal(chosen({ kind: 'downstream' }, 'HTTP/2', some), http1);
  assert.deepEqual(chosen({ kind: 'alpn' }, 'HTTP/1.1'), { http1, http2 });
  assert.equal(chosen({ kind: 'alpn' }, 'HTTP/1.1', some), http1);
});
