import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { ErrorCode } from './error-code.ts';
import { protocol } from './http2.ts';
import { Http2ResponseHead } from './response-head.ts';
import {
  data,
  endHeaders,
  endStream,
  frame,
  framesIn,
  get,
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

function serverWith(settingsOf?: unknown): ScriptedServer {
  const server = new ScriptedServer(protocol, settingsOf);
  server.codec.receive(opening.fromClient());
  server.connection.take();
  return server;
}

/** How many times `round` is sent before the connection is closed, in chunks of 50. */
function roundsUntilClosed(server: ScriptedServer, round: (at: number) => Buffer, most = 20_000): number {
  for (let at = 0; at < most; at += 50) {
    server.codec.receive(Buffer.concat(Array.from({ length: 50 }, (_, offset) => round(at + offset))));
    if (server.connection.closed !== undefined) return at + 50;
  }
  return Number.POSITIVE_INFINITY;
}

function assertCalm(server: ScriptedServer, code: string): void {
  assert.equal(server.faults.at(-1)!.code, code);
  assert.equal(server.faults.at(-1)!.scope, 'connection');
  const gone = framesIn(server.connection.take()).find(({ type }) => type === 7);
  assert.equal(gone?.payload.readUInt32BE(4), ErrorCode.enhanceYourCalm);
}

const block = literals(get);
const floods: readonly (readonly [
  what: string,
  code: string,
  most: number,
  first: Buffer,
  round: (at: number) => Buffer,
])[] = [
  [
    'rapid resets',
    'too_many_premature_resets',
    300,
    Buffer.alloc(0),
    (at) => Buffer.concat([headers(2 * at + 1, post, endHeaders), reset(2 * at + 1, 8)]),
  ],
  [
    'requests that make the server reset them',
    'too_many_premature_resets',
    300,
    Buffer.alloc(0),
    (at) => Buffer.concat([headers(2 * at + 1, post, endHeaders), windowUpdate(2 * at + 1, 0)]),
  ],
  [
    'malformed requests',
    'too_many_premature_resets',
    300,
    Buffer.alloc(0),
    (at) => headers(2 * at + 1, [...get, ['X', 'y']]),
  ],
  [
    'DATA behind the end',
    'too_many_premature_resets',
    300,
    Buffer.alloc(0),
    (at) => Buffer.concat([headers(2 * at + 1, get), data(2 * at + 1, 'x')]),
  ],
  ['PING', 'inbound_control_frames_flood', 1100, Buffer.alloc(0), () => ping(Buffer.alloc(8))],
  ['answers to no PING', 'inbound_control_frames_flood', 1100, Buffer.alloc(0), () => ping(Buffer.alloc(8), true)],
  ['SETTINGS', 'inbound_control_frames_flood', 1100, Buffer.alloc(0), () => settings()],
  [
    'long SETTINGS',
    'inbound_control_frames_flood',
    50,
    Buffer.alloc(0),
    () => frame(4, 0, 0, Buffer.alloc(6 * 1000, 0xf0)),
  ],
  ['unknown frames', 'inbound_control_frames_flood', 1100, Buffer.alloc(0), () => frame(0xfa, 0, 0)],
  [
    'RST_STREAM on a closed stream',
    'inbound_control_frames_flood',
    1100,
    Buffer.concat([headers(1, get), reset(1, 8)]),
    () => reset(1, 8),
  ],
  ['PRIORITY', 'inbound_priority_frames_flood', 150, Buffer.alloc(0), () => frame(2, 0, 1, uint32(0), Buffer.of(1))],
  ['WINDOW_UPDATE', 'inbound_window_update_frames_flood', 50, Buffer.alloc(0), () => windowUpdate(0, 1)],
  ['empty DATA', 'inbound_empty_frames_flood', 50, headers(1, post, endHeaders), () => data(1, '', 0)],
  [
    'DATA that is nothing but padding',
    'inbound_empty_frames_flood',
    50,
    headers(1, post, endHeaders),
    () => frame(0, 0x8, 1, Buffer.of(2, 0, 0)),
  ],
  ['GOAWAY', 'inbound_control_frames_flood', 1100, Buffer.alloc(0), () => frame(7, 0, 0, Buffer.alloc(8))],
  ['empty CONTINUATION', 'inbound_empty_frames_flood', 50, frame(1, endStream, 1, block), () => frame(9, 0, 1)],
];

describe('floods', () => {
  for (const [what, code, most, first, round] of floods) {
    test(`${what}: the connection is closed within ${most} rounds`, () => {
      const server = serverWith();
      server.onCall = (call) => {
        if (what.startsWith('DATA')) return;
        assert.ok(server.codec.activeStreams < 1024, String(call.requestEnded));
      };
      server.codec.receive(first);
      assert.ok(roundsUntilClosed(server, round) <= most);
      assertCalm(server, code);
      assert.equal(server.codec.activeStreams, 0);
    });
  }

  test('heads above the limit are answered, unless there is little else', () => {
    const server = serverWith();
    const large = (streamId: number) =>
      headers(streamId, [...get, ...Array.from({ length: 120 }, () => ['x', 'y'] as const)]);
    server.codec.receive(Buffer.concat([large(1), large(3)]));
    assert.equal(server.connection.closed, undefined);
    assert.deepEqual(
      framesIn(server.connection.take()).map(({ type }) => type),
      [1, 1],
    );
    for (let at = 2; at < 50; at++) server.codec.receive(large(2 * at + 1));
    assert.equal(server.connection.closed, undefined);
    server.codec.receive(large(101));
    assertCalm(server, 'header_overflow');
  });

  test('a client with too many cookies does not end what others do on its connection', () => {
    const server = serverWith();
    const many = Array.from({ length: 120 }, () => ['x', 'y'] as const);
    for (let at = 0; at < 600; at++) {
      const streamId = 2 * at + 1;
      server.codec.receive(headers(streamId, at % 3 === 0 ? [...get, ...many] : get));
      if (at % 3 !== 0) server.lastCall.stream.sendHead(new Http2ResponseHead(200, [], undefined), true);
    }
    assert.equal(server.connection.closed, undefined);
    assert.equal(server.calls.length, 400);
  });

  test('a table entry that is referred to thousands of times is counted as what it decodes to', () => {
    const server = serverWith();
    const value = 'v'.repeat(3900);
    const filling = Buffer.concat([
      block,
      Buffer.of(0x40),
      Buffer.from('\u0001a'),
      Buffer.of(0x7f, 0xbd, 0x1d),
      Buffer.from(value),
    ]);
    server.codec.receive(frame(1, endStream | endHeaders, 1, filling));
    assert.equal(server.lastCall.head.get('a'), value);
    const bomb = (streamId: number) => frame(1, endStream | endHeaders, streamId, block, Buffer.alloc(16_000, 0xbe));
    for (let at = 1; at <= 51; at++) server.codec.receive(bomb(2 * at + 1));
    assert.equal(server.calls.length, 1);
    assertCalm(server, 'header_overflow');
  });

  test('a client that does not read what it asks for is closed', () => {
    for (const [settingsOf, code] of [
      [{ maxOutboundControlFrames: 100 }, 'outbound_control_flood'],
      [{ maxOutboundFrames: 100 }, 'outbound_flood'],
    ] as const) {
      const server = serverWith(settingsOf);
      // Nothing of what is written ever leaves.
      Object.defineProperty(server.connection, 'bufferedBytes', { get: () => server.connection.bytesSent });
      assert.ok(roundsUntilClosed(server, () => ping(Buffer.alloc(8))) <= 300);
      assert.equal(server.faults.at(-1)!.code, code);
      assert.equal(server.connection.closed, 'now');
    }
  });

  test('one octet at a time is not enough to make frames pile up', () => {
    const server = withoutWindows(1, { maxOutboundFrames: 200 });
    Object.defineProperty(server.connection, 'bufferedBytes', { get: () => server.connection.bytesSent });
    for (let at = 0; at < 600; at++) server.codec.receive(windowUpdate(1, 1));
    assert.equal(server.faults.at(-1)?.code, 'outbound_flood');
    assert.equal(server.connection.closed, 'now');
  });

  test('octets that are allowed one by one leave together, and so many updates for a frame are too many', () => {
    const server = withoutWindows(1);
    server.codec.receive(Buffer.concat([windowUpdate(1, 1), windowUpdate(1, 2), windowUpdate(1, 3)]));
    assert.deepEqual(
      framesIn(server.connection.take()).map(({ type, payload }) => [type, payload.length]),
      [[0, 6]],
    );
    assert.ok(roundsUntilClosed(server, () => windowUpdate(1, 1)) <= 100);
    assertCalm(server, 'inbound_window_update_frames_flood');
  });

  test('many streams with windows that are opened by octets', () => {
    const asks: readonly ((at: number) => Buffer)[] = [
      () => Buffer.concat(Array.from({ length: 100 }, (_, stream) => windowUpdate(2 * stream + 1, 1))),
      (at) => settings([4, at + 1]),
    ];
    for (const ask of asks) {
      const server = withoutWindows(100);
      let at = 0;
      while (server.connection.closed === undefined && at < 100) server.codec.receive(ask(at++));
      assert.ok(at < 15, `${at} rounds`);
      assertCalm(server, 'window_crumbs_flood');
    }
  });
});

/** A client that has so many answers to come, of which it takes nothing yet. */
function withoutWindows(streams: number, settingsOf?: unknown): ScriptedServer {
  const server = serverWith(settingsOf);
  server.codec.receive(settings([4, 0]));
  for (let at = 0; at < streams; at++) {
    server.codec.receive(headers(2 * at + 1, get));
    server.lastCall.stream.sendHead(new Http2ResponseHead(200, [], undefined), false);
    server.lastCall.stream.sendData(Buffer.alloc(60_000), true);
  }
  server.connection.take();
  return server;
}

describe('no floods', () => {
  test('many PINGs between many requests', () => {
    const server = serverWith();
    server.onCall = (call) => call.stream.sendReply({ status: 200, body: '', details: '', flags: 0 });
    const round = (at: number) =>
      Buffer.concat([headers(2 * at + 1, get), ping(Buffer.alloc(8)), ping(Buffer.alloc(8))]);
    assert.equal(roundsUntilClosed(server, round, 1500), Number.POSITIVE_INFINITY);
  });

  test('one PING after the other on an idle connection', () => {
    const server = serverWith();
    for (let round = 0; round < 3000; round++) server.codec.receive(ping(Buffer.alloc(8)));
    assert.equal(server.connection.closed, undefined);
  });

  test('resets of requests that have their answer', () => {
    const server = serverWith();
    server.onCall = (call) => call.stream.sendHead(new Http2ResponseHead(200, [], undefined), false);
    const round = (at: number) => Buffer.concat([headers(2 * at + 1, get), reset(2 * at + 1, 8)]);
    assert.equal(roundsUntilClosed(server, round, 1000), Number.POSITIVE_INFINITY);
  });

  test('a few streams that are read by octets, each of which is told', () => {
    const server = withoutWindows(10);
    const updates = Array.from({ length: 10 }, (_, stream) => [windowUpdate(2 * stream + 1, 1), windowUpdate(0, 1)]);
    for (let round = 0; round < 3000; round++) server.codec.receive(Buffer.concat(updates.flat()));
    assert.equal(server.connection.closed, undefined);
  });

  test('many streams that share a small window', () => {
    const server = withoutWindows(100);
    server.codec.receive(settings([4, 60_000]));
    for (let round = 0; round < 1000; round++) server.codec.receive(windowUpdate(0, 16_384 + 3));
    assert.equal(server.connection.closed, undefined);
  });

  test('a long answer that the client reads', () => {
    const server = serverWith({ maxOutboundFrames: 100, initialStreamWindowSize: 1_000_000 });
    server.codec.receive(Buffer.concat([settings([4, 0x7000_0000]), windowUpdate(0, 0x7000_0000), headers(1, get)]));
    const { stream } = server.lastCall;
    stream.sendHead(new Http2ResponseHead(200, [], undefined), false);
    // Always a little is on its way.
    Object.defineProperty(server.connection, 'bufferedBytes', { get: () => 1000 });
    for (let round = 0; round < 1000; round++) stream.sendData(Buffer.alloc(1024), false);
    assert.equal(server.connection.closed, undefined);
  });
});
