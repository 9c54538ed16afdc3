import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponseFlag } from '@sofamesh/contract/message';
import { type ProtocolFixtures, protocolSuite } from '@sofamesh/testkit/protocol-suite/index';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { frameProtocolCases } from '../shared/frame-protocol-cases.test.ts';
import { protocol } from './example.ts';
import { exampleFrame } from './sample-frames.test.ts';

const idOf = (frame: Buffer) => Number(frame.readBigUInt64BE(8));

const fixtures: ProtocolFixtures = {
  messages: 'whole',
  exchanges: [
    {
      name: 'a call',
      request: (id) => exampleFrame({ id, payload: 'question' }),
      response: (id) => exampleFrame({ type: 1, id, payload: 'answer' }),
      expectRequest: {
        method: 'POST',
        authority: '7',
        path: '/',
        scheme: 'example',
        protocol: 'example',
        oneWay: false,
        timeoutMs: 0,
        body: Buffer.from('question'),
      },
      expectResponse: {
        status: 200,
        nativeStatus: 0,
        applicationError: false,
        protocol: 'example',
        body: Buffer.from('answer'),
      },
    },
    {
      name: 'a busy server, and nothing to say',
      request: (id) => exampleFrame({ id, service: 255 }),
      response: (id) => exampleFrame({ type: 1, id, status: 3, service: 255 }),
      expectRequest: { authority: '255', body: Buffer.alloc(0) },
      expectResponse: { status: 503, nativeStatus: 3, body: Buffer.alloc(0) },
    },
    {
      name: 'a status that nobody knows',
      request: (id) => exampleFrame({ id }),
      response: (id) => exampleFrame({ type: 1, id, status: 77 }),
      expectRequest: {},
      expectResponse: { status: 500, nativeStatus: 77 },
    },
  ],
  idOf,
  oneWay: {
    name: 'a one-way call',
    request: (id) => exampleFrame({ type: 2, id, payload: 'note' }),
    expectRequest: { oneWay: true, body: Buffer.from('note') },
  },
  heartbeat: {
    request: (id) => exampleFrame({ type: 3, service: 0, id }),
    response: (id) => exampleFrame({ type: 3, status: 1, service: 0, id }),
  },
  localReplies: [
    {
      reply: { status: 404, body: 'no route', details: 'route_not_found', flags: ResponseFlag.noRouteFound },
      expectResponse: { nativeStatus: 2, status: 404, body: Buffer.from('no route') },
    },
    {
      reply: { status: 503, body: 'nobody', details: 'no_healthy_upstream', flags: ResponseFlag.noHealthyUpstream },
      expectResponse: { nativeStatus: 2 },
    },
    {
      reply: { status: 503, body: 'late', details: 'response_timeout', flags: ResponseFlag.upstreamRequestTimeout },
      expectResponse: { nativeStatus: 4, status: 504 },
    },
    {
      reply: { status: 503, body: 'full', details: 'overflow', flags: ResponseFlag.upstreamOverflow },
      expectResponse: { nativeStatus: 3, status: 503 },
    },
    { reply: { status: 200, body: '', details: 'direct', flags: 0 }, expectResponse: { nativeStatus: 1 } },
  ],
  refused: [
    {
      name: 'another protocol',
      side: 'server',
      bytes: () => Buffer.from('GET / HTTP/1.1\r\n'),
      code: 'bad_magic',
    },
    {
      name: 'a payload of 4 GiB',
      side: 'server',
      bytes: () => Buffer.from('e1000007ffffffff0000000000000001', 'hex'),
      code: 'frame_too_large',
    },
    {
      name: 'an unknown type',
      side: 'server',
      bytes: (id) => exampleFrame({ type: 9, id }),
      code: 'bad_call',
      scope: 'message',
      answer: { nativeStatus: 5, status: 400 },
    },
    {
      name: 'another protocol',
      side: 'client',
      bytes: () => Buffer.from('HTTP/1.1 200 OK'),
      code: 'bad_magic',
    },
  ],
  edits: { headers: false, authority: '9' },
  notMine: [Buffer.from('GET /'), Buffer.from('e104', 'hex'), Buffer.from('160301', 'hex'), Buffer.from([1, 1])],
};

protocolSuite(protocol, fixtures);

frameProtocolCases(protocol, {
  request: (id, token) => exampleFrame({ id: id.readBigUInt64BE(), payload: token }),
  response: (id, token) => exampleFrame({ type: 1, id: id.readBigUInt64BE(), payload: token }),
  idAt: 8,
  idBytes: 8,
  tokenOf: (frame) => frame.toString('utf8', 16, 16 + frame.readUInt32BE(4)),
  lengthOf: (bytes) => 16 + bytes.readUInt32BE(4),
});

test('ids of 64 bits come back as they were, and an answer to one that was never given reaches nobody', () => {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = (call) => client.forward(call);
  const ids = [0xffff_ffff_ffff_ffffn, 0x1_0000_0001n, 1n];
  for (const id of ids) server.codec.receive(exampleFrame({ id, payload: 'x' }));
  assert.equal(client.connection.take().toString('hex', 8, 16), '0000000000000001');
  client.codec.receive(exampleFrame({ type: 1, id: 0x1_0000_0001n }));
  assert.equal(client.unsolicited, 1);
  for (const id of [3, 1, 2]) client.codec.receive(exampleFrame({ type: 1, id, payload: `${id}` }));
  const expected = [2, 0, 1].map((at) => exampleFrame({ type: 1, id: ids[at]!, payload: `${at + 1}` }));
  assert.deepEqual(server.connection.take(), Buffer.concat(expected));
  server.codec.receive(exampleFrame({ id: ids[0]! }));
  server.lastCall.stream.sendReply({ status: 503, body: '', details: '', flags: 0 });
  assert.deepEqual(server.connection.take(), exampleFrame({ type: 1, status: 3, id: ids[0]! }));
});

test('service, payload and status can be changed; what has no place in the frame cannot', () => {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.codec.receive(exampleFrame({ id: 5, payload: 'old' }));
  const call = server.lastCall;
  call.head.authority = '8';
  call.head.body = Buffer.from('longer than before');
  client.forward(call);
  assert.deepEqual(client.connection.take(), exampleFrame({ id: 1, service: 8, payload: 'longer than before' }));
  call.relays = false;
  client.codec.receive(exampleFrame({ type: 1, service: 8, id: 1 }));
  call.response!.status = 503;
  call.stream.sendHead(call.response!, true);
  assert.deepEqual(server.connection.take(), exampleFrame({ type: 1, status: 3, service: 8, id: 5 }));
  for (const edit of [{ authority: '256' }, { authority: 'seven' }, { path: '/method' }]) {
    server.codec.receive(exampleFrame({ id: 6 }));
    Object.assign(server.lastCall.head, edit);
    client.forward(server.lastCall);
    assert.equal(server.lastCall.responseReset, 'overflow');
    assert.equal(client.connection.take().length, 0);
  }
});
