import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LocalReply } from '@sofamesh/contract/message';
import { type Bench, settled } from './bench.ts';
import type { GoAwaySample } from './fixtures.ts';
import type { ScriptedServer } from './scripted-engine.ts';

const reply: LocalReply = { status: 503, body: 'no', details: '', flags: 0 };

/** Going away: requests that were sent are served, and then somebody is told. */
export function drainingTests(bench: Bench, sample: GoAwaySample | undefined): void {
  /** The client has seen the notice, where that is waited for. */
  const confirm = (server: ScriptedServer) => {
    if (sample?.confirmation === undefined) return;
    assert.equal(server.drained, 0);
    server.codec.receive(sample.confirmation());
    assert.notEqual(server.connection.take().length, 0, 'the last stream was not told');
  };

  test('an idle connection is drained at once, and once', () => {
    const server = bench.server();
    server.codec.goAway();
    assert.deepEqual(server.connection.take(), sample?.expectNotice ?? Buffer.alloc(0));
    confirm(server);
    assert.equal(server.drained, 1);
    server.codec.goAway();
    assert.equal(server.drained, 1);
    assert.equal(server.connection.take().length, 0);
  });

  test('a request in progress is answered first', async () => {
    const { server, call } = bench.call(bench.plain);
    server.codec.goAway();
    assert.deepEqual(server.connection.take(), sample?.expectNotice ?? Buffer.alloc(0));
    confirm(server);
    assert.equal(server.drained, 0);
    assert.equal(server.connection.closed, undefined);
    call.stream.sendReply(reply);
    await settled();
    assert.notEqual(server.connection.take().length, 0);
    assert.equal(server.drained, 1);
  });

  test('the last answer is written before anybody is told', async () => {
    const { server, call } = bench.call(bench.plain);
    server.codec.goAway();
    server.connection.take();
    confirm(server);
    let written = 0;
    server.whenDrained = () => {
      written = server.connection.take().length;
    };
    call.stream.sendReply(reply);
    await settled();
    assert.equal(server.drained, 1);
    assert.notEqual(written, 0);
    assert.equal(server.connection.take().length, 0, 'the engine has closed the connection');
  });

  test('a request that has begun to arrive is answered first', async () => {
    const server = bench.server();
    const request = bench.plain.request(1);
    server.codec.receive(Buffer.from(request.subarray(0, 5)));
    server.codec.goAway();
    assert.equal(server.drained, 0);
    server.codec.receive(Buffer.from(request.subarray(5)));
    server.connection.take();
    confirm(server);
    assert.equal(server.drained, 0);
    server.lastCall.stream.sendReply(reply);
    await settled();
    assert.equal(server.drained, 1);
  });

  test('a client that leaves while it is drained resets its request', () => {
    const { server, call } = bench.call(bench.plain);
    server.codec.goAway();
    server.codec.connectionClosed({ kind: 'closed', reason: '' });
    assert.equal(call.requestReset, 'connection-termination');
    call.stream.sendReply(reply);
    assert.ok(server.drained <= 1);
  });

  if (sample === undefined) return;

  if (sample.confirmation !== undefined) {
    test('a client that does not confirm is told the last stream when it is asked again', () => {
      const server = bench.server();
      server.codec.receive(bench.plain.request(1));
      server.codec.goAway();
      server.connection.take();
      server.codec.goAway();
      assert.notEqual(server.connection.take().length, 0);
      server.codec.receive(bench.plain.request(2));
      assert.equal(server.calls.length, 1, 'a request behind the last stream');
      server.lastCall.stream.sendReply(reply);
      assert.equal(server.drained, 1);
    });
  }

  test('a server that goes away gets no new calls and answers those it has', () => {
    const relayed = bench.relay(bench.plain);
    const { client, call } = relayed;
    client.codec.receive(sample.fromServer());
    assert.equal(client.codec.available, 0);
    assert.equal(client.availabilityChanges, 1);
    assert.equal(client.codec.retired, sample.retires ?? true);
    assert.equal(client.codec.activeStreams, 1);
    assert.equal(client.unsolicited, 0);
    bench.answer(relayed, bench.plain);
    assert.ok(call.responseEnded);
    assert.equal(client.codec.activeStreams, 0);
    client.codec.receive(sample.fromServer());
    assert.equal(client.availabilityChanges, 1);
    assert.deepEqual(client.faults, []);
  });
}
