import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponseFlag } from '@sofamesh/contract/message';
import { type ProtocolFixtures, protocolSuite } from '@sofamesh/testkit/protocol-suite/index';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { frameProtocolCases } from '../shared/frame-protocol-cases.test.ts';
import { protocol } from './dubbo-thrift.ts';
import { type DubboThriftSample, dubboThriftFrame, idOf, text, textStruct, uint32 } from './sample-frames.test.ts';

const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex');
const call = (id: number | bigint, sample: DubboThriftSample = {}) =>
  dubboThriftFrame({ id: BigInt(id), struct: textStruct('hello'), ...sample });
const answer = (id: number | bigint, sample: DubboThriftSample = {}) =>
  dubboThriftFrame({ id: BigInt(id), type: 2, struct: textStruct('value', 0), ...sample });
const exception = (type: number, message: string) =>
  Buffer.concat([hex('0b0001'), text(message), hex('080002'), uint32(type), hex('00')]);

const fixtures: ProtocolFixtures = {
  messages: 'whole',
  exchanges: [
    {
      name: 'a call',
      request: (id) => call(id),
      response: (id) => answer(id),
      expectRequest: {
        method: 'POST',
        authority: 't.Api',
        path: '/echo',
        scheme: 'dubbo-thrift',
        protocol: 'dubbo-thrift',
        oneWay: false,
        timeoutMs: 0,
        body: textStruct('hello'),
      },
      expectResponse: { status: 200, nativeStatus: 0, applicationError: false, protocol: 'dubbo-thrift' },
    },
    {
      name: 'a call of Dubbo 2.7, without a value',
      request: (id) => call(id, { path: 't.Api' }),
      response: (id) => answer(id, { path: 't.Api', struct: hex('00') }),
      expectRequest: { authority: 't.Api', path: '/echo' },
      expectResponse: { status: 200, applicationError: false },
    },
    {
      name: 'an exception that the interface declares',
      request: (id) => call(id),
      response: (id) => answer(id, { struct: hex('0c 0001 00 00') }),
      expectRequest: {},
      expectResponse: { status: 200, applicationError: true },
    },
    {
      name: 'a failure of the server',
      request: (id) => call(id),
      response: (id) => answer(id, { type: 3, struct: exception(6, 'boom') }),
      expectRequest: {},
      expectResponse: { status: 500, nativeStatus: 106, applicationError: false },
    },
  ],
  idOf: (message) => Number(idOf(message)),
  oneWay: {
    name: 'a one-way call',
    request: (id) => call(id, { type: 4 }),
    expectRequest: { oneWay: true, authority: 't.Api' },
  },
  edits: { headers: false, authority: 'other.example.Service', path: '/otherMethod' },
  localReplies: [
    {
      reply: { status: 404, body: 'no route', details: 'route_not_found', flags: ResponseFlag.noRouteFound },
      expectResponse: { nativeStatus: 101, status: 500, body: exception(1, '404|no route') },
    },
    {
      reply: { status: 503, body: 'nobody', details: 'no_healthy_upstream', flags: ResponseFlag.noHealthyUpstream },
      expectResponse: { nativeStatus: 100 },
    },
    {
      reply: { status: 504, body: 'late', details: 'response_timeout', flags: ResponseFlag.upstreamRequestTimeout },
      expectResponse: { nativeStatus: 106 },
    },
  ],
  refused: [
    { name: 'another protocol', side: 'server', bytes: () => Buffer.from('GET / HTTP/1.1'), code: 'bad_magic' },
    {
      name: 'Thrift itself',
      side: 'server',
      bytes: () => hex('00000020 80010001 00000000 00000000'),
      code: 'bad_magic',
    },
    {
      name: 'a frame of 4 GiB',
      side: 'server',
      bytes: () => hex('ffffffff dabc ffffffff 0030'),
      code: 'frame_too_large',
    },
    { name: 'a head of nothing', side: 'server', bytes: () => hex('00000030 dabc 00000030 0014'), code: 'bad_length' },
    {
      name: 'a head beyond its frame',
      side: 'server',
      bytes: () => hex('00000030 dabc 00000030 0030'),
      code: 'bad_length',
    },
    { name: 'a long head', side: 'server', bytes: () => hex('0000ffff dabc 0000ffff f001'), code: 'head_too_large' },
    {
      name: 'a call of no type',
      side: 'server',
      bytes: (id) => call(id, { type: 9 }),
      code: 'bad_call',
      scope: 'message',
      answer: { nativeStatus: 107, status: 500 },
    },
    {
      name: 'a service longer than the head',
      side: 'server',
      bytes: (id) => call(id).fill(0x7f, 13, 14),
      code: 'bad_call',
      scope: 'message',
      answer: { nativeStatus: 107 },
    },
    {
      name: 'a message in the compact protocol',
      side: 'server',
      bytes: (id) => call(id).fill(0x82, 4 + 26, 4 + 27),
      code: 'bad_call',
      scope: 'message',
      answer: { nativeStatus: 107 },
    },
    { name: 'another protocol', side: 'client', bytes: () => Buffer.from('HTTP/1.1 200 OK'), code: 'bad_magic' },
  ],
  notMine: [
    Buffer.from('GET / HTTP/1.1'),
    hex('dabb'),
    hex('0101'),
    hex('00000020 8001'),
    hex('00000020 dabb'),
    hex('160301'),
  ],
};

protocolSuite(protocol, fixtures);

frameProtocolCases(protocol, {
  request: (id, token) => call(id.readBigUInt64BE() | (7n << 60n), { struct: textStruct(token) }),
  response: (id, token) => answer(id.readBigUInt64BE(), { struct: textStruct(token, 0) }),
  idAt: 22,
  idBytes: 8,
  tokenOf: (frame) => {
    const at = 30 + 8 + 4 + 4 + 3;
    return frame.toString('utf8', at + 4, at + 4 + frame.readUInt32BE(at));
  },
  lengthOf: (bytes) => 4 + bytes.readUInt32BE(0),
  detectedWithin: 6,
});

function relay(request: Buffer) {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = (each) => client.forward(each);
  server.codec.receive(Buffer.from(request));
  return { server, client, call: server.lastCall, sent: client.connection.take() };
}

test('all 64 bits of the id come back as they were', () => {
  for (const id of [-1n, -(2n ** 63n), 2n ** 63n - 1n, 0n, 2n ** 53n + 1n, 2n ** 32n]) {
    const { server, client, sent } = relay(call(id));
    assert.deepEqual(sent, call(1n));
    client.codec.receive(answer(0x1_0000_0001n));
    assert.equal(client.unsolicited, 1, 'a reply whose id differs in the upper half reaches nobody');
    client.codec.receive(answer(1n));
    assert.deepEqual(server.connection.take(), answer(id));
  }
});

test('edits change service, path and method, and both lengths follow', () => {
  const cases: readonly (readonly [before: DubboThriftSample, after: DubboThriftSample])[] = [
    [{}, { service: 'u.Other', method: 'twice' }],
    [{ path: 't.Api' }, { service: 'u.Other', path: 'u.Other', method: 'twice' }],
    [{ path: 'another' }, { service: 'u.Other', path: 'another', method: 'twice' }],
  ];
  for (const [before, after] of cases) {
    const server = new ScriptedServer(protocol);
    const client = new ScriptedClient(protocol);
    server.codec.receive(call(3, before));
    const { head } = server.lastCall;
    head.authority = 'u.Other';
    head.path = '/twice';
    head.body = textStruct('new');
    client.forward(server.lastCall);
    assert.deepEqual(client.connection.take(), call(1, { ...after, struct: textStruct('new') }));
  }
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.codec.receive(call(3));
  server.lastCall.head.authority = 'x'.repeat(0x1_0000);
  client.forward(server.lastCall);
  assert.equal(server.lastCall.responseReset, 'overflow');
});

test('the status of a response can become a failure', () => {
  const { server, client, call: relayed } = relay(call(3, { path: 't.Api' }));
  relayed.relays = false;
  client.codec.receive(answer(1, { path: 't.Api' }));
  relayed.response!.status = 504;
  relayed.stream.sendHead(relayed.response!, true);
  const struct = exception(6, '504|status was replaced');
  assert.deepEqual(server.connection.take(), answer(3, { path: 't.Api', type: 3, struct }));
});

test('a reply that cannot be read reaches the one who waits for it, as a failure', () => {
  const { server, client, call: relayed } = relay(call(3));
  client.codec.receive(answer(1, { type: 9 }));
  assert.deepEqual([relayed.response!.status, relayed.response!.applicationError], [500, false]);
  assert.deepEqual(server.connection.take(), answer(3, { type: 9 }));
  const edited = relay(call(3));
  edited.call.relays = false;
  edited.client.codec.receive(answer(1, { type: 9 }));
  edited.call.response!.status = 503;
  edited.call.stream.sendHead(edited.call.response!, true);
  const struct = exception(0, '503|status was replaced');
  assert.deepEqual(edited.server.connection.take(), answer(3, { type: 3, method: '', sequence: 0, struct }));
});

test('a server that calls its client is told so', () => {
  const client = new ScriptedClient(protocol);
  client.codec.receive(call(12n));
  const reply = client.connection.take();
  assert.equal(idOf(reply), 12n);
  assert.equal(client.faults[0]?.code, 'unexpected_request');
});

test('limits hold to the octet', () => {
  const frame = call(1);
  for (const [frameBytesMax, code] of [
    [frame.length, undefined],
    [frame.length - 1, 'frame_too_large'],
  ] as const) {
    const server = new ScriptedServer(protocol, undefined, { frameBytesMax });
    server.codec.receive(Buffer.from(frame));
    assert.equal(server.faults[0]?.code, code);
  }
});
