import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponseFlag } from '@sofamesh/contract/message';
import { type ProtocolFixtures, protocolSuite } from '@sofamesh/testkit/protocol-suite/index';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { frameProtocolCases } from '../shared/frame-protocol-cases.test.ts';
import { Hessian2DraftReader } from '../shared/hessian2/draft-reader.ts';
import { HessianObject } from '../shared/hessian2/value.ts';
import { protocol } from './bolt.ts';
import { hasChecksum } from './frame.ts';
import { boltFrame, callHeaders, headerBlock, realFrames, requestClass, responseClass } from './sample-frames.test.ts';

const hex = (text: string) => Buffer.from(text, 'hex');
const withId = (bytes: Buffer, id: number) => {
  bytes.writeUInt32BE(id, bytes[0] === 2 ? 6 : 5);
  return bytes;
};

/** Status and text of an answer of the proxy's own; under another id there is none. */
function failureIn(frame: Buffer, id: number): unknown[] {
  const client = new ScriptedClient(protocol);
  const caller = new ScriptedServer(protocol);
  caller.onCall = (call) => client.forward(call);
  for (let at = 0; at < id; at++) caller.codec.receive(call(at));
  client.codec.receive(frame);
  const { nativeStatus, body } = caller.calls[id - 1]!.response!;
  const thrown = new Hessian2DraftReader(body!).read();
  assert.ok(thrown instanceof HessianObject);
  assert.equal(thrown.className, 'com.alipay.remoting.rpc.exception.RpcServerException');
  return [nativeStatus, thrown.get('detailMessage')];
}

const call = (id: number) =>
  boltFrame({ id, className: requestClass, headers: callHeaders, content: 'arguments', timeoutMs: 500 });
const answer = (id: number) => boltFrame({ type: 0, id, className: responseClass, content: 'value' });
const goAway = hex('01010064010000000001000000000000000000000000').subarray(0, 22);

const fixtures: ProtocolFixtures = {
  messages: 'whole',
  settings: { goAwayFrame: true },
  exchanges: [
    {
      name: 'a SOFARPC call',
      request: call,
      response: answer,
      expectRequest: {
        method: 'POST',
        authority: 'com.example.UserService',
        path: '/getUser',
        scheme: 'bolt',
        protocol: 'bolt',
        oneWay: false,
        timeoutMs: 500,
        headers: { version: '1.0', group: 'blue', type: 'sync', 'rpc_trace_context.sofatraceid': '0a0fe8ec' },
        body: Buffer.from('arguments'),
      },
      expectResponse: {
        status: 200,
        nativeStatus: 0,
        applicationError: false,
        protocol: 'bolt',
        body: Buffer.from('value'),
      },
    },
    {
      name: 'raw bolt without headers',
      request: (id) => withId(hex(realFrames.v1Request), id),
      response: (id) => withId(hex(realFrames.v1Response), id),
      expectRequest: { authority: '', path: '/', timeoutMs: 3000, body: hex('0568656c6c6f') },
      expectResponse: { status: 200, body: hex('0568656c6c6f') },
    },
    {
      name: 'version 2 with checksum',
      request: (id) => boltFrame({ version: 2, flags: 1, id, headers: callHeaders, content: 'x' }),
      response: (id) => boltFrame({ version: 2, flags: 1, type: 0, id, content: 'y' }),
      expectRequest: { authority: 'com.example.UserService', path: '/getUser', body: Buffer.from('x') },
      expectResponse: { status: 200, body: Buffer.from('y') },
    },
    {
      name: 'an exception of the application',
      request: call,
      response: (id) => boltFrame({ type: 0, id, headers: [['sofa_head_response_error', 'true']], content: 'thrown' }),
      expectRequest: {},
      expectResponse: { status: 200, nativeStatus: 0, applicationError: true },
    },
    {
      name: 'a busy server',
      request: call,
      response: (id) => boltFrame({ type: 0, id, status: 4 }),
      expectRequest: {},
      expectResponse: { status: 503, nativeStatus: 4, applicationError: false },
    },
  ],
  idOf: (message) => message.readUInt32BE(message[0] === 2 ? 6 : 5),
  oneWay: {
    name: 'a one-way call',
    request: (id) => boltFrame({ type: 2, id, headers: callHeaders, timeoutMs: -1 }),
    expectRequest: { oneWay: true, timeoutMs: 0, authority: 'com.example.UserService' },
  },
  heartbeat: {
    request: (id) => withId(hex(realFrames.v1Heartbeat), id),
    response: (id) => withId(hex(realFrames.v1HeartbeatReply), id),
  },
  goAway: { fromServer: () => Buffer.from(goAway), expectNotice: goAway },
  localReplies: [
    {
      reply: { status: 404, body: 'no route', details: 'route_not_found', flags: ResponseFlag.noRouteFound },
      expectResponse: { nativeStatus: 6, status: 500 },
    },
    {
      reply: { status: 503, body: 'nobody', details: 'no_healthy_upstream', flags: ResponseFlag.noHealthyUpstream },
      expectResponse: { nativeStatus: 6 },
    },
    {
      reply: { status: 503, body: 'overflow', details: 'overflow', flags: ResponseFlag.upstreamOverflow },
      expectResponse: { nativeStatus: 4, status: 503 },
    },
    {
      reply: { status: 504, body: 'late', details: 'response_timeout', flags: ResponseFlag.upstreamRequestTimeout },
      expectResponse: { nativeStatus: 7, status: 504 },
    },
    {
      reply: { status: 503, body: 'lost', details: 'reset', flags: ResponseFlag.upstreamConnectionTermination },
      expectResponse: { nativeStatus: 16, status: 502 },
    },
    { reply: { status: 200, body: '', details: 'direct', flags: 0 }, expectResponse: { nativeStatus: 3 } },
  ],
  refused: [
    {
      name: 'another protocol',
      side: 'server',
      bytes: () => Buffer.from('GET / HTTP/1.1\r\n'),
      code: 'bad_magic',
      scope: 'connection',
    },
    { name: 'an unknown type', side: 'server', bytes: () => hex('0103'), code: 'bad_frame_type', scope: 'connection' },
    { name: 'an unknown version', side: 'server', bytes: () => hex('0203'), code: 'bad_version', scope: 'connection' },
    {
      name: 'a content of 4 GiB',
      side: 'server',
      bytes: () => hex('01010001010000000101000000000000' + '0000ffffffff'),
      code: 'frame_too_large',
      scope: 'connection',
    },
    {
      name: 'a header block above the limit',
      side: 'server',
      bytes: () => hex('01010001010000000101000000000000' + 'ffff00000000'),
      code: 'head_too_large',
      scope: 'connection',
    },
    {
      name: 'a header block that is cut',
      side: 'server',
      bytes: (id) => boltFrame({ id, headerBlock: headerBlock([['service', 'x']]).subarray(0, 14) }),
      code: 'bad_header_block',
      scope: 'message',
      answer: { nativeStatus: 9 },
    },
    {
      name: 'a wrong checksum',
      side: 'client',
      bytes: (id) => {
        const frame = boltFrame({ version: 2, flags: 1, type: 0, id, content: 'y' });
        frame[frame.length - 1]! ^= 1;
        return frame;
      },
      code: 'bad_checksum',
      scope: 'connection',
    },
    {
      name: 'another protocol',
      side: 'client',
      bytes: () => Buffer.from('HTTP/1.1 200 OK'),
      code: 'bad_magic',
      scope: 'connection',
    },
  ],
  notMine: [Buffer.from('GET / HTTP/1.1'), hex('dabbc200'), hex('160301'), hex('00000020'), hex('0000')],
};

protocolSuite(protocol, fixtures);

frameProtocolCases(protocol, {
  request: (id, token) =>
    boltFrame({ id: id.readUInt32BE(), className: requestClass, headers: callHeaders, content: token }),
  response: (id, token) => boltFrame({ type: 0, id: id.readUInt32BE(), className: responseClass, content: token }),
  idAt: 5,
  idBytes: 4,
  tokenOf: (frame) => {
    const at = frame[1] === 0 ? 12 : 14;
    const start = at + 8 + frame.readUInt16BE(at) + frame.readUInt16BE(at + 2);
    return frame.toString('utf8', start, start + frame.readUInt32BE(at + 4));
  },
  lengthOf: (bytes) => {
    const at = bytes[1] === 0 ? 12 : 14;
    return at + 8 + bytes.readUInt16BE(at) + bytes.readUInt16BE(at + 2) + bytes.readUInt32BE(at + 4);
  },
});

/** A proxy of one call: what reaches the server, what reaches the client. */
function exchange(request: Buffer, response: (id: number) => Buffer) {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = (each) => client.forward(each);
  server.codec.receive(Buffer.from(request));
  const sent = client.connection.take();
  client.codec.receive(response(sent.readUInt32BE(sent[0] === 2 ? 6 : 5)));
  assert.deepEqual([...server.faults, ...client.faults], []);
  return { sent, back: server.connection.take() };
}

test('frames of sofa-bolt pass both ways with only their ids changed, and the checksum that covers them', () => {
  const v1 = exchange(withId(hex(realFrames.v1Request), 0xfedc_ba98), (id) => withId(hex(realFrames.v1Response), id));
  assert.equal(v1.sent.toString('hex'), realFrames.v1Request);
  assert.deepEqual(v1.back, withId(hex(realFrames.v1Response), 0xfedc_ba98));
  // The real v2 frames have id 1, which is also the first that the proxy gives: their checksums must come out again.
  const v2 = exchange(hex(realFrames.v2Request), () => hex(realFrames.v2Response));
  assert.equal(v2.sent.toString('hex'), realFrames.v2Request);
  assert.equal(v2.back.toString('hex'), realFrames.v2Response);
  const other = boltFrame({ version: 2, flags: 1, id: 77, headers: callHeaders, content: 'z' });
  const again = exchange(other, (id) => boltFrame({ version: 2, flags: 1, type: 0, id, content: 'z' }));
  assert.deepEqual(again.sent, boltFrame({ version: 2, flags: 1, id: 1, headers: callHeaders, content: 'z' }));
  assert.deepEqual(again.back, boltFrame({ version: 2, flags: 1, type: 0, id: 77, content: 'z' }));
});

test('the switch of version 1 of the second protocol means no checksum', () => {
  const request = boltFrame({ version: 2, ver1: 1, flags: 1, id: 5, content: 'x' });
  const { sent } = exchange(request, (id) => boltFrame({ version: 2, ver1: 1, flags: 1, type: 0, id }));
  assert.equal(sent.length, request.length);
});

test('heartbeats are answered in the version they came in', () => {
  const server = new ScriptedServer(protocol);
  server.codec.receive(Buffer.concat([hex(realFrames.v1Heartbeat), hex(realFrames.v2Heartbeat)]));
  assert.equal(server.connection.take().toString('hex'), realFrames.v1HeartbeatReply + realFrames.v2HeartbeatReply);
  assert.equal(server.heartbeats, 2);
  assert.equal(server.calls.length, 0);
  const client = new ScriptedClient(protocol);
  assert.ok(client.codec.sendHeartbeat());
  assert.deepEqual(client.connection.take(), withId(hex(realFrames.v1Heartbeat), 1));
  client.codec.receive(withId(hex(realFrames.v1HeartbeatReply), 1));
  assert.equal(client.heartbeatReplies, 1);
  client.codec.receive(hex(realFrames.v1HeartbeatReply));
  assert.equal(client.unsolicited, 1);
});

test('draining sends GOAWAY only where it was asked for', () => {
  const silent = new ScriptedServer(protocol);
  silent.codec.goAway();
  assert.equal(silent.connection.take().length, 0);
  assert.equal(silent.drained, 1);
  const loud = new ScriptedServer(protocol, { goAwayFrame: true });
  loud.codec.receive(boltFrame({ version: 2, flags: 1, id: 5 }));
  loud.codec.goAway();
  assert.equal(loud.connection.take().toString('hex'), '020201006401000000000100000000000000000000000000');
  assert.equal(loud.drained, 0);
  assert.throws(() => new ScriptedServer(protocol, { goAwayFrame: 'yes' }), { code: 'bad_settings' });
});

test('GOAWAY of a server ends new calls and leaves the others', () => {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = (each) => client.forward(each);
  server.codec.receive(call(3));
  client.codec.receive(Buffer.from(goAway));
  assert.equal(client.availabilityChanges, 1);
  assert.equal(client.codec.available, 0);
  assert.equal(client.codec.activeStreams, 1);
  client.codec.receive(answer(client.connection.take().readUInt32BE(5)));
  assert.deepEqual(server.connection.take(), answer(3));
  // A client that goes away needs nothing.
  server.codec.receive(Buffer.from(goAway));
  assert.deepEqual(server.faults, []);
});

test('a server that calls its client is told that nobody is there', () => {
  const client = new ScriptedClient(protocol);
  client.codec.receive(call(12));
  assert.deepEqual(client.connection.take(), boltFrame({ type: 0, id: 12, status: 6 }));
  assert.equal(client.faults[0]?.code, 'unexpected_request');
  assert.equal(client.faults[0]?.scope, 'message');
  const server = new ScriptedServer(protocol);
  server.codec.receive(answer(12));
  assert.equal(server.faults[0]?.code, 'unexpected_response');
  assert.equal(server.connection.closed, undefined);
});

test('a one-way call leaves nothing behind', () => {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.codec.receive(hex(realFrames.v1OneWay));
  const [each] = server.calls;
  assert.equal(server.codec.activeStreams, 0);
  // The client leaves at once; its call is carried out all the same.
  server.codec.connectionClosed({ kind: 'closed', reason: '' });
  assert.equal(each!.requestReset, undefined);
  client.forward(each!);
  assert.deepEqual(client.connection.take(), hex(realFrames.v1OneWay));
  assert.equal(client.codec.activeStreams, 0);
  assert.equal(client.streamEnds, 1);
  each!.stream.sendReply({ status: 503, body: '', details: '', flags: 0 });
  assert.equal(server.connection.take().length, 0);
  client.codec.receive(answer(1));
  assert.equal(client.unsolicited, 1);
});

test('edited headers change their own entries and nothing else', () => {
  const headers: [string | null, string | null][] = [
    ['Service', 'com.example.A:1.0'],
    ['nothing', null],
    ['X-Keep', 'Ünïcode'],
    ['Tenant', 'a'],
    ['tenant', 'b'],
    ['drop', '1'],
    [null, 'x'],
    ['', 'empty'],
  ];
  const request = (changed: typeof headers) =>
    boltFrame({ className: requestClass, headers: changed, content: 'body' });
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.codec.receive(request(headers));
  const { head } = server.calls[0]!;
  assert.equal(head.get('tenant'), 'a,b');
  assert.deepEqual(head.getAll('tenant'), ['a', 'b']);
  assert.equal(head.get('nothing'), undefined);
  head.set('tenant', 'c');
  head.remove('drop');
  head.remove('not-there');
  head.add('x-keep', 'more');
  head.add('x-new', '1');
  head.add('x-new', '2');
  assert.equal(head.get('tenant'), 'c');
  assert.equal(head.get('drop'), undefined);
  assert.equal(head.get('x-keep'), 'Ünïcode,more');
  const seen: string[] = [];
  head.visit((name, value) => seen.push(`${name}=${value}`));
  assert.deepEqual(seen.sort(), [
    '=empty',
    'service=com.example.A:1.0',
    'tenant=c',
    'version=1.0',
    'x-keep=more',
    'x-keep=Ünïcode',
    'x-new=1',
    'x-new=2',
  ]);
  client.forward(server.calls[0]!);
  assert.deepEqual(
    client.connection.take(),
    request([
      ['Service', 'com.example.A:1.0'],
      ['nothing', null],
      ['X-Keep', 'Ünïcode,more'],
      ['Tenant', 'c'],
      [null, 'x'],
      ['', 'empty'],
      ['x-new', '1,2'],
    ]),
  );
});

test('authority, path, body and status are changed in the frame', () => {
  for (const version of [1, 2] as const) {
    const frame = { version, flags: version - 1, headers: callHeaders, content: 'old' };
    const server = new ScriptedServer(protocol);
    const client = new ScriptedClient(protocol);
    server.codec.receive(boltFrame(frame));
    const { head } = server.calls[0]!;
    head.authority = 'com.other.Users';
    head.path = '/find';
    head.body = Buffer.from('a new body');
    assert.equal(head.authority, 'com.other.Users');
    assert.equal(head.path, '/find');
    assert.equal(head.get('version'), '1.0');
    assert.equal(head.get('service'), 'com.other.Users:1.0:blue');
    client.forward(server.calls[0]!);
    const headers = callHeaders.map(([key, value]): [string, string] => {
      if (key === 'sofa_head_method_name') return [key, 'find'];
      return [key, value.replace('com.example.UserService', 'com.other.Users')];
    });
    assert.deepEqual(client.connection.take(), boltFrame({ ...frame, headers, content: 'a new body' }));
    server.onCall = () => {};
    client.codec.receive(boltFrame({ version, flags: version - 1, type: 0, id: 1, content: 'value' }));
    const response = server.calls[0]!.response!;
    server.connection.take();
    server.codec.receive(boltFrame({ ...frame, id: 9 }));
    response.status = 504;
    assert.equal(response.nativeStatus, 7);
    server.calls[1]!.stream.sendHead(response, true);
    const expected = { version, flags: version - 1, type: 0, id: 9, status: 7, content: 'value' };
    assert.deepEqual(server.connection.take(), boltFrame(expected));
  }
});

test('what does not name a service or method has none', () => {
  const server = new ScriptedServer(protocol);
  const heads = [
    [['service', 'com.example.A']],
    [['service', 'com.example.A:2.0']],
    [
      ['service', ':'],
      ['sofa_head_target_service', 'B:1'],
    ],
    [
      ['service', null],
      ['sofa_head_method_name', 'm'],
    ],
    [],
  ] as [string, string | null][][];
  for (const headers of heads) server.codec.receive(boltFrame({ headers }));
  assert.deepEqual(
    server.calls.map(({ head }) => [head.authority, head.path, head.get('version'), head.get('group')]),
    [
      ['com.example.A', '/', undefined, undefined],
      ['com.example.A', '/', '2.0', undefined],
      ['B', '/', '1', undefined],
      ['', '/m', undefined, undefined],
      ['', '/', undefined, undefined],
    ],
  );
});

test('a header is found whatever its length, and one of another length is not taken for it', () => {
  const server = new ScriptedServer(protocol);
  const long = 'x'.repeat(44);
  server.codec.receive(
    boltFrame({
      headers: [
        [long, 'long'],
        ['', 'empty'],
        ['Grüße', 'hidden'],
      ],
    }),
  );
  const { head } = server.calls[0]!;
  assert.deepEqual(
    [long, 'x'.repeat(12), 'x'.repeat(32), '', 'y'].map((name) => head.get(name)),
    ['long', undefined, undefined, 'empty', undefined],
  );
  head.set('y', '1');
  assert.deepEqual([head.get('y'), head.get(long), head.authority, head.path], ['1', 'long', '', '/']);
});

test('broken header blocks cost one call', () => {
  const word = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const good = headerBlock([['service', 'A']]);
  const broken = [
    Buffer.concat([good, Buffer.alloc(3)]),
    Buffer.concat([good, word(0x7fff_ffff), Buffer.alloc(8)]),
    Buffer.concat([good, word(0xffff_fffe), Buffer.alloc(8)]),
    Buffer.concat([word(1), Buffer.from('k'), word(2), Buffer.from('v')]),
    headerBlock(Array.from({ length: 101 }, (_, at) => [`k${at}`, 'v'] as const)),
  ];
  for (const block of broken) {
    const server = new ScriptedServer(protocol);
    server.codec.receive(
      Buffer.concat([boltFrame({ id: 7, headerBlock: block }), boltFrame({ type: 2, headerBlock: block }), call(8)]),
    );
    assert.equal(server.calls.length, 1);
    assert.equal(server.faults.length, 2);
    assert.deepEqual(failureIn(server.connection.take(), 7), [9, '400|the header block of a call is broken']);
    assert.equal(server.connection.closed, undefined);
  }
});

test('answers of the proxy have their reason in hessian2, in every version', () => {
  const reply = { status: 503, body: 'no healthy upstream', details: '', flags: ResponseFlag.noHealthyUpstream };
  const answered = (request: Buffer, body = reply.body) => {
    const server = new ScriptedServer(protocol);
    server.onCall = (each) => each.stream.sendReply({ ...reply, body });
    server.codec.receive(request);
    assert.equal(server.calls.length, 1);
    return server.connection.take();
  };
  const versions = [{}, { version: 2, ver1: 1 }, { version: 2 }, { version: 2, flags: 1 }] as const;
  for (const version of versions) {
    const frame = answered(boltFrame({ ...version, id: 2, headers: callHeaders }));
    assert.equal(hasChecksum(frame), 'flags' in version);
    assert.deepEqual(failureIn(frame, 2), [6, '503|no healthy upstream']);
  }
  assert.equal(failureIn(answered(boltFrame({ id: 1 }), 'é'.repeat(5000)), 1)[1], `503|${'é'.repeat(1020)}`);
  for (const codec of [0, 11, 12])
    assert.deepEqual(answered(boltFrame({ id: 2, codec })), boltFrame({ type: 0, id: 2, status: 6, codec }));
  assert.equal(answered(boltFrame({ type: 2, headers: callHeaders })).length, 0);
});

test('limits hold to the byte, and lengths are refused before anything is kept', () => {
  const limits = { frameBytesMax: 1000, headBytesMax: 200 };
  const seen = (frame: Buffer) => {
    const server = new ScriptedServer(protocol, undefined, limits);
    server.codec.receive(frame.subarray(0, 22));
    const early = server.faults[0]?.code;
    server.codec.receive(Buffer.from(frame.subarray(22)));
    return early ?? server.calls.length;
  };
  assert.equal(seen(boltFrame({ content: Buffer.alloc(978) })), 1);
  assert.equal(seen(boltFrame({ content: Buffer.alloc(979) })), 'frame_too_large');
  assert.equal(seen(boltFrame({ className: 'c'.repeat(184), headers: [['k', 'v'.repeat(7)]] })), 1);
  assert.equal(seen(boltFrame({ className: 'c'.repeat(185), headers: [['k', 'v'.repeat(7)]] })), 'head_too_large');
  for (const length of [0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    const frame = boltFrame({});
    frame.writeUInt32BE(length, 18);
    assert.equal(seen(frame), 'frame_too_large');
  }
});

test('the method is found in the content where the headers lack it', () => {
  const short = (value: string) => Buffer.concat([Buffer.of(Buffer.byteLength(value)), Buffer.from(value)]);
  const long = (value: string) => Buffer.concat([Buffer.of(0x53, 0, value.length), Buffer.from(value)]);
  const className = Buffer.concat([Buffer.of(0x4f, 0x90 + requestClass.length), Buffer.from(requestClass)]);
  const fields = ['targetAppName', 'other', 'methodName', 'methodArgSigs'];
  const content = Buffer.concat([
    className,
    Buffer.of(0x90 + fields.length),
    ...fields.map(short),
    hex('6f90'),
    hex('4e'),
    long('y'.repeat(40)),
    short('getUser'),
    hex('4e'),
  ]);
  const pathOf = (sample: object) => {
    const server = new ScriptedServer(protocol);
    server.codec.receive(boltFrame({ headers: [['service', 'A:1']], ...sample }));
    const { head } = server.calls[0]!;
    assert.equal(head.path, head.path);
    return head.path;
  };
  assert.equal(pathOf({ content }), '/getUser');
  assert.equal(pathOf({ content, codec: 11 }), '/', 'protobuf has it in the headers');
  assert.equal(pathOf({ content, headers: callHeaders }), '/getUser');
  for (let end = 0; end < content.length; end++) {
    const whole = end >= content.length - 1;
    assert.equal(pathOf({ content: content.subarray(0, end) }), whole ? '/getUser' : '/', `cut at ${end}`);
  }
  const odd = Buffer.from(content);
  odd[content.indexOf('6f904e', 0, 'hex') + 2] = 0x57;
  assert.equal(pathOf({ content: odd }), '/', 'a list before the method');
});
