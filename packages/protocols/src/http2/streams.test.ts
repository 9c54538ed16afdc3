import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { ErrorCode } from './error-code.ts';
import { clientPreface } from './frame.ts';
import { protocol } from './http2.ts';
import { Http2ResponseHead } from './response-head.ts';
import {
  data,
  endHeaders,
  endStream,
  frame,
  framesIn,
  get,
  goAway,
  headers,
  literals,
  opening,
  ping,
  post,
  reset,
  settings,
  uint32,
  windowUpdate,
} from './sample-frames.test.ts';

const reply = { status: 200, body: 'done', details: '', flags: 0 };
const { protocolError, flowControlError, streamClosed, frameSizeError, refusedStream, noError, internalError, cancel } =
  ErrorCode;

/** A server that answers every request as soon as it is complete. */
function answering(settingsOf?: unknown): ScriptedServer {
  const server = new ScriptedServer(protocol, settingsOf);
  server.codec.receive(opening.fromClient());
  server.connection.take();
  server.onCall = (call) => {
    if (call.requestEnded) call.stream.sendReply(reply);
  };
  return server;
}

interface Case {
  readonly what: string;
  readonly frames: readonly Buffer[];
  /** Expected error code, and of what; undefined: nothing is wrong. */
  readonly connection?: number;
  readonly stream?: readonly [streamId: number, errorCode: number];
}

const selfDependency = (streamId: number) => Buffer.concat([uint32(streamId), Buffer.of(15)]);
const done = headers(1, get);
const open = headers(1, post, endHeaders);

const cases: readonly Case[] = [
  // Idle streams (RFC 9113 §5.1).
  { what: 'DATA on an idle stream', frames: [data(1, 'x')], connection: protocolError },
  { what: 'RST_STREAM on an idle stream', frames: [reset(1, cancel)], connection: protocolError },
  { what: 'WINDOW_UPDATE on an idle stream', frames: [windowUpdate(1, 1)], connection: protocolError },
  { what: 'CONTINUATION on an idle stream', frames: [frame(9, endHeaders, 1)], connection: protocolError },
  // Half-closed and closed ones.
  {
    what: 'DATA behind the end of an open request',
    frames: [headers(1, [[':method', 'GET'], ...get.slice(1)]), data(1, 'x')],
    connection: streamClosed,
  },
  {
    what: 'HEADERS behind the end of an answered request',
    frames: [done, headers(1, [['x', 'y']])],
    connection: streamClosed,
  },
  { what: 'DATA behind the end of an answered request', frames: [done, data(1, 'x')], connection: streamClosed },
  { what: 'WINDOW_UPDATE on a closed stream', frames: [done, windowUpdate(1, 10)] },
  { what: 'RST_STREAM on a closed stream', frames: [done, reset(1, cancel)] },
  { what: 'PRIORITY on a closed stream', frames: [done, frame(2, 0, 1, selfDependency(3))] },
  { what: 'DATA behind the client’s reset', frames: [open, reset(1, cancel), data(1, 'x')], stream: [1, streamClosed] },
  {
    what: 'HEADERS behind the client’s reset',
    frames: [open, reset(1, cancel), headers(1, [['x', 'y']])],
    stream: [1, streamClosed],
  },
  {
    what: 'DATA behind our reset',
    frames: [headers(1, [...post, ['X', 'y']], endHeaders), data(1, 'x', 0), data(1, 'y')],
    stream: [1, protocolError],
  },
  {
    what: 'trailers behind our reset',
    frames: [headers(1, [...post, ['X', 'y']], endHeaders), headers(1, [['x', 'y']])],
    stream: [1, protocolError],
  },
  { what: 'a lower stream than the last', frames: [headers(5, get), headers(3, get)], connection: protocolError },
  { what: 'HEADERS on an even stream', frames: [headers(2, get)], connection: protocolError },
  // Frames (§6).
  {
    what: 'a stream that depends on itself',
    frames: [frame(1, 0x20 | endStream | endHeaders, 1, selfDependency(1), literals(get))],
    stream: [1, protocolError],
  },
  { what: 'PRIORITY that depends on itself', frames: [frame(2, 0, 1, selfDependency(1))], stream: [1, protocolError] },
  { what: 'PRIORITY of another length', frames: [done, frame(2, 0, 1, Buffer.alloc(4))], stream: [1, frameSizeError] },
  { what: 'PRIORITY on stream 0', frames: [frame(2, 0, 0, Buffer.alloc(5))], connection: protocolError },
  { what: 'RST_STREAM of another length', frames: [open, frame(3, 0, 1, Buffer.alloc(3))], connection: frameSizeError },
  { what: 'SETTINGS on a stream', frames: [frame(4, 0, 1)], connection: protocolError },
  { what: 'SETTINGS of another length', frames: [frame(4, 0, 0, Buffer.alloc(5))], connection: frameSizeError },
  { what: 'an acknowledgement with settings', frames: [frame(4, 1, 0, Buffer.alloc(6))], connection: frameSizeError },
  { what: 'ENABLE_PUSH 2', frames: [settings([2, 2])], connection: protocolError },
  { what: 'INITIAL_WINDOW_SIZE above 2^31 - 1', frames: [settings([4, 0x8000_0000])], connection: flowControlError },
  { what: 'MAX_FRAME_SIZE below 16384', frames: [settings([5, 16_383])], connection: protocolError },
  { what: 'MAX_FRAME_SIZE above 2^24 - 1', frames: [settings([5, 0x100_0000])], connection: protocolError },
  {
    what: 'ENABLE_CONNECT_PROTOCOL taken back',
    frames: [settings([8, 1]), settings([8, 0])],
    connection: protocolError,
  },
  { what: 'an unknown setting', frames: [settings([0x55, 7])] },
  { what: 'PING on a stream', frames: [frame(6, 0, 1, Buffer.alloc(8))], connection: protocolError },
  { what: 'PING of another length', frames: [frame(6, 0, 0, Buffer.alloc(7))], connection: frameSizeError },
  { what: 'an answer to no PING', frames: [ping(Buffer.alloc(8, 1), true)] },
  { what: 'GOAWAY of a client', frames: [goAway(0)] },
  { what: 'GOAWAY on a stream', frames: [frame(7, 0, 1, Buffer.alloc(8))], connection: protocolError },
  { what: 'GOAWAY that is too short', frames: [frame(7, 0, 0, Buffer.alloc(7))], connection: frameSizeError },
  { what: 'WINDOW_UPDATE of another length', frames: [frame(8, 0, 0, Buffer.alloc(3))], connection: frameSizeError },
  { what: 'WINDOW_UPDATE of 0 on the connection', frames: [windowUpdate(0, 0)], connection: protocolError },
  { what: 'WINDOW_UPDATE of 0 on a stream', frames: [open, windowUpdate(1, 0)], stream: [1, protocolError] },
  {
    what: 'a window of the connection above 2^31 - 1',
    frames: [windowUpdate(0, 0x7fff_ffff)],
    connection: flowControlError,
  },
  {
    what: 'a window of a stream above 2^31 - 1',
    frames: [open, windowUpdate(1, 0x7fff_ffff)],
    stream: [1, flowControlError],
  },
  {
    what: 'a window above 2^31 - 1 by settings',
    frames: [open, windowUpdate(1, 0x7fff_0000), settings([4, 0x7fff_ffff])],
    connection: flowControlError,
  },
  { what: 'an unknown frame', frames: [frame(0x10, 0xff, 0, Buffer.from('0'))] },
  {
    what: 'an unknown frame inside a block',
    frames: [frame(1, endStream, 1, literals(get)), frame(0xfa, 0, 0)],
    connection: protocolError,
  },
  {
    what: 'CONTINUATION of another stream',
    frames: [frame(1, endStream, 1, literals(get)), frame(9, endHeaders, 3)],
    connection: protocolError,
  },
  {
    what: 'DATA padded beyond its end',
    frames: [open, frame(0, 8, 1, Buffer.of(5), Buffer.alloc(4))],
    connection: protocolError,
  },
  { what: 'DATA padded without a length', frames: [open, frame(0, 8, 1)], connection: protocolError },
  {
    what: 'HEADERS padded beyond its end',
    frames: [frame(1, 8 | endStream | endHeaders, 1, Buffer.of(200), literals(get))],
    connection: protocolError,
  },
  {
    what: 'HEADERS too short for its priority',
    frames: [frame(1, 0x20 | endStream | endHeaders, 1, Buffer.alloc(4))],
    connection: frameSizeError,
  },
  { what: 'a second head', frames: [open, headers(1, get, endHeaders)], stream: [1, protocolError] },
  {
    what: 'more data than the window',
    frames: [open, ...Array.from({ length: 17 }, () => data(1, Buffer.alloc(16_384), 0))],
    stream: [1, flowControlError],
  },
];

describe('frames of a client', () => {
  for (const { what, frames, connection, stream } of cases) {
    test(what, () => {
      const server = answering();
      // Paused streams give no window back.
      const answer = server.onCall;
      server.onCall = (call) => {
        answer(call);
        call.stream.pauseRequest();
      };
      server.codec.receive(Buffer.concat(frames));
      const written = framesIn(server.connection.take());
      const gone = written.find(({ type }) => type === 7);
      const resets = written.filter(({ type, payload }) => type === 3 && payload.readUInt32BE() !== noError);
      assert.equal(gone?.payload.readUInt32BE(4), connection);
      assert.equal(server.connection.closed, connection === undefined ? undefined : 'flush');
      if (connection !== undefined) return;
      assert.deepEqual(
        resets.map(({ streamId, payload }) => [streamId, payload.readUInt32BE()]),
        stream === undefined ? [] : [stream],
      );
      server.codec.receive(headers(101, get));
      assert.equal(server.lastCall.head.path, '/one?two', 'it serves on');
    });
  }

  test('DATA and HEADERS behind the end of a request that waits are a fault of its stream', () => {
    for (const late of [data(1, 'x'), headers(1, [['x', 'y']])]) {
      const server = answering();
      server.onCall = () => {};
      server.codec.receive(Buffer.concat([headers(1, get), late]));
      assert.equal(server.lastCall.requestReset, 'protocol-error');
      const [answer] = framesIn(server.connection.take());
      assert.deepEqual([answer!.type, answer!.payload.readUInt32BE()], [3, streamClosed]);
    }
  });

  test('what is not the preface is answered with GOAWAY', () => {
    for (const wrong of [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.concat([clientPreface, ping(Buffer.alloc(8))]),
    ]) {
      const server = new ScriptedServer(protocol);
      server.connection.take();
      server.codec.receive(wrong);
      assert.equal(server.faults[0]!.code, 'bad_preface');
      assert.equal(framesIn(server.connection.take())[0]!.payload.readUInt32BE(4), protocolError);
      assert.equal(server.connection.closed, 'flush');
    }
  });
});

describe('answers', () => {
  test('an answer that ends before its request asks the client to stop, and what still comes is dropped', () => {
    const server = answering();
    server.codec.receive(open);
    server.lastCall.stream.sendReply({ ...reply, status: 413 });
    const written = framesIn(server.connection.take());
    assert.deepEqual(
      written.map(({ type }) => type),
      [1, 0, 3],
    );
    assert.equal(written[2]!.payload.readUInt32BE(), noError);
    server.codec.receive(Buffer.concat([data(1, 'more', 0), headers(1, [['x', 'y']])]));
    assert.deepEqual(server.faults, []);
    assert.equal(server.lastCall.requestData.length, 0);
    assert.equal(server.codec.activeStreams, 0);
  });

  test('HEAD, 204 and 304 have no data, whatever the engine sends', () => {
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 204],
      ['GET', 304],
    ] as const) {
      const server = answering();
      server.onCall = () => {};
      server.codec.receive(headers(1, [[':method', method], ...get.slice(1)]));
      const { stream } = server.lastCall;
      stream.sendHead(new Http2ResponseHead(status, [], undefined), false);
      stream.sendData(Buffer.from('body'), true);
      const written = framesIn(server.connection.take());
      assert.deepEqual(
        written.map(({ type, flags }) => [type, flags & endStream]),
        [[1, 1]],
      );
      assert.equal(server.codec.activeStreams, 0);
    }
  });

  for (const [reason, errorCode] of [
    ['refused', refusedStream],
    ['local-reset', cancel],
    ['protocol-error', protocolError],
    ['connection-termination', internalError],
    ['remote-reset', internalError],
  ] as const) {
    test(`a response that is reset with ${reason}`, () => {
      const server = answering();
      server.onCall = () => {};
      server.codec.receive(headers(1, get));
      server.lastCall.stream.reset(reason);
      const [answer] = framesIn(server.connection.take());
      assert.deepEqual([answer!.type, answer!.payload.readUInt32BE()], [3, errorCode]);
      server.lastCall.stream.sendReply(reply);
      assert.equal(server.connection.take().length, 0);
    });
  }
});

describe('frames of a server', () => {
  function waiting() {
    const client = new ScriptedClient(protocol);
    client.codec.receive(opening.fromServer());
    const server = new ScriptedServer(protocol);
    server.codec.receive(Buffer.concat([opening.fromClient(), headers(1, get), headers(3, get)]));
    for (const call of server.calls) {
      call.relays = false;
      client.forward(call);
    }
    client.connection.take();
    const [first, second] = server.calls;
    return { client, first: first!, second: second! };
  }

  test('GOAWAY refuses the streams above its last, and the others go on', () => {
    const { client, first, second } = waiting();
    client.codec.receive(goAway(1));
    assert.equal(second.responseReset, 'refused');
    assert.equal(first.responseReset, undefined);
    assert.deepEqual([client.codec.retired, client.codec.available, client.codec.activeStreams], [true, 0, 1]);
    assert.deepEqual([client.availabilityChanges > 0, client.streamEnds], [true, 1]);
    client.codec.receive(headers(1, [[':status', '200']]));
    assert.ok(first.responseEnded);
    assert.equal(client.codec.activeStreams, 0);
  });

  test('PROTOCOL_ERROR says that the two do not understand each other', () => {
    const { client, first } = waiting();
    client.codec.receive(reset(1, 1));
    assert.equal(first.responseReset, 'protocol-error');
    assert.equal(client.codec.retired, false);
  });

  test('REFUSED_STREAM is a refusal, any other reset is the server’s', () => {
    const { client, first, second } = waiting();
    client.codec.receive(Buffer.concat([reset(1, refusedStream), reset(3, cancel)]));
    assert.deepEqual([first.responseReset, second.responseReset], ['refused', 'remote-reset']);
    assert.equal(client.streamEnds, 2);
  });

  test('NO_ERROR behind a whole response changes nothing', () => {
    const { client, first } = waiting();
    client.codec.receive(Buffer.concat([headers(1, [[':status', '200']]), reset(1, noError)]));
    assert.ok(first.responseEnded);
    assert.equal(first.responseReset, undefined);
    assert.deepEqual(client.faults, []);
  });

  test('MAX_CONCURRENT_STREAMS is kept, and a change of it is told', () => {
    const { client } = waiting();
    const before = client.availabilityChanges;
    client.codec.receive(settings([3, 5]));
    assert.equal(client.codec.available, 3);
    client.codec.receive(settings([3, 1]));
    assert.equal(client.codec.available, 0);
    assert.equal(client.availabilityChanges, before + 2);
    assert.equal(client.codec.retired, false);
  });

  test('before its settings have come, a server is taken to allow 100 streams', () => {
    assert.equal(new ScriptedClient(protocol).codec.available, 100);
  });

  for (const [what, bytes] of [
    ['a status that is none', headers(1, [[':status', '20']])],
    ['101', headers(1, [[':status', '101']], endHeaders)],
    ['an interim response that ends', headers(1, [[':status', '103']])],
    ['data before the head', data(1, 'x')],
    [
      'a length that is not the body’s',
      Buffer.concat([
        headers(
          1,
          [
            [':status', '200'],
            ['content-length', '2'],
          ],
          endHeaders,
        ),
        data(1, 'x'),
      ]),
    ],
    [
      'a length without a body',
      headers(1, [
        [':status', '200'],
        ['content-length', '2'],
      ]),
    ],
    ['data in a 204', Buffer.concat([headers(1, [[':status', '204']], endHeaders), data(1, 'x')])],
    [
      'a field of the connection',
      headers(1, [
        [':status', '200'],
        ['connection', 'close'],
      ]),
    ],
    [
      'two heads',
      Buffer.concat([headers(1, [[':status', '200']], endHeaders), headers(1, [[':status', '200']], endHeaders)]),
    ],
  ] as [string, Buffer][]) {
    test(`${what} breaks the response, and no other`, () => {
      const { client, first, second } = waiting();
      client.codec.receive(bytes);
      assert.equal(first.responseReset, 'protocol-error');
      assert.ok(!first.responseEnded);
      assert.equal(client.faults[0]!.scope, 'stream');
      assert.equal(framesIn(client.connection.take())[0]!.payload.readUInt32BE(), protocolError);
      client.codec.receive(headers(3, [[':status', '200']]));
      assert.ok(second.responseEnded);
    });
  }

  test('too many interim responses break it, too', () => {
    const { client, first } = waiting();
    client.codec.receive(Buffer.concat(Array.from({ length: 65 }, () => headers(1, [[':status', '103']], endHeaders))));
    assert.equal(first.responseReset, 'protocol-error');
  });

  test('late frames of a response that nobody wants are dropped, and a stream that was given up stays so', () => {
    const { client, first } = waiting();
    first.upstream!.reset('local-reset');
    assert.equal(framesIn(client.connection.take())[0]!.payload.readUInt32BE(), cancel);
    client.codec.receive(
      Buffer.concat([headers(1, [[':status', '200']], endHeaders), data(1, 'late', 0), reset(1, noError)]),
    );
    assert.equal(client.unsolicited, 1);
    assert.deepEqual(client.faults, []);
    assert.equal(first.response, undefined);
  });
});
