import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LocalReply, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import {
  type ClientCodec,
  type ClientStream,
  defaultCodecLimits,
  type Protocol,
  type ProtocolFault,
  type ServerCodec,
  type ServerStream,
} from '@sofamesh/contract/protocol';
import { ScriptedConnection } from '@sofamesh/testkit/scripted-connection';
import { protocol as bolt } from '../bolt/bolt.ts';
import { boltFrame } from '../bolt/sample-frames.test.ts';
import { protocol as dubbo } from '../dubbo/dubbo.ts';
import { protocol as http2 } from '../http2/http2.ts';
import { compose } from './rpc-http2.ts';

const protocols = new Map<string, Protocol>([bolt, dubbo, http2].map((protocol) => [protocol.name, protocol]));
const carrier = compose(protocols)!;
const limits = { ...defaultCodecLimits, frameBytesMax: 512 * 1024 };

/** What a server's engine was given. */
interface Taken {
  readonly stream: ServerStream;
  readonly head: RequestHead;
  reset: ResetReason | undefined;
}

/** Both ends of one connection, and a codec of bolt to make heads with. */
class World {
  readonly near = new ScriptedConnection();
  readonly far = new ScriptedConnection();
  readonly taken: Taken[] = [];
  readonly faults: ProtocolFault[] = [];
  readonly hostFaults: ProtocolFault[] = [];
  drained = 0;
  ended = 0;
  readonly client: ClientCodec;
  readonly server: ServerCodec;

  constructor() {
    const server = {
      onRequest: (stream: ServerStream, head: RequestHead) => {
        const taken: Taken = { stream, head, reset: undefined };
        this.taken.push(taken);
        return {
          onRequestData() {},
          onRequestTrailers() {},
          onRequestReset: (reason: ResetReason) => {
            taken.reset = reason;
          },
          onResponseWritable() {},
        };
      },
      onFault: (fault: ProtocolFault) => this.faults.push(fault),
      onDrained: () => this.drained++,
    };
    const client = {
      onStreamEnd: () => this.ended++,
      onAvailabilityChange() {},
      onUnsolicited() {},
      onFault: (fault: ProtocolFault) => this.hostFaults.push(fault),
    };
    this.server = carrier.createServerCodec(this.far, server, { limits });
    this.client = carrier.createClientCodec(this.near, client, { limits });
    this.exchange();
  }

  /** Everything that was written arrives, in pieces of so many bytes. */
  exchange(pieceBytes = 1 << 20): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [from, to] of [
        [this.near, this.server],
        [this.far, this.client],
      ] as const) {
        const bytes = Buffer.concat(from.writes.splice(0));
        moved ||= bytes.length > 0;
        for (let at = 0; at < bytes.length; at += pieceBytes) {
          to.receive(Buffer.from(bytes.subarray(at, at + pieceBytes)));
        }
      }
    }
  }

  call(frame: Buffer, protocol: Protocol = bolt): { stream: ClientStream; told: (string | ResponseHead)[] } {
    const told: (string | ResponseHead)[] = [];
    const stream = this.client.openStream({
      onInformational() {},
      onResponseHead: (head) => told.push(head),
      onResponseData() {},
      onResponseTrailers() {},
      onResponseReset: (reason) => told.push(reason),
      onRequestWritable() {},
    });
    stream.sendHead(headOf(frame, protocol), true);
    return { stream, told };
  }

  answer(at: number, frame: Buffer, protocol: Protocol = bolt): void {
    const { stream } = this.taken[at]!;
    stream.sendHead(replyOf(frame, protocol), true);
  }
}

/** What the protocol's own codec makes of a request that comes to it. */
function headOf(frame: Buffer, protocol: Protocol): RequestHead {
  let made: RequestHead | undefined;
  const host = {
    onRequest: (_stream: ServerStream, head: RequestHead) => {
      made = head;
      return { onRequestData() {}, onRequestTrailers() {}, onRequestReset() {}, onResponseWritable() {} };
    },
    onFault() {},
  };
  protocol.createServerCodec(new ScriptedConnection(), host, { limits }).receive(Buffer.from(frame));
  return made!;
}

/** The same for a reply; `frame` must have id 1. */
function replyOf(frame: Buffer, protocol: Protocol): ResponseHead {
  let made: ResponseHead | undefined;
  const host = { onStreamEnd() {}, onAvailabilityChange() {}, onUnsolicited() {}, onFault() {} };
  const codec = protocol.createClientCodec(new ScriptedConnection(), host, { limits });
  const stream = codec.openStream({
    onInformational() {},
    onResponseHead: (head) => {
      made = head;
    },
    onResponseData() {},
    onResponseTrailers() {},
    onResponseReset() {},
    onRequestWritable() {},
  });
  stream.sendHead(headOf(boltFrame({}), bolt), true);
  codec.receive(Buffer.from(frame));
  return made!;
}

const headers = [
  ['service', 'com.x.Users:1.0'],
  ['sofa_head_method_name', 'getUser'],
] as const;
const request = (more: object = {}) =>
  boltFrame({ id: 77, headers, className: 'java.lang.String', content: 'hi', ...more });
const response = (more: object = {}) => boltFrame({ type: 0, id: 1, content: 'welcome', ...more });

describe('calls inside HTTP/2', () => {
  test('arrive as they were sent but for the id, and so do answers', () => {
    for (const pieceBytes of [1 << 20, 1, 7]) {
      const world = new World();
      const { told } = world.call(request());
      world.exchange(pieceBytes);
      const [taken] = world.taken;
      assert.equal(taken?.head.protocol, 'bolt');
      assert.equal(taken?.head.authority, 'com.x.Users');
      assert.equal(taken?.head.path, '/getUser');
      assert.equal(taken?.head.body?.toString(), 'hi');
      world.answer(0, response());
      world.exchange(pieceBytes);
      const [head] = told as ResponseHead[];
      assert.equal(head?.status, 200);
      assert.equal(head?.body?.toString(), 'welcome');
      assert.deepEqual([world.client.activeStreams, world.server.activeStreams, world.ended], [0, 0, 1]);
      assert.deepEqual([world.faults, world.hostFaults, world.server.heldBytes], [[], [], 0]);
    }
  });

  test('many at a time, answered in any order, keep their answers', () => {
    const world = new World();
    const calls = Array.from({ length: 50 }, (_, at) => world.call(request({ content: `call ${at}` })));
    world.exchange(100);
    for (let at = 49; at >= 0; at--) {
      const body = world.taken[at]!.head.body!.toString();
      world.answer(at, response({ content: `answer to ${body}` }));
    }
    world.exchange(100);
    calls.forEach(({ told }, at) => {
      assert.equal((told[0] as ResponseHead).body?.toString(), `answer to call ${at}`);
    });
  });

  test('a checksum holds on the other side', () => {
    const world = new World();
    const { told } = world.call(request({ version: 2, flags: 1 }));
    world.exchange();
    world.answer(0, response({ version: 2, flags: 1 }));
    world.exchange();
    assert.equal((told[0] as ResponseHead).body?.toString(), 'welcome');
    assert.deepEqual(world.faults, []);
  });

  test('two protocols share a connection', () => {
    const world = new World();
    const frame = Buffer.from(
      'dabbc200d3b611774355410f0000008805322e302e3205742e41706905312e302e30046563686f124c6a6176612f6c616e672f537472696e673b0568656c6c6f48047061746805742e4170691272656d6f74652e6170706c69636174696f6e04636f6e7309696e7465726661636505742e4170690776657273696f6e05312e302e300774696d656f757404333030300567726f757001675a',
      'hex',
    );
    world.call(frame, dubbo);
    world.call(request());
    world.exchange();
    assert.deepEqual(
      world.taken.map(({ head }) => [head.protocol, head.authority, head.path]),
      [
        ['dubbo', 't.Api', '/echo'],
        ['bolt', 'com.x.Users', '/getUser'],
      ],
    );
  });

  test('one-way calls are over for the client when they are sent, and for the connection when they were taken', () => {
    const world = new World();
    const { told } = world.call(request({ type: 2 }));
    world.exchange();
    assert.equal(world.taken[0]?.head.oneWay, true);
    assert.deepEqual([told, world.client.activeStreams, world.server.activeStreams], [[], 0, 0]);
  });

  test('calls that follow each other are told apart, whatever became of those before', () => {
    const world = new World();
    for (let at = 0; at < 30; at++) {
      const { stream, told } = world.call(request({ content: `call ${at}`, ...(at % 5 === 4 && { type: 2 }) }));
      world.exchange(at % 2 === 0 ? 1 << 20 : 50);
      const taken = world.taken[at]!;
      assert.equal(taken.head.body?.toString(), `call ${at}`);
      switch (at % 5) {
        case 1:
          stream.reset('local-reset');
          world.exchange();
          world.answer(at, response({ content: 'too late' }));
          break;
        case 2:
          taken.stream.sendReply({ status: 504, body: '', details: 'response_timeout', flags: 0 });
          break;
        case 4:
          break;
        default:
          world.answer(at, response({ content: `answer ${at}` }));
      }
      world.exchange(at % 3 === 0 ? 1 << 20 : 30);
      const answers = told.map((head) => {
        if (typeof head === 'string') return head;
        return head.status === 200 ? head.body?.toString() : head.status;
      });
      assert.deepEqual(answers, [[`answer ${at}`], [], [504], [`answer ${at}`], []][at % 5], `call ${at}`);
    }
    assert.deepEqual([world.client.activeStreams, world.server.activeStreams], [0, 0]);
    assert.deepEqual([world.faults, world.hostFaults], [[], []]);
  });

  test('a head that was sent before is a few octets', () => {
    const world = new World();
    const sizes: number[] = [];
    let writes = 0;
    for (let at = 0; at < 4; at++) {
      world.call(request());
      sizes.push(world.near.writes.reduce((sum, { length }) => sum + length, 0) - request().length);
      writes += world.near.writes.length;
      world.exchange();
      world.answer(at, response());
      world.exchange();
    }
    // The heads of two frames, and the indexes of method, scheme, path, authority and type.
    assert.deepEqual(sizes.slice(1), [23, 23, 23]);
    // One each, but where the buffer that frames are written into was full.
    assert.ok(writes <= 5, `${writes} writes`);
  });

  test("an answer of the proxy's own is the protocol's error", () => {
    const world = new World();
    const { told } = world.call(request());
    world.exchange();
    const reply: LocalReply = { status: 504, body: 'too late', details: 'response_timeout', flags: 0 };
    world.taken[0]!.stream.sendReply(reply);
    world.exchange();
    assert.equal((told[0] as ResponseHead).status, 504);
    assert.equal((told[0] as ResponseHead).nativeStatus, 7);
  });

  test('a call that is given up is reset on the other side', () => {
    const world = new World();
    const { stream } = world.call(request());
    world.exchange();
    stream.reset('local-reset');
    world.exchange();
    assert.equal(world.taken[0]?.reset, 'connection-termination');
    assert.deepEqual([world.client.activeStreams, world.server.activeStreams], [0, 0]);
  });

  test('a frame larger than the windows passes, and one above the limit is refused', () => {
    const world = new World();
    const content = Buffer.alloc(400 * 1024, 'x');
    const { told } = world.call(request({ content }));
    world.exchange(64 * 1024);
    assert.equal(world.taken[0]?.head.body?.equals(content), true);
    world.answer(0, response({ content }));
    world.exchange(64 * 1024);
    assert.equal((told[0] as ResponseHead).body?.equals(content), true);
  });

  test('the connection going away tells every call', () => {
    const world = new World();
    const calls = [world.call(request()), world.call(request())];
    world.exchange();
    world.client.connectionClosed({ kind: 'reset', reason: 'ECONNRESET' });
    world.server.connectionClosed({ kind: 'reset', reason: 'ECONNRESET' });
    for (const { told } of calls) assert.deepEqual(told, ['connection-termination']);
    assert.deepEqual(
      world.taken.map(({ reset }) => reset),
      ['connection-termination', 'connection-termination'],
    );
    assert.equal(world.server.heldBytes, 0);
  });

  test('a drain serves what has come', () => {
    const world = new World();
    const { told } = world.call(request());
    world.exchange();
    world.server.goAway();
    world.exchange();
    assert.equal(world.client.available, 0);
    world.answer(0, response());
    world.exchange();
    assert.equal((told[0] as ResponseHead).status, 200);
    assert.ok(world.drained > 0);
  });
});

function plainHead(method: string, contentType: string): RequestHead {
  return {
    protocol: 'HTTP/2',
    wholeBytes: 0,
    body: undefined,
    method,
    authority: 'x',
    path: '/y',
    scheme: 'http',
    oneWay: false,
    timeoutMs: 0,
    upgrade: undefined,
    get: () => undefined,
    getAll: () => [],
    set() {},
    add() {},
    remove() {},
    visit: (visitor) => visitor('content-type', contentType),
  };
}

/** What becomes of a request that a plain client of HTTP/2 sends. */
function refused(contentType: string, body: Buffer, method = 'POST') {
  return outcome([[contentType, body, method]]);
}

/** The same for several requests on one connection, one behind the other. */
function outcome(requests: readonly (readonly [contentType: string, body: Buffer, method: string])[]) {
  const statuses: (number | string)[] = [];
  const codes: string[] = [];
  let taken = 0;
  const [near, far] = [new ScriptedConnection(), new ScriptedConnection()];
  const onRequest = (stream: ServerStream) => {
    taken++;
    if (requests.length > 1) stream.sendReply({ status: 504, body: '', details: 'response_timeout', flags: 0 });
    return { onRequestData() {}, onRequestTrailers() {}, onRequestReset() {}, onResponseWritable() {} };
  };
  const server = carrier.createServerCodec(far, { onRequest, onFault: ({ code }) => codes.push(code) }, { limits });
  const host = { onStreamEnd() {}, onAvailabilityChange() {}, onUnsolicited() {}, onFault() {} };
  const client = http2.createClientCodec(near, host, { limits });
  for (const [contentType, body, method] of requests) {
    const stream = client.openStream({
      onInformational() {},
      onResponseHead: (head) => statuses.push(head.status),
      onResponseData() {},
      onResponseTrailers() {},
      onResponseReset: (reason) => statuses.push(reason),
      onRequestWritable() {},
    });
    stream.sendHead(plainHead(method, contentType), body.length === 0);
    if (body.length > 0) stream.sendData(body, true);
  }
  for (let moved = true; moved; ) {
    const [out, back] = [near.writes.splice(0), far.writes.splice(0)];
    moved = out.length + back.length > 0;
    for (const chunk of out) server.receive(Buffer.from(chunk));
    for (const chunk of back) client.receive(Buffer.from(chunk));
  }
  assert.equal(far.closed, undefined);
  return { statuses, codes, taken };
}

describe('what is no call inside HTTP/2', () => {
  const type = 'application/vnd.mosn.rpc+bolt';

  test('is refused with a status, and the connection stays', () => {
    assert.deepEqual(refused('text/plain', request()), { statuses: [415], codes: ['not_a_carried_call'], taken: 0 });
    assert.deepEqual(refused('application/vnd.mosn.rpc+nosuch', request()).statuses, [415]);
    assert.deepEqual(refused('application/vnd.mosn.rpc+http2', request()).statuses, [415]);
    assert.deepEqual(refused(type, request(), 'GET').statuses, [415]);
    assert.deepEqual(refused(type, Buffer.alloc(0)), { statuses: [400], codes: ['truncated_frame'], taken: 0 });
    assert.deepEqual(refused(type, request().subarray(0, 30)).codes, ['truncated_frame']);
    assert.deepEqual(refused(type, Buffer.from('garbage')), { statuses: [400], codes: ['bad_magic'], taken: 0 });
    assert.deepEqual(refused(type, Buffer.concat([request(), request()])), {
      statuses: [400],
      codes: ['second_frame'],
      taken: 1,
    });
  });

  test('costs no other call on the connection', () => {
    const good = [type, request(), 'POST'] as const;
    const bodies = [
      Buffer.concat([request(), request()]),
      Buffer.concat([request(), request().subarray(0, 20)]),
      Buffer.concat([request(), Buffer.from('garbage')]),
      request().subarray(0, 30),
      Buffer.from('garbage'),
    ];
    for (const [at, body] of bodies.entries()) {
      const { statuses, taken } = outcome([good, [type, body, 'POST'], good, good]);
      const begun = at < 3;
      assert.deepEqual(statuses, [200, begun ? 200 : 400, 200, 200], `body ${at}`);
      assert.equal(taken, begun ? 4 : 3, `body ${at}`);
    }
  });

  test('a broken checksum, a frame above the limit', () => {
    const broken = request({ version: 2, flags: 1 });
    broken[broken.length - 1]! ^= 1;
    assert.deepEqual(refused(type, broken), { statuses: [400], codes: ['bad_checksum'], taken: 0 });
    assert.deepEqual(refused(type, request({ content: Buffer.alloc(600 * 1024) })).codes, ['frame_too_large']);
  });
});
