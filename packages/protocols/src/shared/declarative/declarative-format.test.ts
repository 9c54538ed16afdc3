import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ResponseFlag } from '@sofamesh/contract/message';
import { protocolSuite } from '@sofamesh/testkit/protocol-suite/index';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { boltFrame } from '../../bolt/sample-frames.test.ts';
import { exampleFrame } from '../../example/sample-frames.test.ts';
import { frameProtocol } from '../frame-protocol.ts';
import { frameProtocolCases } from '../frame-protocol-cases.test.ts';
import { declarativeFormat } from './declarative-format.ts';
import { boltSpec, exampleSpec, ledgerSpec } from './sample-specs.test.ts';

const protocolOf = (spec: unknown) => frameProtocol(declarativeFormat(spec, 'codec'));
const hex = (text: string) => Buffer.from(text, 'hex');
const noRoute = { status: 404, body: 'no route', details: 'route_not_found', flags: ResponseFlag.noRouteFound };
const late = { status: 504, body: 'late', details: 'x', flags: ResponseFlag.upstreamRequestTimeout };
const notOurs = [
  { name: 'another protocol', side: 'server', bytes: () => Buffer.from('GET / HTTP/1.1\r\n'), code: 'bad_magic' },
  { name: 'another protocol', side: 'client', bytes: () => Buffer.from('HTTP/1.1 200 OK'), code: 'bad_magic' },
] as const;

// ── the example ──────────────────────────────────────────────────────────────────────────────────────────────────────

const example = protocolOf(exampleSpec);
protocolSuite(example, {
  messages: 'whole',
  exchanges: [
    {
      name: 'a call',
      request: (id) => exampleFrame({ id, payload: 'question' }),
      response: (id) => exampleFrame({ type: 1, id, payload: 'answer' }),
      expectRequest: {
        authority: 'com.example.Users',
        path: '/',
        scheme: 'example',
        timeoutMs: 0,
        body: Buffer.from('question'),
      },
      expectResponse: { status: 200, nativeStatus: 0, applicationError: false, body: Buffer.from('answer') },
    },
    {
      name: 'a service without a name, which is busy',
      request: (id) => exampleFrame({ id, service: 8 }),
      response: (id) => exampleFrame({ type: 1, id, status: 3, service: 8 }),
      expectRequest: { authority: '8', body: Buffer.alloc(0) },
      expectResponse: { status: 503, nativeStatus: 3 },
    },
  ],
  idOf: (frame) => Number(frame.readBigUInt64BE(8)),
  oneWay: {
    name: 'a one-way call',
    request: (id) => exampleFrame({ type: 2, id, payload: 'note' }),
    expectRequest: { oneWay: true },
  },
  heartbeat: {
    request: (id) => exampleFrame({ type: 3, service: 0, id }),
    response: (id) => exampleFrame({ type: 3, status: 1, service: 0, id }),
  },
  localReplies: [
    { reply: noRoute, expectResponse: { nativeStatus: 2, status: 404, body: Buffer.from('no route') } },
    { reply: late, expectResponse: { nativeStatus: 4, status: 504 } },
    { reply: { status: 418, body: '', details: 'x', flags: 0 }, expectResponse: { nativeStatus: 1, status: 500 } },
  ],
  refused: [
    ...notOurs,
    {
      name: 'a kind that there is not',
      side: 'server',
      bytes: (id) => exampleFrame({ type: 9, id }),
      code: 'bad_frame_type',
    },
    {
      name: 'a payload of 4 GiB',
      side: 'server',
      bytes: () => hex('e1000007ffffffff0000000000000001'),
      code: 'frame_too_large',
    },
  ],
  edits: { headers: false, authority: '9' },
  notMine: [Buffer.from('GET /')],
});
frameProtocolCases(example, {
  request: (id, token) => exampleFrame({ id: id.readBigUInt64BE(), payload: token }),
  response: (id, token) => exampleFrame({ type: 1, id: id.readBigUInt64BE(), payload: token }),
  idAt: 8,
  idBytes: 8,
  tokenOf: (frame) => frame.toString('utf8', 16, 16 + frame.readUInt32BE(4)),
  lengthOf: (bytes) => 16 + bytes.readUInt32BE(4),
});

// ── prefixes, little-endian ──────────────────────────────────────────────────────────────────────────────────────────

function prefixed(text: string, size: number): Buffer {
  const bytes = Buffer.from(text);
  const prefix = Buffer.alloc(size);
  prefix.writeUIntLE(bytes.length, 0, size);
  return Buffer.concat([prefix, bytes]);
}

interface LedgerCall {
  readonly kind?: number;
  readonly id?: number;
  readonly service?: string;
  readonly method?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
  readonly timeoutS?: number;
}

function ledgerBlock(headers: LedgerCall['headers'] = []): string {
  return Buffer.concat(headers.flatMap(([key, value]) => [prefixed(key, 1), prefixed(value, 2)])).toString('latin1');
}

function ledgerCall(call: LedgerCall): Buffer {
  const { kind = 1, id = 1, service = 'Books', method = 'get', body = '', timeoutS = 0 } = call;
  const parts = [prefixed(service, 1), prefixed(method, 2), prefixed(ledgerBlock(call.headers), 2), Buffer.from('..')];
  const frame = Buffer.concat([Buffer.alloc(16), ...parts, Buffer.from(body)]);
  frame.set([0x4c, 0x44, kind, 0]);
  frame.writeUIntLE(frame.length - 8, 4, 3);
  frame.writeUInt32LE(id, 8);
  frame.writeUInt16LE(timeoutS, 12);
  return frame;
}

function ledgerReply(id: number, status: number, body: string, { kind = 2, rest = '' } = {}): Buffer {
  const parts = [prefixed('', 2), prefixed(body, 4), Buffer.from(rest)];
  const frame = Buffer.concat([Buffer.alloc(14), ...parts]);
  frame.set([0x4c, 0x44, kind, 0]);
  frame.writeUIntLE(frame.length, 4, 3);
  frame.writeUInt32LE(id, 8);
  frame.writeUInt16LE(status, 12);
  return frame;
}

const ledger = protocolOf(ledgerSpec);
protocolSuite(ledger, {
  messages: 'whole',
  exchanges: [
    {
      name: 'a call',
      request: (id) => ledgerCall({ id, headers: [['Tenant', 'a']], body: 'question', timeoutS: 2 }),
      response: (id) => ledgerReply(id, 1, 'answer', { rest: 'sum' }),
      expectRequest: {
        authority: 'Books',
        path: '/get',
        timeoutMs: 2000,
        headers: { tenant: 'a' },
        body: Buffer.from('question'),
      },
      expectResponse: { status: 200, nativeStatus: 1, applicationError: false, body: Buffer.from('answer') },
    },
    {
      name: 'another kind of request, and a failure',
      request: (id) => ledgerCall({ kind: 0xf9, id, service: '', method: '' }),
      response: (id) => ledgerReply(id, 7, '', { kind: 0x12 }),
      expectRequest: { authority: '', path: '/', timeoutMs: 0, body: Buffer.alloc(0) },
      expectResponse: { status: 502, nativeStatus: 7, applicationError: true },
    },
  ],
  idOf: (message) => message.readUInt32LE(8),
  oneWay: {
    name: 'a one-way call',
    request: (id) => ledgerCall({ kind: 3, id, body: 'x' }),
    expectRequest: { oneWay: true },
  },
  localReplies: [
    {
      reply: { status: 429, body: 'slow down', details: 'x', flags: 0 },
      expectResponse: { nativeStatus: 9, status: 429, body: Buffer.from('slow down') },
    },
    { reply: late, expectResponse: { nativeStatus: 5, status: 502 } },
  ],
  refused: [
    ...notOurs,
    {
      name: 'a string that is longer than the frame',
      side: 'server',
      bytes: (id) => {
        const frame = ledgerCall({ id });
        frame[16] = 200;
        return frame;
      },
      code: 'bad_call',
      scope: 'message',
      answer: { status: 502 },
    },
    {
      name: 'a length that is shorter than the head',
      side: 'server',
      bytes: () => hex(`4c440100060000${'00'.repeat(9)}`),
      code: 'bad_length',
    },
  ],
  notMine: [Buffer.from('GET /'), hex('4c440101')],
});

describe('a declarative codec', () => {
  test('writes lengths anew, keeps what lies behind the parts, and refuses what does not fit', () => {
    const server = new ScriptedServer(ledger);
    const client = new ScriptedClient(ledger);
    server.codec.receive(ledgerCall({ id: 9, body: 'old' }));
    const call = server.lastCall;
    Object.assign(call.head, { authority: 'Wide', path: '/method', body: Buffer.from('a new body') });
    client.forward(call);
    const sent = ledgerCall({ id: 1, service: 'Wide', method: 'method', body: 'a new body' });
    assert.deepEqual(client.connection.take(), sent);
    call.relays = false;
    client.codec.receive(ledgerReply(1, 1, 'value', { rest: 'sum' }));
    call.response!.status = 429;
    call.response!.body = Buffer.from('other');
    call.stream.sendHead(call.response!, true);
    assert.deepEqual(server.connection.take(), ledgerReply(9, 9, 'other', { rest: 'sum' }));
    server.codec.receive(ledgerCall({ id: 9 }));
    server.lastCall.head.authority = 'x'.repeat(256);
    client.forward(server.lastCall);
    assert.equal(server.lastCall.responseReset, 'overflow');
    assert.equal(client.connection.take().length, 0);
  });

  test('what makes no sense and wants no answer gets none', () => {
    const server = new ScriptedServer(ledger);
    const broken = ledgerCall({ kind: 3 });
    broken[16] = 200;
    server.codec.receive(broken);
    assert.equal(server.faults[0]?.code, 'bad_call');
    assert.equal(server.connection.take().length, 0);
    assert.equal(server.connection.closed, undefined);
    server.codec.receive(ledgerReply(1, 0, '', { kind: 4 }));
    assert.equal(server.faults.length, 1);
    assert.equal(server.calls.length, 0);
  });

  test('a protocol without ids has one call at a time; without an answer of its own, connections end', () => {
    const { id: _, errorReply: __, magic: ___, ...rest } = exampleSpec;
    const bare = protocolOf({ ...rest, pooling: 'exclusive' });
    assert.equal(bare.pooling, 'exclusive');
    assert.equal(bare.detect(exampleFrame({})), 'mismatch');
    const server = new ScriptedServer(bare);
    const client = new ScriptedClient(bare);
    server.onCall = (call) => client.forward(call);
    server.codec.receive(Buffer.concat([exampleFrame({ id: 5 }), exampleFrame({ id: 5 })]));
    assert.deepEqual(client.connection.take(), exampleFrame({ id: 5 }));
    client.codec.receive(exampleFrame({ type: 1, id: 5 }));
    assert.deepEqual(server.connection.take(), exampleFrame({ type: 1, id: 5 }));
    server.lastCall.stream.sendReply(noRoute);
    assert.equal(server.connection.closed, 'flush');
  });

  test('ids of 64 bits in either order', () => {
    for (const byteOrder of ['big', 'little'] as const) {
      const format = declarativeFormat({ ...exampleSpec, id: { at: 8, size: 8, byteOrder } }, 'codec');
      const frame = exampleFrame({});
      for (const id of [0, 1, 0xffff_ffff, 0x1_0000_0000n, 0xffff_ffff_ffff_ffffn]) {
        assert.equal(format.readId(format.writeId(frame, id)), id);
      }
      format.writeId(frame, 2);
      assert.equal(frame[byteOrder === 'big' ? 15 : 8], 2);
    }
  });

  test('a timeout in a header, a service that is always the same', () => {
    const format = declarativeFormat(
      { ...boltSpec, timeout: { header: 'Timeout', unit: 's' }, service: { text: 'users' } },
      'codec',
    );
    const timeoutOf = (value: string) => format.timeoutMs!(boltFrame({ headers: [['timeout', value]] }));
    assert.deepEqual(['3', '', '-1', '3.5', '99999999999'].map(timeoutOf), [3000, 0, 0, 0, 0]);
    assert.equal(format.service!(boltFrame({})), 'users');
    const edits = { service: 'other', method: undefined, headers: undefined, body: undefined, status: undefined };
    assert.equal(format.rebuild!(boltFrame({}), edits), undefined);
  });
});
