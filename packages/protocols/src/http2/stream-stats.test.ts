import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Protocol } from '@sofamesh/contract/protocol';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import fc from 'fast-check';
import { protocol } from './http2.ts';
import { Http2ResponseHead } from './response-head.ts';
import { data, endHeaders, get, headers, opening, post, reset, settings, windowUpdate } from './sample-frames.test.ts';

const windowBytes = 65_535;

/** HTTP/2 that counts, and what it has counted: [rx_reset, tx_reset, trailers, streams_active, pending_send_bytes]. */
function counting(): { counted: Protocol; counts: () => number[] } {
  const stats = new MemoryStats();
  const streamStats = {
    rxReset: stats.counter('rx_reset'),
    txReset: stats.counter('tx_reset'),
    trailers: stats.counter('trailers'),
    streamsActive: stats.gauge('streams_active'),
    pendingSendBytes: stats.gauge('pending_send_bytes'),
  };
  const counted: Protocol = {
    ...protocol,
    createServerCodec: (connection, host, options) =>
      protocol.createServerCodec(connection, host, { ...options, streamStats }),
    createClientCodec: (connection, host, options) =>
      protocol.createClientCodec(connection, host, { ...options, streamStats }),
  };
  return { counted, counts: () => Object.values(streamStats).map(({ value }) => value) };
}

function made(): { server: ScriptedServer; counts: () => number[] } {
  const { counted, counts } = counting();
  const server = new ScriptedServer(counted);
  server.codec.receive(opening.fromClient());
  return { server, counts };
}

function respond(server: ScriptedServer, at: number, bytes: number): void {
  const { stream } = server.calls[at]!;
  stream.sendHead(new Http2ResponseHead(200, [], undefined), false);
  stream.sendData(Buffer.alloc(bytes), false);
  stream.sendData(Buffer.alloc(bytes), true);
}

describe('what the codec counts of its streams', () => {
  test('open ones, and what waits for windows of them', () => {
    const { server, counts } = made();
    server.codec.receive(Buffer.concat([headers(1, get), headers(3, get)]));
    assert.deepEqual(counts(), [0, 0, 0, 2, 0]);
    for (const at of [0, 1]) respond(server, at, 40_000);
    assert.deepEqual(counts(), [0, 0, 0, 2, 160_000 - windowBytes]);
    server.codec.receive(reset(1, 8));
    assert.deepEqual(counts(), [1, 0, 0, 1, 80_000]);
    server.codec.receive(Buffer.concat([windowUpdate(0, 1_000_000), windowUpdate(3, 1_000_000), reset(1, 8)]));
    assert.deepEqual(counts(), [1, 0, 0, 0, 0], 'a reset of what is closed is none');
  });

  test('resets of its own, and trailers', () => {
    const { server, counts } = made();
    server.codec.receive(headers(1, post, endHeaders));
    server.lastCall.stream.sendHead(new Http2ResponseHead(200, [], undefined), true);
    assert.deepEqual(counts(), [0, 1, 0, 0, 0], 'the rest of the request is not wanted');
    server.codec.receive(Buffer.concat([headers(3, post, endHeaders), data(3, 'x', 0), headers(3, [['a', 'b']])]));
    assert.deepEqual(counts(), [0, 1, 1, 1, 0]);
  });

  test('those to an upstream from their head on', () => {
    const source = new ScriptedServer(protocol);
    source.codec.receive(
      Buffer.concat([opening.fromClient(), headers(1, post, endHeaders), data(1, Buffer.alloc(9000), 0)]),
    );
    const { counted, counts } = counting();
    const client = new ScriptedClient(counted);
    client.codec.receive(opening.fromServer());
    client.codec.receive(settings([4, 1000]));
    const unsent = client.codec.openStream(source.lastCall);
    unsent.reset('local-reset');
    assert.deepEqual(counts(), [0, 0, 0, 0, 0]);
    const stream = client.forward(source.lastCall);
    assert.deepEqual(counts(), [0, 0, 0, 1, 8000]);
    client.codec.receive(Buffer.concat([headers(1, [[':status', '200']], endHeaders), headers(1, [['a', 'b']])]));
    assert.deepEqual(counts(), [0, 0, 0, 1, 8000], 'trailers are those of requests');
    stream.reset('local-reset');
    assert.deepEqual(counts(), [0, 1, 0, 0, 0]);
  });

  test('whatever happens, nothing is left when the connection is gone', () => {
    /** Of the stream that was opened as number `at`; streams are opened one after the other. */
    const toStream = (send: (streamId: number) => Buffer) =>
      fc.nat(3).map((at) => (server: ScriptedServer) => {
        if (at < server.calls.length) server.codec.receive(send(2 * at + 1));
      });
    const open = (request: typeof get, flags?: number) =>
      fc.constant((server: ScriptedServer) => {
        const streamId = 2 * server.calls.length + 1;
        if (streamId < 9) server.codec.receive(headers(streamId, request, flags));
      });
    const step = fc.oneof(
      open(get),
      open(post, endHeaders),
      toStream((id) => reset(id, 8)),
      toStream((id) => windowUpdate(id, 0)),
      toStream((id) => windowUpdate(id, 30_000)),
      fc.constant((server: ScriptedServer) => server.codec.receive(windowUpdate(0, 30_000))),
      fc.nat(1).map((window) => (server: ScriptedServer) => server.codec.receive(settings([4, window * 50_000]))),
      fc.nat(3).map((at) => (server: ScriptedServer) => {
        if (server.calls[at] !== undefined) respond(server, at, 40_000);
      }),
      fc.nat(3).map((at) => (server: ScriptedServer) => server.calls[at]?.stream.reset('local-reset')),
    );
    const run = (steps: readonly ((server: ScriptedServer) => void)[]) => {
      const { server, counts } = made();
      for (const take of steps) {
        take(server);
        const [, , , active, pending] = counts();
        assert.equal(active, server.codec.activeStreams);
        assert.ok(pending! >= 0 && (active! > 0 || pending === 0), `${pending} bytes wait on ${active} streams`);
      }
      server.codec.connectionClosed({ kind: 'closed', reason: '' });
      assert.deepEqual(counts().slice(3), [0, 0]);
    };
    fc.assert(fc.property(fc.array(step, { maxLength: 30 }), run), { numRuns: 300 });
  });
});
