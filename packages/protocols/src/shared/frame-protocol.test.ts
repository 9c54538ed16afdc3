import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FrameEdits, FrameFormat } from '@sofamesh/contract/frame-format';
import { type ProtocolFixtures, protocolSuite } from '@sofamesh/testkit/protocol-suite/index';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { frameProtocol } from './frame-protocol.ts';

// A protocol without ids: "L", kind, status, 0, u16 length of the headers, u16 length of the body; headers are lines.

interface Lockstep {
  readonly kind?: 'q' | 'r' | 'n' | 'g' | 'h' | 'H' | 'x';
  readonly status?: number;
  readonly headers?: string;
  readonly body?: string;
}

function lockstep({ kind = 'q', status = 0, headers = '', body = '' }: Lockstep): Buffer {
  const frame = Buffer.from(`L${kind}......${headers}${body}`);
  frame.set([status, 0], 2);
  frame.writeUInt16BE(Buffer.byteLength(headers), 4);
  frame.writeUInt16BE(Buffer.byteLength(body), 6);
  return frame;
}

const headersOf = (frame: Buffer) => frame.toString('utf8', 8, 8 + frame.readUInt16BE(4));
const bodyOf = (frame: Buffer) => frame.subarray(8 + frame.readUInt16BE(4));
const pairs = (frame: Buffer) =>
  headersOf(frame)
    .split('\n')
    .filter((line) => line.includes(': '))
    .map((line) => line.split(': ') as [string, string]);
const value = (frame: Buffer, name: string) => pairs(frame).find(([each]) => each === name)?.[1] ?? '';
const kinds = { q: 'request', r: 'reply', n: 'one-way', g: 'go-away', h: 'heartbeat', H: 'heartbeat-reply' } as const;

function rebuild(frame: Buffer, edits: FrameEdits): Buffer | undefined {
  const headers = new Map(edits.headers ?? pairs(frame));
  if (edits.service !== undefined) headers.set('service', edits.service);
  if (edits.method !== undefined) headers.set('method', edits.method);
  if (edits.service === 'too much') return undefined;
  return lockstep({
    kind: String.fromCharCode(frame[1]!) as 'q',
    status: edits.status === undefined ? frame[2]! : edits.status / 100,
    headers: [...headers].map(([name, value]) => `${name}: ${value}\n`).join(''),
    body: (edits.body ?? bodyOf(frame)).toString(),
  });
}

const format: FrameFormat = {
  name: 'lockstep',
  pooling: 'exclusive',
  headBytes: 8,
  detect: (prefix) => (prefix[0] === 0x4c ? 'match' : 'mismatch'),
  length(bytes, at, end) {
    if (bytes[at] !== 0x4c) return { code: 'bad_magic', message: 'no frame' };
    return end - at < 8 ? 0 : 8 + bytes.readUInt16BE(at + 4) + bytes.readUInt16BE(at + 6);
  },
  kind: (frame) => kinds[String.fromCharCode(frame[1]!) as 'q'] ?? 'unreadable',
  readId: () => 0,
  writeId: (frame) => frame,
  service: (frame) => value(frame, 'service'),
  method: (frame) => value(frame, 'method'),
  timeoutMs: (frame) => Number(value(frame, 'timeout')),
  errorReply: (_request, _id, { status, body, headers = [] }) =>
    lockstep({
      kind: 'r',
      status: Math.floor(status / 100),
      headers: headers.map(([name, value]) => `${name}: ${value}\n`).join(''),
      body,
    }),
  status: (reply) => reply[2]!,
  httpStatus: (status) => (status === 0 ? 200 : status * 100),
  applicationError: (reply) => value(reply, 'failed') !== '',
  visitHeaders: (frame, visitor) => {
    for (const [name, value] of pairs(frame)) visitor(name, value);
  },
  body: bodyOf,
  rebuild,
  heartbeat: () => lockstep({ kind: 'h' }),
  heartbeatReply: () => lockstep({ kind: 'H' }),
  goAway: () => lockstep({ kind: 'g' }),
};
const protocol = frameProtocol(format);

const call = { headers: 'service: t.Api\nmethod: echo\ntimeout: 300\ntenant: a\n', body: 'question' };
const fixtures: ProtocolFixtures = {
  messages: 'whole',
  exchanges: [
    {
      name: 'a call',
      request: () => lockstep(call),
      response: () => lockstep({ kind: 'r', headers: 'from: b\n', body: 'answer' }),
      expectRequest: {
        authority: 't.Api',
        path: '/echo',
        scheme: 'lockstep',
        timeoutMs: 300,
        headers: { tenant: 'a' },
        body: Buffer.from('question'),
      },
      expectResponse: { status: 200, applicationError: false, headers: { from: 'b' }, body: Buffer.from('answer') },
    },
    {
      name: 'a failure',
      request: () => lockstep({ headers: 'timeout: -1\n' }),
      response: () => lockstep({ kind: 'r', status: 5, headers: 'failed: yes\n' }),
      expectRequest: { authority: '', path: '/', timeoutMs: 0 },
      expectResponse: { status: 500, nativeStatus: 5, applicationError: true },
    },
  ],
  goAway: { fromServer: () => lockstep({ kind: 'g' }), expectNotice: lockstep({ kind: 'g' }) },
  localReplies: [
    {
      reply: { status: 503, body: 'no', details: 'x', flags: 0 },
      expectResponse: { status: 500, body: Buffer.from('no') },
    },
  ],
  refused: [
    { name: 'another protocol', side: 'server', bytes: () => Buffer.from('GET /'), code: 'bad_magic' },
    { name: 'another protocol', side: 'client', bytes: () => Buffer.from('HTTP/'), code: 'bad_magic' },
    {
      name: 'an unknown kind',
      side: 'server',
      bytes: () => lockstep({ kind: 'x' }),
      code: 'bad_call',
      scope: 'message',
      answer: { status: 400 },
    },
  ],
  notMine: [Buffer.from('GET /')],
};

// Heartbeats are tested below: the suite has some answered while a call waits, and takes ids out of them.
protocolSuite(frameProtocol({ ...format, heartbeat: undefined as never }), fixtures);

const reply = { status: 503, body: 'no', details: '', flags: 0 };

function answered(changed: Partial<FrameFormat>, request: Buffer) {
  const made = frameProtocol({ ...format, ...changed });
  const server = new ScriptedServer(made);
  const client = new ScriptedClient(made);
  server.codec.receive(request);
  return { server, client, call: server.calls[0]! };
}

describe('a protocol of whole frames', () => {
  test('an exclusive one sends heartbeats, and takes one-way calls as they come', () => {
    const client = new ScriptedClient(protocol);
    assert.equal(client.codec.sendHeartbeat(), true);
    assert.deepEqual(client.connection.take(), lockstep({ kind: 'h' }));
    client.codec.receive(lockstep({ kind: 'H' }));
    assert.equal(client.heartbeatReplies, 1);
    client.codec.receive(lockstep({ kind: 'h' }));
    assert.deepEqual(client.connection.take(), lockstep({ kind: 'H' }));
    const server = new ScriptedServer(protocol);
    server.codec.receive(Buffer.concat([lockstep({ kind: 'h' }), lockstep({ kind: 'h' })]));
    assert.deepEqual(server.connection.take(), Buffer.concat([lockstep({ kind: 'H' }), lockstep({ kind: 'H' })]));
    server.onCall = (each) => client.forward(each);
    server.codec.receive(Buffer.concat([lockstep({ kind: 'n' }), lockstep({ kind: 'n' }), lockstep(call)]));
    assert.equal(server.calls.length, 3);
    assert.equal(client.codec.available, 0);
    client.codec.receive(lockstep({ kind: 'r' }));
    assert.deepEqual(server.connection.take(), lockstep({ kind: 'r' }));
    assert.equal(client.codec.available, 1);
  });

  test('a protocol without a heartbeat has none to send, without GOAWAY says nothing', () => {
    const { server, client } = answered({ heartbeat: undefined as never, goAway: undefined as never }, lockstep(call));
    assert.equal(client.codec.sendHeartbeat(), false);
    server.codec.goAway();
    assert.equal(server.connection.take().length, 0);
  });

  test('where the protocol has no words for a failure, the end of the connection says it', () => {
    const made = { errorReply: () => undefined, pooling: 'multiplexed' } as const;
    const { server, call: first } = answered(made, Buffer.concat([lockstep(call), lockstep(call)]));
    first.stream.sendReply(reply);
    assert.equal(server.connection.closed, 'flush');
    assert.equal(server.connection.take().length, 0);
    assert.equal(server.codec.activeStreams, 0);
    assert.equal(first.requestReset, undefined, 'it was answered');
    assert.equal(server.calls[1]!.requestReset, 'local-reset');
    const broken = answered(made, lockstep({ kind: 'x' })).server;
    assert.equal(broken.connection.closed, 'flush');
    assert.deepEqual(
      broken.faults.map(({ code, scope }) => [code, scope]),
      [['bad_call', 'connection']],
    );
  });

  test('an unreadable call that nobody waits for costs only itself', () => {
    const { server } = answered({ errorReply: () => Buffer.alloc(0) }, lockstep({ kind: 'x' }));
    assert.equal(server.connection.take().length, 0);
    assert.equal(server.connection.closed, undefined);
    assert.equal(server.faults[0]?.scope, 'message');
  });

  test('a format that cannot write a frame anew carries headers to filters and refuses other edits', () => {
    const { client, call: one } = answered({ rebuild: undefined as never }, lockstep(call));
    one.head.set('tenant', 'b');
    assert.equal(one.head.get('tenant'), 'b');
    client.forward(one);
    assert.deepEqual(client.connection.take(), lockstep(call));
    client.codec.receive(lockstep({ kind: 'r' }));
    one.head.path = '/other';
    assert.throws(() => client.forward(one), { code: 'read_only_head' });
    one.head.path = '/echo';
    one.head.body = Buffer.from('other');
    assert.throws(() => one.forward(one.upstream!), { code: 'read_only_head' });
  });

  test('edits that cannot be said fail their call', () => {
    const { client, call: one } = answered({}, lockstep(call));
    one.head.authority = 'too much';
    client.forward(one);
    assert.equal(one.responseReset, 'overflow');
    const other = answered({}, lockstep(call));
    other.client.forward(other.call);
    other.call.relays = false;
    other.client.codec.receive(lockstep({ kind: 'r', headers: 'a: b\n' }));
    const { response } = other.call;
    response!.status = 403;
    response!.body = Buffer.from('new');
    response!.set('a', 'c');
    response!.add('d', 'e');
    assert.equal(response!.nativeStatus, 0);
    other.call.stream.sendHead(response!, true);
    const expected = lockstep({ kind: 'r', status: 403 / 100, headers: 'a: c\nd: e\n', body: 'new' });
    assert.deepEqual(other.server.connection.take(), expected);
  });

  test('a light codec reads nothing of a call but what it needs', () => {
    const never = () => assert.fail('it was read');
    const made = frameProtocol({ ...format, service: never, method: never, visitHeaders: never });
    const calls: { authority: string; path: string; get(name: string): string | undefined }[] = [];
    const host = { onFault: () => {}, onRequest: (_stream: unknown, head: never) => calls.push(head) as never };
    const { connection } = new ScriptedServer(made);
    const limits = { headBytesMax: 1000, headerCountMax: 10, frameBytesMax: 1000, streamsMax: 10 };
    made.createServerCodec(connection, host, { limits, light: true }).receive(lockstep(call));
    assert.deepEqual([calls[0]!.authority, calls[0]!.path, calls[0]!.get('tenant')], ['', '/', undefined]);
  });

  test('headers that cannot be read fail who asks first, and nobody later', () => {
    const visitHeaders: FrameFormat['visitHeaders'] = (_frame, visitor) => {
      visitor('a', '1');
      throw new RangeError('out of range');
    };
    const { call: one } = answered({ visitHeaders }, lockstep(call));
    assert.throws(() => one.head.get('a'), { message: 'out of range' });
    assert.equal(one.head.get('a'), '1');
  });

  const failing = () => {
    throw new RangeError('out of range');
  };
  for (const [name, changed] of Object.entries<Partial<FrameFormat>>({
    length: { length: failing },
    kind: { kind: failing },
    readId: { readId: failing },
    service: { service: failing },
    timeoutMs: { timeoutMs: failing },
    'a length of 0 for a whole head': { length: () => 0 },
    'a negative length': { length: () => -5 },
    'a length that is none': { length: () => Number.NaN },
    'half a byte': { length: () => 8.5 },
  })) {
    test(`a format that fails in ${name} costs a connection and nothing else`, () => {
      const { server } = answered(changed, lockstep(call));
      assert.deepEqual(
        server.faults.map(({ code, scope }) => [code, scope]),
        [['codec_failed', 'connection']],
      );
      assert.match(server.faults[0]!.message, /^lockstep: /);
      assert.equal(server.connection.closed, 'flush');
      assert.equal(server.calls.length, 0);
      server.codec.receive(lockstep(call));
      assert.equal(server.faults.length, 1);
    });
  }

  test('a format that fails when it has to answer costs the connection', () => {
    const { server, call: one } = answered({ errorReply: failing, goAway: failing }, lockstep(call));
    one.stream.sendReply(reply);
    assert.equal(server.connection.closed, 'flush');
    assert.equal(server.faults[0]?.code, 'codec_failed');
    assert.equal(server.codec.activeStreams, 0);
    const heartbeat = answered({ heartbeatReply: failing }, lockstep({ kind: 'h' })).server;
    assert.equal(heartbeat.connection.closed, 'flush');
    const leaving = new ScriptedServer(frameProtocol({ ...format, goAway: failing }));
    leaving.codec.goAway();
    assert.equal(leaving.connection.closed, 'flush');
  });

  test('a format that fails on a server costs its calls, visibly', () => {
    for (const changed of [{ status: failing }, { readId: failing, pooling: 'multiplexed' }] as const) {
      const server = new ScriptedServer(protocol);
      server.codec.receive(lockstep(call));
      // What reads the reply fails; what wrote the request did not.
      const client = new ScriptedClient(frameProtocol({ ...format, ...changed }));
      const stream = client.codec.openStream(server.lastCall);
      assert.throws(() => stream.sendHead(server.lastCall.head, true), { code: 'foreign_head' });
      client.codec.receive(lockstep({ kind: 'r' }));
      assert.equal(client.faults[0]?.code, 'codec_failed');
      assert.equal(client.connection.closed, 'now');
      assert.equal(server.lastCall.responseReset, 'protocol-error');
      assert.equal(client.codec.retired, true);
    }
    const dead = new ScriptedClient(frameProtocol({ ...format, heartbeat: failing }));
    dead.codec.sendHeartbeat();
    assert.equal(dead.connection.closed, 'now');
    assert.equal(dead.connection.take().length, 0);
  });

  test('a server that calls is told that nobody is there', () => {
    const client = new ScriptedClient(protocol);
    client.codec.receive(lockstep({}));
    const body = 'calls from a server to its client are not relayed';
    assert.deepEqual(client.connection.take(), lockstep({ kind: 'r', status: 4, body }));
    client.codec.receive(lockstep({ kind: 'n' }));
    assert.equal(client.connection.take().length, 0);
    assert.deepEqual(
      client.faults.map(({ code }) => code),
      ['unexpected_request', 'unexpected_request'],
    );
    const server = new ScriptedServer(protocol);
    server.codec.receive(lockstep({ kind: 'r' }));
    assert.equal(server.faults[0]?.code, 'unexpected_response');
    assert.equal(server.connection.closed, undefined);
  });

  test('is detected only where it says how', () => {
    assert.equal(protocol.detect(Buffer.alloc(0)), 'more');
    assert.equal(frameProtocol({ ...format, detect: undefined as never }).detect(lockstep(call)), 'mismatch');
  });
});
