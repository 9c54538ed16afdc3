import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServerTls } from '@sofamesh/contract/transport';
import fc from 'fast-check';
import type { FilterChainConfig, ListenerConfig } from '../config/listener.ts';
import {
  anyMatch,
  chain,
  clusterConfig,
  forward,
  httpProxy,
  inline,
  listenerConfig,
  route,
} from '../test-support/configs.ts';
import { EngineWorld } from '../test-support/engine-world.ts';
import { readClientHello } from './client-hello.ts';

/** A ClientHello with the two extensions that are looked at, and one that is not. */
function clientHello(serverName: string, alpn: readonly string[], recordBytes = 1 << 14): Buffer {
  const sized = (width: 1 | 2 | 3, ...parts: readonly Buffer[]) => {
    const body = Buffer.concat(parts);
    const length = Buffer.alloc(width);
    length.writeUIntBE(body.length, 0, width);
    return Buffer.concat([length, body]);
  };
  const extension = (type: number, body: Buffer) => Buffer.concat([Buffer.from([0, type]), sized(2, body)]);
  const names = alpn.map((name) => sized(1, Buffer.from(name)));
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    sized(1, Buffer.alloc(32, 1)),
    sized(2, Buffer.from([0x13, 0x01])),
    sized(1, Buffer.from([0])),
    sized(
      2,
      extension(10, Buffer.from([0, 2, 0, 29])),
      extension(0, sized(2, Buffer.from([0]), sized(2, Buffer.from(serverName)))),
      extension(16, sized(2, ...names)),
    ),
  ]);
  const message = Buffer.concat([Buffer.from([1]), sized(3, body)]);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += recordBytes) {
    records.push(Buffer.from([22, 3, 1]), sized(2, message.subarray(at, at + recordBytes)));
  }
  return Buffer.concat(records);
}

describe('the ClientHello', () => {
  test('tells server name and application protocols, in one record or many', () => {
    for (const recordBytes of [1 << 14, 100, 7, 1]) {
      const hello = clientHello('Shop.Example.com', ['h2', 'http/1.1'], recordBytes);
      assert.deepEqual(readClientHello(hello), { serverName: 'shop.example.com', alpn: ['h2', 'http/1.1'] });
    }
  });

  test('is not decided before it is whole', () => {
    const hello = clientHello('shop', ['h2'], 50);
    for (let end = 0; end < hello.length; end++)
      assert.equal(readClientHello(hello.subarray(0, end)), 'more', `${end}`);
    assert.deepEqual(readClientHello(Buffer.concat([hello, Buffer.from('more')])), 'no');
  });

  test('anything else is none, and nothing makes it throw', () => {
    assert.equal(readClientHello(Buffer.from('GET / HTTP/1.1')), 'no');
    assert.equal(readClientHello(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])), 'no');
    assert.equal(readClientHello(Buffer.from([22, 3, 1, 0, 4, 1, 255, 255, 255])), 'no');
    const hello = clientHello('shop', ['h2']);
    fc.assert(
      fc.property(fc.nat(hello.length - 1), fc.nat(255), (at, value) => {
        const changed = Buffer.from(hello);
        changed[at] = value;
        readClientHello(changed);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (rest) => {
        readClientHello(Buffer.concat([Buffer.from([22, 3, 1]), rest]));
      }),
    );
  });
});

const to = (cluster: string, match: Partial<FilterChainConfig['match']> = {}, tls?: ServerTls) =>
  chain(httpProxy(inline([route(forward(cluster))])), { match: { ...anyMatch, ...match }, tls });

async function listening(chains: readonly FilterChainConfig[], more: Partial<ListenerConfig> = {}) {
  const world = new EngineWorld();
  for (const [at, name] of ['one', 'two'].entries()) {
    await world.upstream(at + 1, (line, peer) => peer.send(`${line.split(' ')[0]} RSP. 200 from=${name}`));
  }
  const rejections = await world.apply({
    clusters: [clusterConfig('one', [1]), clusterConfig('two', [2])],
    listeners: [listenerConfig(chains, more)],
  });
  return { world, rejections };
}

const raw = (cluster: string, match: Partial<FilterChainConfig['match']>): FilterChainConfig =>
  chain(
    {
      kind: 'tcp',
      statPrefix: 'raw',
      clusters: [{ name: cluster, weight: 1 }],
      idleTimeoutMs: 0,
      maxConnectAttempts: 1,
      accessLogs: [],
    },
    { match: { ...anyMatch, ...match } },
  );

describe('a look at the first bytes', () => {
  const inspect = { inspect: { tls: true, protocol: false }, inspectTimeoutMs: 100 };
  const chains = [
    raw('one', { transportProtocol: 'tls', serverNames: ['shop'] }),
    to('two', { transportProtocol: 'raw_buffer' }),
  ];

  test('TLS goes by its server name, everything else to the other chain, no byte is lost', async () => {
    const { world, rejections } = await listening(chains, inspect);
    assert.deepEqual(rejections, []);
    const hello = clientHello('shop', []);
    const secure = await world.client();
    for (const byte of hello) {
      secure.connection.write(Buffer.from([byte]));
      await world.settle();
    }
    secure.connection.write(Buffer.from('\n'));
    await world.settle();
    const plain = await world.client();
    plain.send('1 REQ. GET host /');
    await world.settle();
    assert.match(plain.lines[0]!, /^1 RSP\. 200 from=two/);
    const stranger = await world.client();
    stranger.connection.write(clientHello('other', []));
    await world.settle();
    assert.notEqual(stranger.closed, undefined);
    const { stats } = world;
    assert.equal(stats.get('listener.127.0.0.1_8080.no_filter_chain_match'), 1);
    assert.equal(stats.get('tcp.raw.downstream_cx_total'), 1);
    assert.equal(stats.get('tcp.raw.downstream_cx_rx_bytes_total'), hello.length + 1);
    assert.equal(stats.get('listener.127.0.0.1_8080.downstream_pre_cx_active'), 0);
  });

  test('takes no longer than it may', async () => {
    const { world } = await listening(chains, inspect);
    const client = await world.client();
    await world.pass(102);
    assert.notEqual(client.closed, undefined);
    assert.equal(world.stats.get('listener.127.0.0.1_8080.downstream_pre_cx_timeout'), 1);
    const patient = await listening(chains, { ...inspect, continueOnInspectTimeout: true });
    const late = await patient.world.client();
    await patient.world.pass(102);
    late.send('1 REQ. GET host /');
    await patient.world.settle();
    assert.match(late.lines[0]!, /from=two/);
    assert.equal(patient.world.stats.get('listener.127.0.0.1_8080.downstream_cx_active'), 1);
  });

  test('a client that leaves meanwhile, and a drain', async () => {
    const { world } = await listening(chains, inspect);
    const gone = await world.client();
    gone.connection.close('reset');
    const waiting = await world.client();
    await world.settle();
    assert.equal(world.stats.get('listener.127.0.0.1_8080.downstream_cx_active'), 1);
    const drained = world.engine.drain(100);
    for (let times = 0; times < 4; times++) await world.pass(50);
    await drained;
    assert.notEqual(waiting.closed, undefined);
    assert.deepEqual(world.stats.gaugesLeft(/listeners_active|membership|_open$/), []);
  });

  test('no chain asks for it: nothing is waited for', async () => {
    const { world } = await listening([raw('one', {})], inspect);
    await world.client();
    assert.equal(world.stats.get('listener.127.0.0.1_8080.downstream_pre_cx_active'), 0);
    assert.equal(world.stats.get('tcp.raw.downstream_cx_total'), 1);
  });
});

describe('TLS', () => {
  const pair = (name: string) => ({ chainPem: name, privateKeyPem: `key of ${name}` });
  const tls = (name: string, more: Partial<ServerTls> = {}): ServerTls => ({ certificates: [pair(name)], ...more });

  test('the session picks the chain', async () => {
    const { world, rejections } = await listening([
      to('one', { serverNames: ['a'] }, tls('a')),
      to('two', { serverNames: ['*.b'] }, tls('b')),
    ]);
    assert.deepEqual(rejections, []);
    for (const [serverName, from] of [
      ['A', 'one'],
      ['x.b', 'two'],
    ] as const) {
      world.network.tlsSession = { alpn: undefined, serverName, version: 'TLSv1.3', peerSubjectAltNames: [] };
      const client = await world.client();
      client.send('1 REQ. GET host /');
      await world.settle();
      assert.match(client.lines[0]!, new RegExp(`from=${from}`));
    }
    world.network.tlsSession = { alpn: undefined, serverName: 'c', version: 'TLSv1.3', peerSubjectAltNames: [] };
    assert.notEqual((await world.client()).closed, undefined);
    assert.equal(world.stats.get('listener.127.0.0.1_8080.ssl.handshake'), 3);
  });

  test('other certificates on the same address: the socket is told, or they are refused', async () => {
    const { world } = await listening([to('one', {}, tls('a'))]);
    const client = await world.client();
    const changed = { listeners: [listenerConfig([to('one', {}, tls('b'))], { version: '2' })] };
    const [rejection] = await world.apply(changed);
    assert.match(rejection!.reason, /transport_socket: TLS of a listening socket cannot be changed/);
    const listen = world.network.listen.bind(world.network);
    const told: unknown[] = [];
    world.network.listen = async (...args) => ({ ...(await listen(...args)), setTls: (next) => told.push(next) });
    const moved = { name: 'able', address: { kind: 'ip', host: '127.0.0.1', port: 8443 } } as const;
    await world.apply({ listeners: [listenerConfig([to('one', {}, tls('a'))], moved)] });
    const stays = await world.client(8443);
    const able = listenerConfig([to('one', {}, tls('b'))], { ...moved, version: '2' });
    assert.deepEqual(await world.apply({ listeners: [able] }), []);
    await world.settle();
    assert.deepEqual(told, [tls('b')]);
    assert.deepEqual([client.closed, stays.closed, stays.lines], [undefined, undefined, []]);
  });

  const refused: readonly (readonly [string, readonly FilterChainConfig[], RegExp])[] = [
    [
      'with and without',
      [to('one', { destinationPort: 1 }, tls('a')), to('two')],
      /filter_chains\[1\]\.transport_socket: missing/,
    ],
    [
      'different rules',
      [to('one', { destinationPort: 1 }, tls('a')), to('two', {}, tls('b', { minVersion: 'TLSv1.3' }))],
      /filter_chains\[1\]\.transport_socket: minVersion: must be that of filter_chains\[0\]/,
    ],
  ];
  for (const [name, chains, reason] of refused) {
    test(`${name} is refused`, async () => {
      const { rejections } = await listening(chains);
      assert.match(rejections[0]!.reason, reason);
      assert.doesNotMatch(rejections[0]!.reason, /key of/);
    });
  }
});
