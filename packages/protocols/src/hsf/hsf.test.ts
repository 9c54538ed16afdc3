import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ResponseFlag } from '@sofamesh/contract/message';
import { type ProtocolFixtures, protocolSuite } from '@sofamesh/testkit/protocol-suite/index';
import { cut } from '@sofamesh/testkit/protocol-suite/pieces';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import fc from 'fast-check';
import { frameProtocolCases } from '../shared/frame-protocol-cases.test.ts';
import { protocol } from './hsf.ts';
import { attachmentBlock, callSample, hsfFrame } from './sample-frames.test.ts';

const hex = (text: string) => Buffer.from(text, 'hex');
const call = (id: number | bigint) => hsfFrame({ ...callSample, id, content: 'arguments' });
const answer = (id: number | bigint) =>
  hsfFrame({ operation: 2, id, content: 'value', attachments: [['Server', 's1']] });
const goAway = hsfFrame({ operation: 5, codec: 0, id: 0 });

const fixtures: ProtocolFixtures = {
  messages: 'whole',
  exchanges: [
    {
      name: 'a call',
      request: call,
      response: answer,
      expectRequest: {
        method: 'POST',
        authority: 'com.example.UserService:1.0',
        path: '/getUser',
        scheme: 'hsf',
        protocol: 'hsf',
        oneWay: false,
        timeoutMs: 500,
        headers: { tenant: 'a', 'eagleeye-traceid': '0a0f' },
        body: Buffer.from('arguments'),
      },
      expectResponse: {
        status: 200,
        nativeStatus: 0,
        applicationError: false,
        headers: { server: 's1' },
        body: Buffer.from('value'),
      },
    },
    {
      name: 'an empty call',
      request: (id) => hsfFrame({ id, timeoutMs: -1 }),
      response: (id) => hsfFrame({ operation: 2, id, status: 1, content: 'thrown' }),
      expectRequest: { authority: '', path: '/', timeoutMs: 0, body: Buffer.alloc(0) },
      expectResponse: { status: 200, nativeStatus: 1, applicationError: true },
    },
    {
      name: 'a busy server',
      request: call,
      response: (id) => hsfFrame({ operation: 2, codec: 0, id, status: 4, content: 'busy' }),
      expectRequest: {},
      expectResponse: { status: 503, nativeStatus: 4, applicationError: false },
    },
  ],
  idOf: (frame) => frame.readUInt32BE(12),
  oneWay: {
    name: 'a one-way call',
    request: (id) => hsfFrame({ ...callSample, operation: 1, id, content: 'x' }),
    expectRequest: { oneWay: true, path: '/getUser' },
  },
  heartbeat: {
    request: (id) => hsfFrame({ operation: 3, codec: 0, id }),
    response: (id) => hsfFrame({ operation: 4, codec: 0, id }),
  },
  goAway: { fromServer: () => Buffer.from(goAway), expectNotice: goAway },
  localReplies: [
    {
      reply: { status: 404, body: 'no route', details: 'route_not_found', flags: ResponseFlag.noRouteFound },
      expectResponse: { nativeStatus: 3, status: 404, body: Buffer.from('404|no route') },
    },
    {
      reply: { status: 503, body: 'nobody', details: 'no_healthy_upstream', flags: ResponseFlag.noHealthyUpstream },
      expectResponse: { nativeStatus: 7, status: 502 },
    },
    {
      reply: { status: 503, body: 'overflow', details: 'overflow', flags: ResponseFlag.upstreamOverflow },
      expectResponse: { nativeStatus: 4, status: 503 },
    },
    {
      reply: { status: 504, body: 'late', details: 'response_timeout', flags: ResponseFlag.upstreamRequestTimeout },
      expectResponse: { nativeStatus: 5, status: 504 },
    },
    {
      reply: { status: 503, body: 'lost', details: 'reset', flags: ResponseFlag.upstreamConnectionTermination },
      expectResponse: { nativeStatus: 7 },
    },
    { reply: { status: 200, body: 'x'.repeat(2000), details: '', flags: 0 }, expectResponse: { nativeStatus: 6 } },
  ],
  refused: [
    {
      name: 'another protocol',
      side: 'server',
      bytes: () => Buffer.from('GET / HTTP/1.1\r\n'),
      code: 'bad_magic',
      scope: 'connection',
    },
    { name: 'half of the magic', side: 'server', bytes: () => hex('e860'), code: 'bad_magic', scope: 'connection' },
    { name: 'another version', side: 'server', bytes: () => hex('e85f02'), code: 'bad_version', scope: 'connection' },
    {
      name: 'an unknown operation',
      side: 'server',
      bytes: () => hex('e85f0106'),
      code: 'bad_operation',
      scope: 'connection',
    },
    {
      name: 'arguments of 4 GiB',
      side: 'server',
      bytes: () => hsfFrame({}).fill(0xff, 28, 32),
      code: 'frame_too_large',
      scope: 'connection',
    },
    {
      name: 'attachments of 4 GiB',
      side: 'server',
      bytes: () => hsfFrame({}).fill(0xff, 24, 28),
      code: 'head_too_large',
      scope: 'connection',
    },
    {
      name: 'an attachment that is cut',
      side: 'server',
      bytes: (id) => hsfFrame({ id, attachmentBytes: attachmentBlock([['key', 'value']]).subarray(0, 9) }),
      code: 'bad_call',
      scope: 'message',
      answer: { nativeStatus: 2, status: 400 },
    },
    {
      name: 'a key without a value',
      side: 'server',
      bytes: (id) => hsfFrame({ id, attachmentBytes: attachmentBlock([['key', 'value']]).subarray(0, 5) }),
      code: 'bad_call',
      scope: 'message',
      answer: { nativeStatus: 2 },
    },
    {
      name: 'too many attachments',
      side: 'server',
      bytes: (id) => hsfFrame({ id, attachmentBytes: Buffer.alloc(4 * 101) }),
      code: 'bad_call',
      scope: 'message',
      answer: { nativeStatus: 2 },
    },
    {
      name: 'another protocol',
      side: 'client',
      bytes: () => Buffer.from('HTTP/1.1 200 OK'),
      code: 'bad_magic',
      scope: 'connection',
    },
  ],
  notMine: [Buffer.from('GET /'), hex('dabbc2'), hex('160301'), hex('00000020'), hex('e85e'), hex('e85f00')],
};

protocolSuite(protocol, fixtures);

const lengthOf = (bytes: Buffer) => {
  const names = bytes.readUInt16BE(6) + bytes.readUInt16BE(20) + bytes.readUInt16BE(22);
  return 32 + names + bytes.readUInt32BE(24) + bytes.readUInt32BE(28);
};

frameProtocolCases(protocol, {
  request: (id, token) => hsfFrame({ ...callSample, id: id.readBigUInt64BE(), content: token }),
  response: (id, token) => hsfFrame({ operation: 2, id: id.readBigUInt64BE(), content: token }),
  idAt: 8,
  idBytes: 8,
  tokenOf: (frame) => {
    const end = frame.length - frame.readUInt32BE(24);
    return frame.toString('utf8', end - frame.readUInt32BE(28), end);
  },
  lengthOf,
});

const anyText = fc.string({ maxLength: 60, unit: 'grapheme' });
const anyTexts = fc.uniqueArray(fc.tuple(anyText, anyText), { selector: ([key]) => key.toLowerCase(), maxLength: 5 });

test('whatever is in it, in whatever pieces, a call and its answer arrive with only their ids changed', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
      anyText,
      fc.uint8Array({ maxLength: 200 }),
      anyTexts,
      fc.array(fc.nat(500), { maxLength: 12 }),
      (id, name, content, attachments, cuts) => {
        const sample = { service: name, method: name, content: Buffer.from(content), attachments };
        const server = new ScriptedServer(protocol);
        const client = new ScriptedClient(protocol);
        server.onCall = (each) => client.forward(each);
        const sorted = [...new Set(cuts)].sort((a, b) => a - b);
        for (const piece of cut(hsfFrame({ ...sample, id }), sorted)) server.codec.receive(piece);
        assert.deepEqual(client.connection.take(), hsfFrame({ ...sample, id: 1 }));
        for (const piece of cut(hsfFrame({ ...sample, operation: 2, id: 1 }), sorted)) client.codec.receive(piece);
        assert.deepEqual(server.connection.take(), hsfFrame({ ...sample, operation: 2, id }));
        const { head } = server.lastCall;
        assert.deepEqual([head.authority, head.path], [name, `/${name}`]);
        for (const [key, value] of attachments) assert.equal(head.get(key.toLowerCase()), value);
      },
    ),
    { seed: 5, numRuns: 200 },
  );
});

test('an id of 64 bits comes back in answers, errors and heartbeats, and never finds a call of ours', () => {
  const id = 0xfedc_ba98_0000_0001n;
  const server = new ScriptedServer(protocol);
  server.codec.receive(Buffer.concat([call(id), hsfFrame({ operation: 3, codec: 0, id })]));
  assert.deepEqual(server.connection.take(), hsfFrame({ operation: 4, codec: 0, id }));
  server.lastCall.stream.sendReply({ status: 504, body: 'late', details: '', flags: 0 });
  assert.deepEqual(server.connection.take(), hsfFrame({ operation: 2, codec: 0, id, status: 5, content: '504|late' }));
  const client = new ScriptedClient(protocol);
  server.codec.receive(call(7));
  client.forward(server.lastCall);
  client.codec.receive(answer(id));
  assert.equal(client.unsolicited, 1);
  assert.equal(server.lastCall.response, undefined);
});

test('edits change their own parts and nothing else', () => {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = () => {};
  server.codec.receive(call(3));
  const { head } = server.lastCall;
  head.authority = 'com.other.Service';
  head.path = '/findUser';
  head.body = Buffer.from('new');
  head.add('tenant', 'b');
  head.set('eagleeye-traceid', '1b');
  head.set('x-new', '1');
  client.forward(server.lastCall);
  const attachments = [
    ['Tenant', 'a,b'],
    ['EagleEye-TraceId', '1b'],
    ['x-new', '1'],
  ] as const;
  const edited = { service: 'com.other.Service', method: 'findUser', content: 'new', attachments };
  assert.deepEqual(client.connection.take(), hsfFrame({ ...callSample, ...edited, id: 1 }));
  client.codec.receive(answer(1));
  const { response, stream } = server.lastCall;
  assert.equal(server.connection.take().length > 0, true);
  server.codec.receive(call(4));
  response!.status = 429;
  server.lastCall.stream.sendHead(response!, true);
  const said = { operation: 2, status: 4, content: 'value', attachments: [['Server', 's1']] as const };
  assert.deepEqual(server.connection.take(), hsfFrame({ ...said, id: 4 }));
  stream.sendHead(response!, true);
  assert.equal(server.connection.take().length, 0);
});

test('an edit that is too long for its length fails its call alone', () => {
  for (const edit of ['authority', 'path', 'header'] as const) {
    const server = new ScriptedServer(protocol);
    const client = new ScriptedClient(protocol);
    server.onCall = () => {};
    server.codec.receive(call(1));
    const { head } = server.lastCall;
    if (edit === 'header') head.set('long', 'x'.repeat(65_536));
    else head[edit] = 'x'.repeat(65_537);
    client.forward(server.lastCall);
    assert.equal(server.lastCall.responseReset, 'overflow');
    assert.equal(client.connection.take().length, 0);
    assert.equal(client.connection.closed, undefined);
  }
});

test('attachments of an answer that cannot be read are none, and stay', () => {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = (each) => client.forward(each);
  server.codec.receive(call(9));
  server.lastCall.relays = false;
  client.codec.receive(hsfFrame({ operation: 2, id: 1, attachmentBytes: hex('00ff61') }));
  const { response, stream } = server.lastCall;
  assert.equal(response!.get('a'), undefined);
  response!.set('a', '1');
  stream.sendHead(response!, true);
  assert.deepEqual(server.connection.take(), hsfFrame({ operation: 2, id: 9, attachmentBytes: hex('00ff61') }));
});

test('a one-way call that cannot be read gets no answer', () => {
  const server = new ScriptedServer(protocol);
  server.codec.receive(hsfFrame({ operation: 1, attachmentBytes: hex('00') }));
  assert.equal(server.connection.take().length, 0);
  assert.equal(server.faults[0]?.code, 'bad_call');
  assert.equal(server.connection.closed, undefined);
});

test('the example of the specification is a frame', () => {
  const document = readFileSync(new URL('../../../../docs/hsf-frame.md', import.meta.url), 'utf8');
  const example = /^```\n(e85f[^`]+)```/m.exec(document)![1]!.replaceAll(/\s/g, '');
  const sample = { operation: 1, id: 7, service: 'A', method: 'hello', attachments: [['k', 'v']] } as const;
  assert.equal(example, hsfFrame(sample).toString('hex'));
});
