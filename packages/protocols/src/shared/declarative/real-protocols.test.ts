import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponseFlag } from '@sofamesh/contract/message';
import { type ProtocolFixtures, protocolSuite } from '@sofamesh/testkit/protocol-suite/index';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { boltFrame, callHeaders, headerBlock, realFrames, requestClass } from '../../bolt/sample-frames.test.ts';
import { dubboFrame, realFrames as dubboFrames } from '../../dubbo/sample-frames.test.ts';
import { frameProtocol } from '../frame-protocol.ts';
import { declarativeFormat } from './declarative-format.ts';
import { boltSpec, dubboSpec } from './sample-specs.test.ts';

// Protocols that have codecs of their own, by their specs and with frames that real peers sent.

const protocolOf = (spec: unknown) => frameProtocol(declarativeFormat(spec, 'codec'));
const hex = (text: string) => Buffer.from(text, 'hex');
const noRoute = { status: 404, body: 'no route', details: 'route_not_found', flags: ResponseFlag.noRouteFound };
const late = { status: 504, body: 'late', details: 'x', flags: ResponseFlag.upstreamRequestTimeout };
const notOurs = [
  { name: 'another protocol', side: 'server', bytes: () => Buffer.from('GET / HTTP/1.1\r\n'), code: 'bad_magic' },
  { name: 'another protocol', side: 'client', bytes: () => Buffer.from('HTTP/1.1 200 OK'), code: 'bad_magic' },
] as const;

// ── bolt v1 ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const bolt = protocolOf(boltSpec);
const withId = (frame: string, id: number) => {
  const bytes = hex(frame);
  bytes.writeUInt32BE(id, 5);
  return bytes;
};
const boltFixtures: ProtocolFixtures = {
  messages: 'whole',
  exchanges: [
    {
      name: 'a SOFARPC call',
      request: (id) =>
        boltFrame({ id, className: requestClass, headers: callHeaders, content: 'arguments', timeoutMs: 500 }),
      response: (id) => boltFrame({ type: 0, id, content: 'value' }),
      expectRequest: {
        authority: 'com.example.UserService',
        path: '/getUser',
        timeoutMs: 500,
        oneWay: false,
        headers: { 'rpc_trace_context.sofatraceid': '0a0fe8ec' },
        body: Buffer.from('arguments'),
      },
      expectResponse: { status: 200, nativeStatus: 0, applicationError: false, body: Buffer.from('value') },
    },
    {
      name: 'a frame that sofa-bolt sent',
      request: (id) => withId(realFrames.v1Request, id),
      response: (id) => withId(realFrames.v1Response, id),
      expectRequest: { authority: '', path: '/', timeoutMs: 3000, body: hex('0568656c6c6f') },
      expectResponse: { status: 200 },
    },
    {
      name: 'an exception of the application',
      request: (id) => boltFrame({ id }),
      response: (id) => boltFrame({ type: 0, id, headers: [['sofa_head_response_error', 'true']], status: 1 }),
      expectRequest: {},
      expectResponse: { status: 500, nativeStatus: 1, applicationError: true },
    },
  ],
  idOf: (message) => message.readUInt32BE(5),
  oneWay: {
    name: 'a one-way call',
    request: (id) => boltFrame({ type: 2, id, headers: callHeaders, timeoutMs: -1 }),
    expectRequest: { oneWay: true, timeoutMs: 0, authority: 'com.example.UserService' },
  },
  heartbeat: {
    request: (id) => withId(realFrames.v1Heartbeat, id),
    response: (id) => withId(realFrames.v1HeartbeatReply, id),
  },
  goAway: {
    fromServer: () => boltFrame({ command: 100, id: 0 }),
    expectNotice: hex('01010064010000000001000000000000000000000000'),
  },
  localReplies: [
    { reply: noRoute, expectResponse: { nativeStatus: 6, status: 500 } },
    { reply: late, expectResponse: { nativeStatus: 7, status: 504 } },
  ],
  refused: [
    ...notOurs,
    {
      name: 'a header block that is cut',
      side: 'server',
      bytes: (id) => boltFrame({ id, headerBlock: headerBlock([['service', 'x']]).subarray(0, 14) }),
      code: 'bad_call',
      scope: 'message',
      answer: { nativeStatus: 9 },
    },
    {
      name: 'a block of more headers than the limit',
      side: 'server',
      bytes: (id) => boltFrame({ id, headers: Array.from({ length: 101 }, (_, at) => [`h${at}`, '']) }),
      code: 'bad_call',
      scope: 'message',
    },
    {
      name: 'a header block above the limit',
      side: 'server',
      bytes: () => hex('01010001010000000101000000000000ffff00000000'),
      code: 'head_too_large',
    },
  ],
  notMine: [Buffer.from('GET / HTTP/1.1'), hex('dabbc200')],
};
protocolSuite(bolt, boltFixtures);

test('bolt by its spec: edited headers change their own entries and nothing else', () => {
  const headers: [string | null, string | null][] = [
    ['Service', 'com.example.A:1.0'],
    ['nothing', null],
    ['X-Keep', 'Ünïcode'],
    ['Tenant', 'a'],
    ['tenant', 'b'],
    ['drop', '1'],
    ['', 'empty'],
  ];
  const request = (changed: typeof headers) =>
    boltFrame({ className: requestClass, headers: changed, content: 'body' });
  const server = new ScriptedServer(bolt);
  const client = new ScriptedClient(bolt);
  server.codec.receive(request(headers));
  const { head } = server.lastCall;
  head.set('tenant', 'c');
  head.remove('drop');
  head.add('x-keep', 'more');
  head.add('x-new', '1');
  head.add('x-new', '2');
  head.authority = 'com.example.B';
  head.path = '/find';
  client.forward(server.lastCall);
  const expected: typeof headers = [
    ['Service', 'com.example.B:1.0'],
    ['nothing', null],
    ['X-Keep', 'Ünïcode,more'],
    ['Tenant', 'c'],
    ['', 'empty'],
    ['x-new', '1,2'],
    ['sofa_head_method_name', 'find'],
  ];
  assert.deepEqual(client.connection.take(), request(expected));
  server.codec.receive(request(headers));
  server.lastCall.head.set('x-long', 'x'.repeat(70_000));
  client.forward(server.lastCall);
  assert.equal(server.lastCall.responseReset, 'overflow');
});

// ── dubbo's head ─────────────────────────────────────────────────────────────────────────────────────────────────────

const dubbo = protocolOf(dubboSpec);
const dubboId = (frame: string, id: number) => {
  const bytes = hex(frame);
  bytes.writeBigUInt64BE(BigInt(id), 4);
  return bytes;
};
protocolSuite(dubbo, {
  messages: 'whole',
  exchanges: [
    {
      name: 'a call of Dubbo 3.3',
      request: (id) => dubboId(dubboFrames.request, id),
      response: (id) => dubboId(dubboFrames.response, id),
      expectRequest: { authority: '', path: '/', oneWay: false },
      expectResponse: { status: 200, nativeStatus: 20 },
    },
    {
      name: 'no such service',
      request: (id) => dubboId(dubboFrames.request, id),
      response: (id) => dubboFrame({ id: BigInt(id), flag: 2, status: 60, body: hex('0178') }),
      expectRequest: {},
      expectResponse: { status: 404, nativeStatus: 60, body: hex('0178') },
    },
  ],
  idOf: (message) => Number(message.readBigUInt64BE(4)),
  oneWay: {
    name: 'a one-way call',
    request: (id) => dubboFrame({ id: BigInt(id), flag: 0x82, body: hex('00') }),
    expectRequest: { oneWay: true },
  },
  heartbeat: {
    request: (id) => dubboId(dubboFrames.heartbeat, id),
    response: (id) => dubboId(dubboFrames.heartbeatReply, id),
  },
  localReplies: [
    { reply: noRoute, expectResponse: { nativeStatus: 60, status: 404, body: hex('0670726f787921') } },
    { reply: late, expectResponse: { nativeStatus: 30, status: 504 } },
  ],
  refused: [...notOurs],
  edits: { headers: false },
  notMine: [Buffer.from('GET /'), hex('dabc')],
});
