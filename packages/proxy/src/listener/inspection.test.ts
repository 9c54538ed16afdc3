import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readClientHello } from '@sofamesh/base/client-hello';
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
  tcpProxy,
} from '../test-support/configs.ts';
import { EngineWorld } from '../test-support/engine-world.ts';
import { clientHello } from './test-support/client-hello.ts';

describe('the ClientHello', () => {
  test('tells server name and application protocols, in one record or many', () => {
    for (const recordBytes of [1 << 14, 100, 7, 1]) {
      const hello = clientHello('Shop.Example.com', ['h2', 'http/1.1'], recordBytes);
      const found = readClientHello(hello);
      assert.ok(typeof found === 'object');
      assert.deepEqual([found.serverName, found.alpn], ['shop.example.com', ['h2', 'http/1.1']]);
    }
  });

  test('is not decided before it is whole', () => {
    const hello = clientHello('shop', ['h2'], 50);
    for (let end = 0; end < hello.length; end++)
      assert.equal(readClientHello(hello.subarray(0, end)), 'more', `${end}`);
    assert.equal(typeof readClientHello(Buffer.concat([hello, Buffer.from('more')])), 'object');
  });

  test('anything else is none, and nothing makes it throw', () => {
    assert.equal(readClientHello(Buffer.from('GET / HTTP/1.1')), 'no');
    assert.equal(readClientHello(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])), 'no');
    assert.equal(readClientHello(Buffer.from([22, 3, 1, 0, 4, 1, 255, 255, 255])), 'too-large');
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
  chain(tcpProxy(cluster), { match: { ...anyMatch, ...match } });

describe('a look at the first bytes', () => {
  const inspect: Partial<ListenerConfig> = {
    listenerFilters: [{ kind: 'tls-inspector', disabled: undefined }],
    inspectTimeoutMs: 100,
  };
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
    // As in Envoy, they are connections of the listener when they have a chain.
    assert.equal(world.stats.get('listener.127.0.0.1_8080.downstream_pre_cx_active'), 1);
    assert.equal(world.stats.get('listener.127.0.0.1_8080.downstream_cx_total'), 0);
    assert.equal(world.stats.get('listener.127.0.0.1_8080.downstream_cx_destroy'), 0);
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
  const ssl = (world: EngineWorld, name: string) => world.stats.get(`listener.127.0.0.1_8080.ssl.${name}`);

  /** Says hello, and what follows when the handshake is done. */
  async function secureClient(world: EngineWorld, serverName: string, ...lines: readonly string[]) {
    const client = await world.client();
    client.connection.write(clientHello(serverName, []));
    await world.settle();
    client.send(...lines);
    await world.settle();
    return client;
  }

  const started = (world: EngineWorld) => world.network.connections.flatMap(({ tlsStart }) => tlsStart ?? []);

  test('the hello picks the chain, and the chain its certificate', async () => {
    const { world, rejections } = await listening([
      to('one', { serverNames: ['a'] }, tls('a')),
      to('two', { serverNames: ['*.b'] }, tls('b')),
      to('one', { transportProtocol: 'raw_buffer' }),
    ]);
    assert.deepEqual(rejections, []);
    for (const [serverName, from] of [
      ['A', 'one'],
      ['x.b', 'two'],
    ] as const) {
      const client = await secureClient(world, serverName, '1 REQ. GET host /');
      assert.match(client.lines[0]!, new RegExp(`from=${from}`));
    }
    assert.deepEqual(
      started(world).map((start) => [start.tls.certificates[0]!.chainPem, start.received]),
      [
        ['a', clientHello('A', [])],
        ['b', clientHello('x.b', [])],
      ],
    );
    assert.notEqual((await secureClient(world, 'c')).closed, undefined);
    const plain = await world.client();
    plain.send('1 REQ. GET host /');
    await world.settle();
    assert.match(plain.lines[0]!, /from=one/);
    assert.equal(ssl(world, 'handshake'), 2);
    assert.equal(ssl(world, 'versions.TLSv1.3'), 2);
    assert.equal(ssl(world, 'no_certificate'), 2);
  });

  test('one chain for all needs no look at the hello', async () => {
    const { world } = await listening([to('one', {}, tls('a'))]);
    const client = await world.client();
    client.send('1 REQ. GET host /');
    await world.settle();
    assert.match(client.lines[0]!, /from=one/);
    assert.equal(started(world)[0]!.received.length, 0);
    assert.equal(world.stats.get('listener.127.0.0.1_8080.downstream_pre_cx_active'), 0);
  });

  test('a handshake that fails is counted by what was wrong, and the connection is gone', async () => {
    const { world } = await listening([to('one', {}, tls('a'))]);
    for (const [check, name] of [
      [undefined, 'connection_error'],
      ['no-certificate', 'fail_verify_no_cert'],
      ['chain', 'fail_verify_error'],
      ['name', 'fail_verify_san'],
      ['hash', 'fail_verify_cert_hash'],
    ] as const) {
      world.network.tlsFailure = { kind: 'tls-failed', reason: 'x', ...(check !== undefined && { check }) };
      assert.notEqual((await world.client()).closed, undefined);
      assert.equal(ssl(world, name), 1, name);
    }
    const counted = (name: string) => world.stats.get(`listener.127.0.0.1_8080.${name}`);
    for (const [reason, name] of [
      ['ERR_TLS_HANDSHAKE_TIMEOUT', 'downstream_cx_transport_socket_connect_timeout'],
      ['secrets_not_ready', 'server_ssl_socket_factory.downstream_context_secrets_not_ready'],
    ] as const) {
      world.network.tlsFailure = { kind: 'tls-failed', reason };
      assert.notEqual((await world.client()).closed, undefined);
      assert.equal(counted(name), 1, name);
    }
    assert.equal(ssl(world, 'connection_error'), 1);
    assert.equal(ssl(world, 'handshake'), 0);
    assert.equal(counted('downstream_cx_active'), 0);
    assert.equal(counted('downstream_cx_destroy'), 7);
  });

  test('a new certificate is for new handshakes; connections and what is equal stay', async () => {
    const { world } = await listening([to('one', {}, tls('a')), to('two', { destinationPort: 1 }, tls('a'))]);
    const client = await world.client();
    client.send('1 REQ. GET host /');
    await world.settle();
    const changed = [to('one', {}, tls('b')), to('two', { destinationPort: 1 }, tls('a'))];
    assert.deepEqual(await world.apply({ listeners: [listenerConfig(changed, { version: '2' })] }), []);
    client.send('2 REQ. GET host /');
    await world.settle();
    assert.equal(client.lines.length, 2);
    assert.equal(client.closed, undefined);
    await world.client();
    const again = [to('one', {}, tls('b')), to('two', { destinationPort: 2 }, tls('b'))];
    assert.deepEqual(await world.apply({ listeners: [listenerConfig(again, { version: '3' })] }), []);
    await world.client();
    const used = started(world).map((start) => start.tls);
    assert.deepEqual(
      used.map(({ certificates }) => certificates[0]!.chainPem),
      ['a', 'b', 'b'],
    );
    assert.equal(used[1], used[2], 'what was compiled for a configuration is used again');
    assert.equal(world.stats.get('http.in.downstream_cx_active'), 3);
  });

  test('a listener that stops ends handshakes', async () => {
    const { world } = await listening([to('one', { serverNames: ['a'] }, tls('a'))]);
    const client = await world.client();
    client.connection.write(clientHello('a', []));
    // The hello arrives and the handshake starts, but does not end.
    while (started(world).length === 0 && world.network.step()) {}
    await world.apply({ removedListeners: [listenerConfig([]).name] });
    await world.settle();
    assert.notEqual(client.closed, undefined);
    assert.equal(world.stats.get('listener.127.0.0.1_8080.downstream_cx_active'), 0);
  });
});
