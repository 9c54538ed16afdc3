import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '@sofamesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { SeededRandom } from '@sofamesh/base/random';
import type { MessageStreamHandler, StreamStatus } from '@sofamesh/contract/message-stream';
import { MemoryStreams } from '@sofamesh/testkit/memory-streams';
import fc from 'fast-check';
import type { ProxyStatus } from './server/proxy-status.ts';
import { clientOf, MapStats, run, serverOf, TextSink, TextSource } from './test-support/peers.ts';
import { adsMethod, clusterTypeUrl, endpointsTypeUrl, listenerTypeUrl, routeTypeUrl } from './type-urls.ts';

const wildcards = [clusterTypeUrl, listenerTypeUrl];

function world() {
  const clock = new ManualClock();
  const network = new MemoryStreams(clock);
  const source = new TextSource();
  const statuses: ProxyStatus[] = [];
  const stats = new MapStats();
  const serverStats = new MapStats();
  const server = serverOf({
    clock,
    resourcesFor: source.resourcesFor,
    onStatus: (status) => statuses.push(status),
    stats: serverStats,
  });
  server.register(network.server);
  const sink = new TextSink(wildcards, () => new Promise((resolve) => clock.after(3, resolve)));
  const client = clientOf({ clock, dialer: network.dialer, sink, stats });
  return { clock, network, source, server, sink, client, statuses, stats, serverStats };
}

/** A client that only records, to look at the server from outside. */
function rawClient(network: MemoryStreams) {
  const responses: { typeUrl: string; version: string; nonce: string; texts: string[] }[] = [];
  const closed: StreamStatus[] = [];
  const handler: MessageStreamHandler = {
    onMessage: (bytes) => {
      const { typeUrl, versionInfo: version, nonce, resources } = fromBinary(DiscoveryResponseSchema, bytes);
      const texts = resources.map(({ value }) => Buffer.from(value).toString());
      responses.push({ typeUrl, version, nonce, texts });
    },
    onClose: (status) => closed.push(status),
  };
  const stream = network.dialer.open(adsMethod, handler);
  const send = (typeUrl: string, rest: { names?: string[]; nonce?: string; node?: boolean; error?: string } = {}) => {
    const request = create(DiscoveryRequestSchema, {
      typeUrl,
      resourceNames: rest.names ?? [],
      responseNonce: rest.nonce ?? '',
      ...(rest.node !== false && { node: { id: 'raw' } }),
      ...(rest.error !== undefined && { errorDetail: { message: rest.error } }),
    });
    stream.send(toBinary(DiscoveryRequestSchema, request));
  };
  return { stream, send, responses, closed };
}

describe('ADS', () => {
  test('asks in order, applies, acknowledges, and says who it is only once', async () => {
    const { clock, source, sink, client, server, network } = world();
    const requests: string[] = [];
    let nodes = 0;
    const { dialer } = network;
    const spy = clientOf({
      clock,
      sink,
      dialer: {
        ...dialer,
        open: (method, handler) => {
          const stream = dialer.open(method, handler);
          return {
            ...stream,
            send: (bytes) => {
              const request = fromBinary(DiscoveryRequestSchema, bytes);
              if (request.node !== undefined) nodes++;
              requests.push(`${request.typeUrl.split('.').at(-1)} ${request.versionInfo} ${request.responseNonce}`);
              return stream.send(bytes);
            },
          };
        },
      },
    });
    client.stop();
    source.set(clusterTypeUrl, { a: '1', b: '1' });
    source.set(listenerTypeUrl, { l: '1' });
    source.set(routeTypeUrl, { r: '1', other: '1' });
    spy.subscribe(routeTypeUrl, ['r']);
    spy.subscribe(listenerTypeUrl, undefined);
    spy.subscribe(clusterTypeUrl, undefined);
    spy.start();
    await run(clock, 100);
    assert.deepEqual(requests.slice(0, 3), ['Cluster  ', 'Listener  ', 'RouteConfiguration  ']);
    assert.deepEqual(requests.slice(3).sort(), ['Cluster v1 1.1', 'Listener v1 1.2', 'RouteConfiguration v1 1.3']);
    assert.equal(nodes, 1);
    assert.equal(spy.connected, true);
    assert.deepEqual([...sink.state.get(clusterTypeUrl)!.keys()], ['a', 'b']);
    assert.deepEqual([...sink.state.get(routeTypeUrl)!.keys()], ['r']);
    assert.deepEqual(
      server.statuses()[0]?.types.map(({ state, ackedVersion }) => `${state} ${ackedVersion}`),
      ['synced v1', 'synced v1', 'synced v1'],
    );
    spy.stop();
  });

  test('a NACK names every bad resource, keeps the version, and is not answered with the same again', async () => {
    const { clock, source, sink, client, server, stats, serverStats } = world();
    source.set(clusterTypeUrl, { a: '1' });
    client.subscribe(clusterTypeUrl, undefined);
    client.start();
    await run(clock, 50);
    source.set(clusterTypeUrl, { a: '2', b: 'bad', c: 'bad too' });
    server.push();
    await run(clock, 50);
    const [type] = server.statuses()[0]!.types;
    assert.deepEqual(type && { ...type, sentAtMs: 0 }, {
      typeUrl: clusterTypeUrl,
      names: undefined,
      state: 'rejected',
      sentVersion: 'v2',
      sentAtMs: 0,
      ackedVersion: 'v1',
      nackedVersion: 'v2',
      error: 'b: is bad\nc: is bad',
    });
    assert.equal(sink.state.get(clusterTypeUrl)?.get('a'), '2');
    assert.equal(stats.values.get('cluster_manager.cds.update_rejected'), 1);
    assert.equal(stats.values.get('cluster_manager.cds.update_success'), 1);
    assert.equal(serverStats.values.get('pilot_total_xds_rejects'), 1);
    server.push();
    await run(clock, 50);
    assert.equal(sink.applied.length, 2);
    source.set(clusterTypeUrl, { a: '3' });
    server.push([clusterTypeUrl]);
    await run(clock, 50);
    assert.equal(server.statuses()[0]?.types[0]?.state, 'synced');
    assert.deepEqual([...sink.state.get(clusterTypeUrl)!], [['a', '3']]);
    client.stop();
  });

  test('names that come while a response is being applied travel with its acknowledgement', async () => {
    const { clock, source, sink, client, serverStats } = world();
    source.set(endpointsTypeUrl, { a: '1', b: '1' });
    client.subscribe(endpointsTypeUrl, ['a']);
    client.start();
    while (sink.running === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(clock.step());
    }
    client.subscribe(endpointsTypeUrl, ['b', 'not there']);
    await run(clock, 50);
    assert.deepEqual([...sink.state.get(endpointsTypeUrl)!.keys()], ['a', 'b']);
    assert.equal(serverStats.values.get('pilot_xds_expired_nonce'), 0);
    client.unsubscribe(endpointsTypeUrl, ['a', 'b', 'not there']);
    await run(clock, 50);
    client.subscribe(endpointsTypeUrl, ['b']);
    const before = sink.applied.length;
    await run(clock, 50);
    assert.deepEqual(
      sink.applied.slice(before).map(({ texts }) => texts),
      [['b=1']],
    );
    client.stop();
  });

  test('reconnects with growing delays, resumes with the accepted versions, and keeps what it has', async () => {
    const { clock, network, source, sink, client, stats, server } = world();
    source.set(clusterTypeUrl, { a: '1' });
    client.subscribe(clusterTypeUrl, undefined);
    client.start();
    await run(clock, 50);
    assert.equal(stats.values.get('control_plane.connected_state'), 1);
    network.reachable = false;
    network.breakAll();
    await run(clock, 10);
    assert.equal(client.connected, false);
    assert.equal(stats.values.get('control_plane.connected_state'), 0);
    assert.deepEqual([...sink.state.get(clusterTypeUrl)!], [['a', '1']]);
    assert.deepEqual(server.statuses(), []);
    await run(clock, 60_000);
    const failures = stats.values.get('cluster_manager.cds.update_failure')!;
    assert.ok(failures >= 6 && failures <= 12, `${failures} attempts in a minute`);
    network.reachable = true;
    source.set(clusterTypeUrl, { a: '2' });
    await run(clock, 30_000);
    assert.deepEqual([...sink.state.get(clusterTypeUrl)!], [['a', '2']]);
    client.stop();
    await run(clock, 60_000);
    assert.equal(clock.nextDueMs(), undefined);
  });

  test('an answer to a response of an earlier stream is not sent on the next one', async () => {
    const { clock, network, source, sink } = world();
    const client = clientOf({ clock, dialer: network.dialer, sink, random: { next: () => 0 } });
    source.set(clusterTypeUrl, { a: '1' });
    client.subscribe(clusterTypeUrl, undefined);
    client.start();
    while (sink.running === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(clock.step());
    }
    const nonces: string[] = [];
    network.server.handle(adsMethod, () => ({
      onMessage: (bytes) => nonces.push(fromBinary(DiscoveryRequestSchema, bytes).responseNonce),
      onClose() {},
    }));
    network.breakAll();
    await run(clock, 5_000);
    assert.deepEqual(nonces, ['']);
    client.stop();
  });

  test('garbage from the server ends the stream, not the client', async () => {
    const clock = new ManualClock();
    const network = new MemoryStreams(clock);
    const sink = new TextSink(wildcards);
    let streams = 0;
    network.server.handle(adsMethod, (stream) => {
      streams++;
      stream.send(Buffer.from([0xff, 0xff, 0xff]));
      return { onMessage() {}, onClose() {} };
    });
    const client = clientOf({ clock, dialer: network.dialer, sink });
    client.subscribe(clusterTypeUrl, undefined);
    client.start();
    await run(clock, 5_000);
    assert.ok(streams > 2 && streams < 10, `${streams} streams`);
    assert.equal(client.connected, false);
    client.stop();
  });

  test('a server that does not wait for acknowledgements is cut off when too much is queued', async () => {
    const clock = new ManualClock();
    const network = new MemoryStreams(clock);
    let applied = 0;
    const sink = { apply: () => new Promise<{ errors: [] }>(() => void applied++) };
    const closed: StreamStatus[] = [];
    network.server.handle(adsMethod, (stream) => {
      for (let count = 0; count < 100; count++) {
        stream.send(toBinary(DiscoveryResponseSchema, create(DiscoveryResponseSchema, { typeUrl: clusterTypeUrl })));
      }
      return { onMessage() {}, onClose: (status) => closed.push(status) };
    });
    const client = clientOf({ clock, dialer: network.dialer, sink });
    client.subscribe(clusterTypeUrl, undefined);
    client.start();
    await run(clock, 10);
    assert.equal(applied, 1);
    assert.match(closed[0]?.message ?? '', /64 responses .* wait/);
    client.stop();
  });
});

describe('AdsServer', () => {
  test('holds a push back until the answer, then sends only the newest, earlier types first', async () => {
    const { clock, network, source, server } = world();
    const client = rawClient(network);
    source.set(clusterTypeUrl, { a: '1' });
    source.set(routeTypeUrl, { r: '1' });
    client.send(clusterTypeUrl);
    client.send(routeTypeUrl, { names: ['r'] });
    await run(clock, 10);
    assert.deepEqual(
      client.responses.map(({ version }) => version),
      ['v1', 'v1'],
    );
    client.send(routeTypeUrl, { names: ['r'], nonce: '1.2' });
    for (const text of ['2', '3', '4']) {
      source.set(clusterTypeUrl, { a: text });
      source.set(routeTypeUrl, { r: text });
      server.push();
    }
    await run(clock, 10);
    assert.equal(client.responses.length, 2, 'routes wait for the clusters before them');
    client.send(clusterTypeUrl, { nonce: '1.1' });
    await run(clock, 10);
    assert.deepEqual(
      client.responses.slice(2).map(({ typeUrl, version }) => [typeUrl, version]),
      [
        [clusterTypeUrl, 'v4'],
        [routeTypeUrl, 'v4'],
      ],
    );
  });

  test('endpoints follow changed clusters, and a stale nonce is ignored', async () => {
    const { clock, network, source, server, serverStats } = world();
    const client = rawClient(network);
    source.set(clusterTypeUrl, { a: '1' });
    source.set(endpointsTypeUrl, { a: '1' });
    client.send(clusterTypeUrl);
    client.send(endpointsTypeUrl, { names: ['a'] });
    await run(clock, 10);
    client.send(clusterTypeUrl, { nonce: '1.1' });
    client.send(endpointsTypeUrl, { names: ['a'], nonce: '1.2' });
    await run(clock, 10);
    source.set(clusterTypeUrl, { a: '2' });
    server.push([clusterTypeUrl]);
    await run(clock, 10);
    assert.deepEqual(
      client.responses.slice(2).map(({ typeUrl }) => typeUrl),
      [clusterTypeUrl, endpointsTypeUrl],
    );
    client.send(endpointsTypeUrl, { names: ['a', 'b'], nonce: '1.2' });
    await run(clock, 10);
    assert.equal(client.responses.length, 4);
    assert.equal(serverStats.values.get('pilot_xds_expired_nonce'), 1);
  });

  test('of what is asked for by name only what differs is sent, of clusters always all', async () => {
    const { clock, network, source, server } = world();
    const client = rawClient(network);
    source.set(clusterTypeUrl, { a: '1', b: '1' });
    source.set(endpointsTypeUrl, { a: '1', b: '1', c: '1' });
    client.send(clusterTypeUrl);
    client.send(endpointsTypeUrl, { names: ['a', 'b'] });
    await run(clock, 10);
    let answered = 0;
    const answerAll = async (names: string[]) => {
      for (; answered < client.responses.length; answered++) {
        const { typeUrl, nonce } = client.responses[answered]!;
        client.send(typeUrl, { nonce, ...(typeUrl === endpointsTypeUrl && { names }) });
        await run(clock, 10);
      }
    };
    const pushed = async (typeUrl: string, texts: Record<string, string>) => {
      const before = client.responses.length;
      source.set(typeUrl, texts);
      server.push();
      await run(clock, 10);
      await answerAll(['a', 'b']);
      return client.responses.slice(before).map((response) => response.texts);
    };
    await answerAll(['a', 'b']);
    assert.deepEqual(await pushed(endpointsTypeUrl, { a: '1', b: '2', c: '1' }), [['b=2']]);
    assert.deepEqual(await pushed(endpointsTypeUrl, { a: '1', b: '2', c: '2' }), [], 'nobody asked for c');
    assert.deepEqual(await pushed(clusterTypeUrl, { a: '1', b: '2' }), [['a=1', 'b=2'], ['b=2']], 'b warms');
    assert.deepEqual(await pushed(endpointsTypeUrl, { b: '2', c: '2' }), [], 'its cluster says that a is gone');
    assert.deepEqual(await pushed(endpointsTypeUrl, { a: '1', b: '2', c: '2' }), [['a=1']]);
    // One more name, and one less; then the same name again.
    const before = client.responses.length;
    const ask = async (...names: string[]) => {
      client.send(endpointsTypeUrl, { names, nonce: client.responses.at(-1)!.nonce });
      await run(clock, 10);
      await answerAll(names);
    };
    await ask('a', 'c');
    await ask('a', 'b', 'c');
    assert.deepEqual(
      client.responses.slice(before).map(({ texts }) => texts),
      [['c=2'], ['b=2']],
    );
    // Asked for anew on the same stream.
    client.send(endpointsTypeUrl, { names: ['a', 'b'] });
    await run(clock, 10);
    assert.deepEqual(client.responses.at(-1)?.texts, ['a=1', 'b=2']);
  });

  test('waits while the stream does not take more', async () => {
    const { clock, source, server } = world();
    const sent: Uint8Array[] = [];
    const handler = server.accept({ peer: 'slow', send: (bytes) => sent.push(bytes) < 1, close() {} });
    const request = (typeUrl: string) =>
      handler.onMessage(
        toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, { typeUrl, node: { id: 'x' } })),
      );
    source.set(clusterTypeUrl, { a: '1' });
    source.set(listenerTypeUrl, { l: '1' });
    request(clusterTypeUrl);
    request(listenerTypeUrl);
    assert.equal(sent.length, 1);
    handler.onWritable?.();
    assert.equal(sent.length, 2);
    await run(clock, 1);
  });

  for (const [what, send, reason] of [
    [
      'no node',
      (client: ReturnType<typeof rawClient>) => client.send(clusterTypeUrl, { node: false }),
      /node with an id/,
    ],
    ['no type', (client: ReturnType<typeof rawClient>) => client.send(''), /type_url is empty/],
    ['no message', (client: ReturnType<typeof rawClient>) => client.stream.send(Buffer.from([0xff])), /cannot decode/],
    [
      'too many types',
      (client: ReturnType<typeof rawClient>) => {
        for (let type = 0; type < 100; type++) client.send(`type.googleapis.com/t${type}`, { names: ['x'] });
      },
      /more than 64 types/,
    ],
  ] as const) {
    test(`refuses a stream with ${what}`, async () => {
      const { clock, network, server } = world();
      const client = rawClient(network);
      send(client);
      await run(clock, 10);
      assert.match(client.closed[0]?.message ?? '', reason);
      assert.deepEqual(server.statuses(), []);
    });
  }

  test('a proxy that is refused on connecting is told why, and counts as never connected', async () => {
    const clock = new ManualClock();
    const network = new MemoryStreams(clock);
    const stats = new MapStats();
    const gone: string[] = [];
    const server = serverOf({
      clock,
      stats,
      resourcesFor: () => undefined,
      onConnect: () => {
        throw new Error('no such namespace');
      },
      onDisconnect: ({ node }) => gone.push(node.id),
    });
    server.register(network.server);
    const client = rawClient(network);
    client.send(clusterTypeUrl);
    await run(clock, 10);
    assert.deepEqual(client.closed, [{ code: 3, message: 'no such namespace' }]);
    assert.equal(stats.values.get('pilot_xds'), 0);
    assert.deepEqual(gone, []);
  });
});

const text = fc.constantFrom('1', '2', '3', 'bad', 'bad 2');
const texts = fc.dictionary(fc.constantFrom('a', 'b', 'c'), text);
const someType = fc.constantFrom(clusterTypeUrl, endpointsTypeUrl, listenerTypeUrl, routeTypeUrl);
const namedType = fc.constantFrom(endpointsTypeUrl, routeTypeUrl);
const name = fc.constantFrom('a', 'b', 'c');
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), typeUrl: someType, texts }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('break' as const), reachable: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('subscribe' as const), typeUrl: namedType, name }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('unsubscribe' as const), typeUrl: namedType, name }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 300 }) }) },
);

test('whatever happens on the way, the client ends with the newest good state of what it asked for', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 25, size: 'max' }),
      fc.integer(),
      async (steps, seed) => {
        const random = new SeededRandom(seed);
        const clock = new ManualClock();
        const network = new MemoryStreams(clock, () => random.next() * 20);
        const source = new TextSource();
        const server = serverOf({ clock, resourcesFor: source.resourcesFor });
        server.register(network.server);
        const sink = new TextSink(wildcards, () => new Promise((resolve) => clock.after(random.next() * 30, resolve)));
        const client = clientOf({ clock, dialer: network.dialer, sink, random });
        const wanted = new Map([endpointsTypeUrl, routeTypeUrl].map((typeUrl) => [typeUrl, new Set<string>()]));
        for (const typeUrl of wildcards) client.subscribe(typeUrl, undefined);
        client.start();
        for (const move of steps) {
          switch (move.kind) {
            case 'set':
              source.set(move.typeUrl, move.texts);
              server.push([move.typeUrl]);
              break;
            case 'break':
              network.reachable = move.reachable;
              network.breakAll();
              break;
            case 'subscribe':
              wanted.get(move.typeUrl)?.add(move.name);
              client.subscribe(move.typeUrl, [move.name]);
              break;
            case 'unsubscribe':
              wanted.get(move.typeUrl)?.delete(move.name);
              client.unsubscribe(move.typeUrl, [move.name]);
              break;
            case 'wait':
              await run(clock, move.ms);
          }
        }
        network.reachable = true;
        await run(clock, 120_000);
        for (const typeUrl of [clusterTypeUrl, listenerTypeUrl, endpointsTypeUrl, routeTypeUrl]) {
          const names = wanted.get(typeUrl);
          for (const [name, value] of source.texts(typeUrl)) {
            if (value.startsWith('bad') || (names !== undefined && !names.has(name))) continue;
            assert.equal(sink.state.get(typeUrl)?.get(name), value, `${typeUrl} ${name}`);
          }
          if (names !== undefined) continue;
          for (const name of sink.state.get(typeUrl)?.keys() ?? []) {
            assert.ok(source.texts(typeUrl).has(name), `${typeUrl} ${name} should be gone`);
          }
        }
        const { types } = server.statuses()[0]!;
        assert.ok(
          types.every(({ state }) => state !== 'stale'),
          JSON.stringify(types),
        );
        assert.ok(sink.runningMax <= 4);
        client.stop();
        await run(clock, 1_000);
      },
    ),
    { numRuns: 250 },
  );
});
