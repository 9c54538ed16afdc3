import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { protocol } from './http2.ts';
import { Http2ResponseHead } from './response-head.ts';
import {
  data,
  endHeaders,
  endStream,
  framesIn,
  get,
  headers,
  opening,
  post,
  reset,
  settings,
  windowUpdate,
} from './sample-frames.test.ts';

const windowBytes = 65_535;

function serverWith(settingsOf?: unknown, ...first: Buffer[]): ScriptedServer {
  const server = new ScriptedServer(protocol, settingsOf);
  server.codec.receive(Buffer.concat([opening.fromClient(), ...first]));
  server.connection.take();
  return server;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const respond = (server: ScriptedServer, at: number, body: Buffer, end = true) => {
  const { stream } = server.calls[at]!;
  stream.sendHead(new Http2ResponseHead(200, [], undefined), false);
  stream.sendData(body, end);
};
/** Octets of data for each stream, and which have ended. */
function sent(server: ScriptedServer | ScriptedClient) {
  const bytes: Record<number, number> = {};
  const ended: number[] = [];
  for (const { type, flags, streamId, payload } of framesIn(server.connection.take())) {
    if (type === 0) bytes[streamId] = (bytes[streamId] ?? 0) + payload.length;
    if (type < 2 && flags & endStream) ended.push(streamId);
  }
  return { bytes, ended };
}
const updates = (server: ScriptedServer | ScriptedClient) =>
  framesIn(server.connection.take())
    .filter(({ type }) => type === 8)
    .map(({ streamId, payload }) => [streamId, payload.readUInt32BE()]);

describe('sending', () => {
  test('a response that has ended and waits for a window is unsent, until it is sent or given up', () => {
    const server = serverWith({}, headers(1, get), headers(3, get));
    respond(server, 0, Buffer.alloc(windowBytes + 1));
    respond(server, 1, Buffer.alloc(10));
    const [first, second] = server.calls.map(({ stream }) => stream);
    assert.deepEqual([first!.unsent, second!.unsent], [true, true]);
    server.codec.receive(windowUpdate(0, 1000));
    assert.deepEqual([first!.unsent, second!.unsent], [true, false]);
    server.connection.take();
    first!.abandon!();
    assert.deepEqual(
      framesIn(server.connection.take()).map(({ type, streamId }) => [type, streamId]),
      [[3, 1]],
    );
    assert.equal(first!.unsent, false);
    assert.equal(server.codec.activeStreams, 0);
    second!.abandon!();
    assert.equal(server.connection.take().length, 0);
  });

  test('stops at the window of the stream, goes on when it grows, and ends', () => {
    const server = serverWith({}, headers(1, get));
    respond(server, 0, Buffer.alloc(100_000));
    assert.deepEqual(sent(server), { bytes: { 1: windowBytes }, ended: [] });
    assert.equal(server.codec.activeStreams, 1);
    server.codec.receive(windowUpdate(0, 1_000_000));
    assert.deepEqual(sent(server).bytes, {});
    server.codec.receive(windowUpdate(1, 10));
    assert.deepEqual(sent(server), { bytes: { 1: 10 }, ended: [] });
    server.codec.receive(windowUpdate(1, 1_000_000));
    assert.deepEqual(sent(server), { bytes: { 1: 100_000 - windowBytes - 10 }, ended: [1] });
    assert.equal(server.codec.activeStreams, 0);
  });

  test('streams take turns when the window of the connection grows', () => {
    const server = serverWith({}, headers(1, get), headers(3, get), headers(5, get));
    respond(server, 0, Buffer.alloc(windowBytes));
    for (const at of [1, 2]) respond(server, at, Buffer.alloc(40_000));
    assert.deepEqual(sent(server), { bytes: { 1: windowBytes }, ended: [1] });
    server.codec.receive(windowUpdate(0, 2 * 16_384));
    assert.deepEqual(sent(server).bytes, { 3: 16_384, 5: 16_384 });
    server.codec.receive(windowUpdate(0, 100_000));
    assert.deepEqual(sent(server), { bytes: { 3: 40_000 - 16_384, 5: 40_000 - 16_384 }, ended: [3, 5] });
  });

  test('a stream that is reset leaves nothing waiting', () => {
    const server = serverWith({}, headers(1, get), headers(3, get), headers(5, get));
    respond(server, 0, Buffer.alloc(windowBytes));
    respond(server, 1, Buffer.alloc(1000));
    respond(server, 2, Buffer.alloc(1000));
    sent(server);
    server.codec.receive(Buffer.concat([reset(3, 8), windowUpdate(0, 5000)]));
    assert.deepEqual(sent(server), { bytes: { 5: 1000 }, ended: [5] });
  });

  test('INITIAL_WINDOW_SIZE moves open windows, below zero as well', () => {
    const server = serverWith({}, headers(1, get));
    respond(server, 0, Buffer.alloc(80_000));
    sent(server);
    server.codec.receive(Buffer.concat([windowUpdate(0, 1_000_000), settings([4, 10])]));
    server.codec.receive(windowUpdate(1, windowBytes - 10));
    assert.deepEqual(sent(server).bytes, {}, 'the window is exactly empty');
    server.codec.receive(settings([4, 110]));
    assert.deepEqual(sent(server).bytes, { 1: 100 });
    server.codec.receive(settings([4, 1_000_000]));
    assert.deepEqual(sent(server).ended, [1]);
  });

  test('with no window at all: heads go, an empty end goes, trailers wait for the data before them', () => {
    const server = serverWith({}, settings([4, 0]), headers(1, get), headers(3, get));
    const [first, second] = server.calls;
    first!.stream.sendHead(new Http2ResponseHead(200, [], undefined), false);
    first!.stream.sendData(Buffer.alloc(0), true);
    second!.stream.sendHead(new Http2ResponseHead(200, [], undefined), false);
    second!.stream.sendData(Buffer.from('data'), false);
    second!.stream.sendTrailers(new Http2ResponseHead(200, ['grpc-status', '0'], undefined));
    assert.deepEqual(sent(server), { bytes: { 1: 0 }, ended: [1] });
    server.codec.receive(windowUpdate(3, 4));
    const written = framesIn(server.connection.take());
    assert.deepEqual(
      written.map(({ type, flags }) => [type, flags & endStream]),
      [
        [0, 0],
        [1, 1],
      ],
    );
  });

  test('a stream is full at 64 KiB and says when half of it has left', () => {
    const server = serverWith({}, settings([4, 0]), windowUpdate(0, 1_000_000), headers(1, get));
    const [call] = server.calls;
    respond(server, 0, Buffer.alloc(65_535), false);
    assert.equal(call!.stream.writable, true);
    call!.stream.sendData(Buffer.alloc(1), false);
    assert.equal(call!.stream.writable, false);
    server.codec.receive(windowUpdate(1, 32_767));
    assert.equal(call!.writableCalls, 0);
    server.codec.receive(windowUpdate(1, 1));
    assert.equal(call!.writableCalls, 1);
    assert.equal(call!.stream.writable, true);
    server.codec.receive(windowUpdate(1, 100_000));
    assert.equal(call!.writableCalls, 1);
  });

  test('a connection that takes nothing gets no more data, though the windows are open', () => {
    const server = serverWith({}, settings([4, 0]), headers(1, get));
    respond(server, 0, Buffer.alloc(1000));
    sent(server);
    server.codec.receive(Buffer.concat([settings([4, 500]), windowUpdate(0, 10)]));
    assert.deepEqual(sent(server).bytes, { 1: 500 });
    server.connection.writable = false;
    server.codec.receive(windowUpdate(1, 500));
    assert.deepEqual(sent(server).bytes, {});
    server.connection.writable = true;
    server.codec.connectionWritable();
    assert.deepEqual(sent(server), { bytes: { 1: 500 }, ended: [1] });
  });

  test('a client codec obeys the same windows', () => {
    const source = serverWith({}, headers(1, post, endHeaders), data(1, Buffer.alloc(16_384), 0));
    const client = new ScriptedClient(protocol);
    client.codec.receive(opening.fromServer());
    client.codec.receive(settings([4, 1000]));
    client.connection.take();
    client.forward(source.lastCall);
    assert.deepEqual(sent(client), { bytes: { 1: 1000 }, ended: [] });
    source.codec.receive(data(1, Buffer.alloc(616)));
    client.codec.receive(windowUpdate(1, 16_000));
    assert.deepEqual(sent(client), { bytes: { 1: 16_000 }, ended: [1] });
  });
});

describe('receiving', () => {
  const chunk = Buffer.alloc(16_384);
  const chunks = (streamId: number, count: number) =>
    Buffer.concat(Array.from({ length: count }, () => data(streamId, chunk, 0)));

  test('what was taken is given back half a window at a time', () => {
    const server = serverWith({ initialStreamWindowSize: 131_072, initialConnectionWindowSize: 262_144 });
    server.codec.receive(Buffer.concat([headers(1, post, endHeaders), chunks(1, 3)]));
    assert.deepEqual(updates(server), []);
    server.codec.receive(chunks(1, 1));
    assert.deepEqual(updates(server), [[1, 65_536]]);
    server.codec.receive(chunks(1, 4));
    assert.deepEqual(updates(server), [
      [0, 131_072],
      [1, 65_536],
    ]);
  });

  test('a paused stream gets nothing back until it is resumed, and the others go on', async () => {
    const server = serverWith({ initialStreamWindowSize: 65_536, initialConnectionWindowSize: 262_144 });
    server.codec.receive(Buffer.concat([headers(1, post, endHeaders), headers(3, post, endHeaders)]));
    const [slow, quick] = server.calls;
    slow!.stream.pauseRequest();
    server.codec.receive(chunks(1, 4));
    assert.deepEqual(updates(server), []);
    for (let round = 0; round < 20; round++) {
      server.codec.receive(chunks(3, 2));
      assert.ok(updates(server).some(([streamId]) => streamId === 3));
    }
    assert.equal(quick!.requestBody.length, 40 * chunk.length);
    assert.equal(slow!.requestData.length, 0);
    assert.equal(server.connection.reading, true);
    slow!.stream.resumeRequest();
    await settled();
    assert.equal(slow!.requestBody.length, 4 * chunk.length);
    assert.deepEqual(updates(server), [
      [1, 32_768],
      [1, 32_768],
    ]);
  });

  test('held data is bounded: the window of the connection stays shut until some is taken', async () => {
    const server = serverWith({ initialStreamWindowSize: 65_536, initialConnectionWindowSize: 65_536 });
    let given = 65_536;
    let streams = 0;
    let held = 0;
    while (given >= 4 * chunk.length && streams < 20) {
      const streamId = 2 * streams++ + 1;
      server.codec.receive(headers(streamId, post, endHeaders));
      server.lastCall.stream.pauseRequest();
      server.codec.receive(chunks(streamId, 4));
      held += 4 * chunk.length;
      given -= 4 * chunk.length;
      for (const [id, increment] of updates(server)) if (id === 0) given += increment!;
    }
    assert.ok(held <= 6 * 65_536, `${held} bytes are held`);
    server.calls[0]!.stream.resumeRequest();
    await settled();
    assert.ok(updates(server).some(([streamId]) => streamId === 0));
  });

  test('data for nobody counts, and is given back', () => {
    const server = serverWith({ initialConnectionWindowSize: 65_536 }, headers(1, post, endHeaders));
    server.lastCall.stream.reset('local-reset');
    server.connection.take();
    server.codec.receive(chunks(1, 2));
    assert.deepEqual(updates(server), [[0, 32_768]]);
  });

  test('padding counts, too', () => {
    const server = serverWith(
      { initialStreamWindowSize: 65_535, initialConnectionWindowSize: 65_535 },
      headers(1, post, endHeaders),
    );
    for (let round = 0; round < 128; round++) {
      const padded = data(1, Buffer.concat([Buffer.of(255), Buffer.alloc(256)]), 8);
      server.codec.receive(padded);
    }
    const given = updates(server).filter(([streamId]) => streamId === 1);
    assert.equal(given.length, 1);
    assert.equal(server.lastCall.requestBody.length, 128);
  });

  test('more data than the window of the connection ends it', () => {
    const server = serverWith({ initialStreamWindowSize: 1_000_000, initialConnectionWindowSize: 65_535 });
    server.onCall = (call) => call.stream.pauseRequest();
    server.codec.receive(headers(1, post, endHeaders));
    for (let round = 0; round < 100 && server.connection.closed === undefined; round++)
      server.codec.receive(chunks(1, 1));
    assert.equal(server.faults[0]!.code, 'flow_control_error');
    assert.equal(server.lastCall.requestReset, 'protocol-error');
  });
});
