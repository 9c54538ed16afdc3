import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LocalReply } from '@sofamesh/contract/message';
import { type Bench, settled } from './bench.ts';

const reply: LocalReply = { status: 503, body: 'no', details: '', flags: 0 };

/** Who does not keep up slows the other side down, and nothing is lost. */
export function flowControlTests(bench: Bench): void {
  test('streams say whether their connection takes more, and tell when it does again', () => {
    const { server, client, call } = bench.relay(bench.plain);
    const { stream, upstream } = call;
    assert.equal(stream.writable, true);
    server.connection.writable = false;
    assert.equal(stream.writable, false);
    server.connection.writable = true;
    server.codec.connectionWritable();
    assert.equal(stream.writable, true);
    assert.equal(call.writableCalls, 1);
    client.connection.writable = false;
    assert.equal(upstream!.writable, false);
    client.connection.writable = true;
    client.codec.connectionWritable();
    assert.equal(upstream!.writable, true);
  });

  test('a client that takes no answers gets no new requests served', async () => {
    const server = bench.server();
    server.connection.writable = false;
    server.codec.receive(bench.plain.request(1));
    assert.equal(server.calls.length, 0);
    assert.equal(server.connection.reading, false);
    server.connection.writable = true;
    server.codec.connectionWritable();
    await settled();
    assert.equal(server.calls.length, 1);
    assert.equal(server.connection.reading, true);
  });

  if (bench.stateful) {
    test('requests above the limit of streams are refused, and cost nothing else', () => {
      const server = bench.server({ streamsMax: 2 });
      server.codec.receive(Buffer.concat([1, 2, 3].map((id) => bench.plain.request(id))));
      assert.equal(server.calls.length, 2);
      assert.deepEqual(
        server.faults.map(({ scope }) => scope),
        ['stream'],
      );
      assert.equal(server.connection.reading, true);
      server.calls[0]!.stream.sendReply(reply);
      server.codec.receive(bench.plain.request(4));
      assert.equal(server.calls.length, 3);
    });
  } else if (!bench.exclusive) {
    test('reading pauses at the limit of streams and goes on below it', () => {
      const server = bench.server({ streamsMax: 2 });
      server.codec.receive(Buffer.concat([1, 2, 3, 4, 5].map((id) => bench.plain.request(id))));
      assert.equal(server.calls.length, 2);
      assert.equal(server.connection.reading, false);
      assert.equal(server.codec.heldBytes, 0, 'a whole message that waits is not one that has begun');
      for (let at = 0; at < 5; at++) {
        assert.equal(server.connection.reading, at > 3, `after ${at} answers`);
        server.calls[at]!.stream.sendReply(reply);
      }
      assert.equal(server.calls.length, 5);
      assert.equal(server.codec.activeStreams, 0);
    });
  }

  if (bench.streamed) streamedTests(bench);
}

function streamedTests(bench: Bench): void {
  const long = bench.fixtures.exchanges.find(
    ({ expectRequest, expectResponse, endsWithConnection }) =>
      (expectRequest.body?.length ?? 0) > 4 && (expectResponse.body?.length ?? 0) > 4 && !endsWithConnection,
  );
  assert.ok(long !== undefined, 'no exchange with both bodies longer than 4 bytes in the fixtures');

  test('a paused request delivers nothing until it is resumed', async () => {
    const request = long.request(1);
    const { requestBody: body } = bench.call(long).call;
    for (let before = 1; before < request.length; before++) {
      const server = bench.server();
      server.codec.receive(Buffer.from(request.subarray(0, before)));
      const [call] = server.calls;
      if (call === undefined) continue;
      call.stream.pauseRequest();
      const delivered = call.requestBody.length;
      server.codec.receive(Buffer.from(request.subarray(before)));
      assert.equal(call.requestBody.length, delivered);
      assert.ok(!call.requestEnded);
      // Where other requests share the connection, only the stream waits.
      assert.equal(server.connection.reading, bench.stateful);
      call.stream.resumeRequest();
      await settled();
      assert.deepEqual(call.requestBody, body);
      assert.ok(call.requestEnded);
      assert.equal(server.connection.reading, true);
    }
  });

  test('a request that is paused as soon as it begins, and again at every piece, loses nothing', async () => {
    const server = bench.server();
    const { requestBody: body } = bench.call(long).call;
    server.onCall = (call) => {
      call.stream.pauseRequest();
      const deliver = call.onRequestData.bind(call);
      call.onRequestData = (chunk, end) => {
        deliver(chunk, end);
        call.stream.pauseRequest();
      };
    };
    server.codec.receive(long.request(1));
    const call = server.lastCall;
    assert.equal(call.requestData.length, 0);
    for (let round = 0; round < 50 && !call.requestEnded; round++) {
      call.stream.resumeRequest();
      await settled();
    }
    assert.ok(call.requestEnded);
    assert.deepEqual(call.requestBody, body);
  });

  test('a paused response delivers nothing until it is resumed', async () => {
    const { length } = long.response(0);
    for (let before = 0; before < length; before++) {
      const { client, call, id } = bench.relay(long);
      const response = long.response(id);
      client.codec.receive(Buffer.from(response.subarray(0, before)));
      call.upstream!.pauseResponse();
      const delivered = call.responseBody.length;
      const hadHead = call.response !== undefined;
      client.codec.receive(Buffer.from(response.subarray(before)));
      assert.equal(call.responseBody.length, delivered);
      assert.ok(!call.responseEnded);
      if (hadHead) assert.equal(client.connection.reading, bench.stateful);
      call.upstream!.resumeResponse();
      await settled();
      assert.ok(call.responseEnded);
      assert.deepEqual(call.responseBody, long.expectResponse.body);
      assert.ok(client.codec.available > 0);
      assert.equal(client.connection.reading, true);
    }
  });

  test('a paused response is delivered though its connection is gone meanwhile', async () => {
    const { client, call, id } = bench.relay(long);
    call.upstream!.pauseResponse();
    client.codec.receive(long.response(id));
    client.codec.receiveEnd();
    client.codec.connectionClosed({ kind: 'closed', reason: '' });
    assert.equal(call.response, undefined);
    call.upstream!.resumeResponse();
    await settled();
    assert.ok(call.responseEnded);
    assert.deepEqual(call.responseBody, long.expectResponse.body);
    assert.equal(client.streamEnds, 1);
    assert.equal(client.codec.retired, true);
  });
}
