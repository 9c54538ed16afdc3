import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponseFlag } from '@sofamesh/contract/message';
import { type ProtocolFixtures, protocolSuite } from '@sofamesh/testkit/protocol-suite/index';
import { cut } from '@sofamesh/testkit/protocol-suite/pieces';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import fc from 'fast-check';
import {
  bytes,
  idOf,
  integer,
  map,
  packet,
  realFrames,
  type TarsReply,
  type TarsRequest,
  tarsReply,
  tarsRequest,
  text,
} from './sample-frames.test.ts';
import { protocol } from './tars.ts';

const hex = (frame: string) => Buffer.from(frame, 'hex');
const context = [
  ['Tenant', 'a'],
  ['trace-id', '0a0f'],
] as const;
const tupStatus = (code: number, description = '') =>
  [
    ['STATUS_RESULT_CODE', `${code}`],
    ['STATUS_RESULT_DESC', description],
  ] as const;

const call = (id: number) => tarsRequest({ id, context, body: 'arguments', timeoutMs: 500 });
const answer = (id: number) => tarsReply({ id, body: 'value', context: [['Server', 's1']] });

const fixtures: ProtocolFixtures = {
  messages: 'whole',
  exchanges: [
    {
      name: 'a call',
      request: call,
      response: answer,
      expectRequest: {
        method: 'POST',
        authority: 'Shop.UserServer.UserObj',
        path: '/getUser',
        scheme: 'tars',
        protocol: 'tars',
        oneWay: false,
        timeoutMs: 500,
        headers: { tenant: 'a', 'trace-id': '0a0f' },
        body: Buffer.from('arguments'),
      },
      expectResponse: {
        status: 200,
        nativeStatus: 0,
        applicationError: false,
        protocol: 'tars',
        headers: { server: 's1' },
        body: Buffer.from('value'),
      },
    },
    {
      name: 'TUP',
      request: (id) => tarsRequest({ version: 3, id, body: hex('080c') }),
      response: (id) => tarsRequest({ version: 3, id, body: 'v', timeoutMs: 0, status: tupStatus(0) }),
      expectRequest: { authority: 'Shop.UserServer.UserObj', path: '/getUser', timeoutMs: 3000, body: hex('080c') },
      expectResponse: { status: 200, nativeStatus: 0, body: Buffer.from('v') },
    },
    {
      name: 'TUP, version 2, that fails',
      request: (id) => tarsRequest({ version: 2, id, timeoutMs: -1 }),
      response: (id) => tarsRequest({ version: 2, id, timeoutMs: 0, status: tupStatus(-9, 'busy') }),
      expectRequest: { timeoutMs: 0 },
      expectResponse: { status: 503, nativeStatus: -9, applicationError: false },
    },
    {
      name: 'JSON',
      request: (id) => tarsRequest({ version: 5, id, body: '{"name":"ann"}' }),
      response: (id) => tarsReply({ version: 5, id, body: '{}' }),
      expectRequest: { path: '/getUser', body: Buffer.from('{"name":"ann"}') },
      expectResponse: { status: 200, body: Buffer.from('{}') },
    },
    {
      name: 'a call that no function answers',
      request: (id) => tarsRequest({ id, method: 'nothing', body: Buffer.alloc(300, 1) }),
      response: (id) => tarsReply({ id, ret: -3, description: 'x'.repeat(300) }),
      expectRequest: { path: '/nothing', body: Buffer.alloc(300, 1) },
      expectResponse: { status: 404, nativeStatus: -3, applicationError: false },
    },
    {
      name: 'an error of the application',
      request: call,
      response: (id) => tarsReply({ id, ret: 5001 }),
      expectRequest: {},
      expectResponse: { status: 200, nativeStatus: 5001, applicationError: true },
    },
  ],
  idOf,
  oneWay: {
    name: 'a one-way call',
    request: (id) => tarsRequest({ id, oneWay: true, method: 'tars_ping' }),
    expectRequest: { oneWay: true, path: '/tars_ping' },
  },
  localReplies: [
    {
      reply: { status: 404, body: 'no route', details: 'route_not_found', flags: ResponseFlag.noRouteFound },
      expectResponse: { nativeStatus: -4, status: 404 },
    },
    {
      reply: { status: 503, body: 'nobody', details: 'no_healthy_upstream', flags: ResponseFlag.noHealthyUpstream },
      expectResponse: { nativeStatus: -10, status: 503 },
    },
    {
      reply: { status: 503, body: 'overflow', details: 'overflow', flags: ResponseFlag.upstreamOverflow },
      expectResponse: { nativeStatus: -9, status: 503 },
    },
    {
      reply: { status: 504, body: 'late', details: 'response_timeout', flags: ResponseFlag.upstreamRequestTimeout },
      expectResponse: { nativeStatus: -7, status: 504 },
    },
    {
      reply: { status: 503, body: 'lost', details: 'reset', flags: ResponseFlag.upstreamConnectionTermination },
      expectResponse: { nativeStatus: -8, status: 502 },
    },
    { reply: { status: 200, body: '', details: 'direct', flags: 0 }, expectResponse: { nativeStatus: -99 } },
    { reply: { status: 403, body: 'no', details: 'rbac', flags: 0 }, expectResponse: { nativeStatus: -99 } },
  ],
  refused: [
    {
      name: 'another protocol',
      side: 'server',
      bytes: () => Buffer.from('GET / HTTP/1.1\r\n'),
      code: 'bad_packet',
      scope: 'connection',
    },
    {
      name: 'more than 10 MiB',
      side: 'server',
      bytes: () => hex('00a00001'),
      code: 'frame_too_large',
      scope: 'connection',
    },
    {
      name: 'more than the limit',
      side: 'server',
      bytes: () => Buffer.concat([hex('00900000'), call(1).subarray(4)]),
      code: 'frame_too_large',
      scope: 'connection',
    },
    { name: 'no length', side: 'server', bytes: () => hex('00000000'), code: 'bad_length', scope: 'connection' },
    {
      name: 'a length within the head',
      side: 'server',
      bytes: () => hex('0000000a10012c3c42ffffff'),
      code: 'bad_length',
      scope: 'connection',
    },
    {
      name: 'an unknown version',
      side: 'server',
      bytes: () => hex('000000401004'),
      code: 'bad_version',
      scope: 'connection',
    },
    {
      name: 'an id of 64 bits',
      side: 'server',
      bytes: () => hex('0000004010012c3c43'),
      code: 'bad_packet',
      scope: 'connection',
    },
    {
      name: 'fields in disorder',
      side: 'server',
      bytes: () => hex('0000004010013c2c'),
      code: 'bad_packet',
      scope: 'connection',
    },
    {
      name: 'a servant that is longer than the packet',
      side: 'server',
      bytes: (id) => packet(...requestHead(id), hex('56ff41')),
      code: 'bad_call',
      scope: 'message',
      answer: { nativeStatus: -1, status: 400 },
    },
    {
      name: 'a body that is longer than the packet',
      side: 'server',
      bytes: (id) => packet(...requestHead(id), text(5, 'A.B.C'), text(6, 'm'), hex('7d00027fffffff')),
      code: 'bad_call',
      scope: 'message',
      answer: { nativeStatus: -1 },
    },
    {
      name: 'a body of a negative length',
      side: 'server',
      bytes: (id) => packet(...requestHead(id), text(5, 'A.B.C'), text(6, 'm'), hex('7d0000ff'), integer(8, 1)),
      code: 'bad_call',
      scope: 'message',
      answer: { nativeStatus: -1 },
    },
    {
      name: 'a method that is a number',
      side: 'server',
      bytes: (id) => packet(...requestHead(id), text(5, 'A.B.C'), integer(6, 1), bytes(7, Buffer.alloc(9))),
      code: 'bad_call',
      scope: 'message',
      answer: { nativeStatus: -1 },
    },
    {
      name: 'another protocol',
      side: 'client',
      bytes: () => Buffer.from('HTTP/1.1 200 OK'),
      code: 'bad_packet',
      scope: 'connection',
    },
  ],
  notMine: [
    Buffer.from('GET / HTTP/1.1'),
    Buffer.from('PRI * HTTP/2.0'),
    hex('010100'),
    hex('dabbc200'),
    hex('160301'),
    // Thrift: framed binary and compact, header; dubbo-thrift.
    hex('0000002880010001'),
    hex('0000002882210101'),
    hex('000000280fff0000'),
    hex('00000028dabc'),
    hex('00000028100000'),
    hex('0000000510012c'),
    hex('00a10000'),
  ],
};

function requestHead(id: number, version = 1): Buffer[] {
  return [integer(1, version), integer(2, 0), integer(3, 0), integer(4, id)];
}

protocolSuite(protocol, fixtures);

/** A proxy of one call: what reaches the server, what reaches the client. */
function exchange(request: Buffer, response: (id: number) => Buffer) {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = (each) => client.forward(each);
  server.codec.receive(Buffer.from(request));
  const sent = client.connection.take();
  client.codec.receive(response(idOf(sent)));
  assert.deepEqual([...server.faults, ...client.faults], []);
  return { sent, back: server.connection.take(), call: server.lastCall };
}

test('packets of @tars/rpc pass both ways as they were', () => {
  const first = exchange(hex(realFrames.request), () => hex(realFrames.reply));
  assert.equal(first.sent.toString('hex'), realFrames.request);
  assert.equal(first.back.toString('hex'), realFrames.reply);
  assert.equal(first.call.head.get('tenant'), 'a,b');
  assert.deepEqual(first.call.head.getAll('tenant'), ['a', 'b']);
  assert.equal(first.call.response!.get('server'), 's1');
  const failed = exchange(hex(realFrames.request), () => hex(realFrames.error));
  assert.equal(failed.call.response!.nativeStatus, -3);
  const oneWay = exchange(hex(realFrames.oneWay), () => Buffer.alloc(0));
  assert.equal(oneWay.sent.length, hex(realFrames.oneWay).length - 1);
  // The client's own id, of another width, comes back.
  for (const [reply, status] of [
    [realFrames.tupReply, 0],
    [realFrames.tupError, -3],
  ] as const) {
    const tup = exchange(hex(realFrames.tup), () => withTupId(hex(reply), 1));
    assert.equal(tup.sent.length, hex(realFrames.tup).length - 3);
    assert.equal(tup.back.toString('hex'), reply);
    assert.equal(tup.call.response!.nativeStatus, status);
  }
});

/** The real answers of TUP have id 70000 (five bytes at 8). */
function withTupId(frame: Buffer, id: number): Buffer {
  const changed = Buffer.concat([frame.subarray(0, 8), integer(4, id), frame.subarray(13)]);
  changed.writeUInt32BE(changed.length);
  return changed;
}

const anyId = fc.oneof(
  fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ff80, 0xffff_ffff),
  fc.integer({ min: 0, max: 0xffff_ffff }),
);
const anyTexts = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 300 }), fc.string({ maxLength: 300 })), {
  selector: ([key]) => key.toLowerCase(),
  maxLength: 4,
});

test('whatever the ids, in whatever pieces, only the id changes', () => {
  fc.assert(
    fc.property(
      anyId,
      anyId,
      fc.constantFrom(1, 2, 3, 5),
      anyTexts,
      fc.uint8Array({ maxLength: 400 }),
      fc.array(fc.nat(800), { maxLength: 12 }),
      (id, messageType, version, texts, body, cuts) => {
        const request = { version, id, messageType, context: texts, body: Buffer.from(body) } satisfies TarsRequest;
        const reply = { version, body: Buffer.from(body), context: texts } satisfies TarsReply;
        const tup = version === 2 || version === 3;
        const replied = (to: number) => (tup ? tarsRequest({ ...reply, id: to }) : tarsReply({ ...reply, id: to }));
        const server = new ScriptedServer(protocol);
        const client = new ScriptedClient(protocol);
        server.onCall = (each) => client.forward(each);
        const sorted = [...new Set(cuts)].sort((a, b) => a - b);
        for (const piece of cut(tarsRequest(request), sorted)) server.codec.receive(piece);
        assert.deepEqual(client.connection.take(), tarsRequest({ ...request, id: 1 }));
        for (const piece of cut(replied(1), sorted)) client.codec.receive(piece);
        assert.deepEqual(server.connection.take(), replied(id));
        const seen: string[] = [];
        server.lastCall.head.visit((name, value) => seen.push(name, value));
        assert.deepEqual(
          seen,
          texts.flatMap(([key, value]) => [key.toLowerCase(), value]),
        );
      },
    ),
    { seed: 7, numRuns: 300 },
  );
});

test('calls of many clients with colliding ids of all widths never cross', () => {
  const client = new ScriptedClient(protocol, undefined, { streamsMax: 4096 });
  const servers = Array.from({ length: 60 }, () => new ScriptedServer(protocol));
  const ids = [0, 1, 127, 128, 40_000, 0xffff_ffff];
  for (const [at, server] of servers.entries()) {
    server.onCall = (each) => client.forward(each);
    for (const id of ids) server.codec.receive(tarsRequest({ id, body: `${at}/${id}` }));
  }
  const requests = framesOf(client.connection.take());
  assert.equal(new Set(requests.map(idOf)).size, servers.length * ids.length);
  const answers = requests.map((each) => tarsReply({ id: idOf(each), body: bodyOf(each) }));
  client.codec.receive(Buffer.concat(answers.map((_, at) => answers[(at * 7919) % answers.length]!)));
  for (const [at, server] of servers.entries()) {
    const seen = framesOf(server.connection.take());
    assert.deepEqual(
      seen.map((each) => `${idOf(each)} ${bodyOf(each)}`).sort(),
      ids.map((id) => `${id} ${at}/${id}`).sort(),
    );
  }
  assert.equal(client.codec.activeStreams, 0);
  assert.equal(client.unsolicited, 0);
});

function framesOf(stream: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let rest = stream; rest.length > 0; rest = rest.subarray(rest.readUInt32BE())) {
    frames.push(rest.subarray(0, rest.readUInt32BE()));
  }
  return frames;
}

/** The sample bodies are short and have digits and a slash in them. */
function bodyOf(frame: Buffer): string {
  return /\d+\/\d+/.exec(frame.toString('latin1'))![0];
}

test('a server that pushes answers nobody, and one that wants a new connection gets no more calls', () => {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = (each) => client.forward(each);
  server.codec.receive(call(9));
  const id = idOf(client.connection.take());
  client.codec.receive(tarsReply({ id: 0, body: 'news' }));
  assert.equal(client.unsolicited, 1);
  assert.equal(client.codec.retired, false);
  // TarsGo does not write its version into it.
  client.codec.receive(tarsReply({ version: 0, id: 0, description: '_reconnect_' }));
  assert.equal(client.codec.retired, true);
  assert.equal(client.availabilityChanges, 1);
  client.codec.receive(answer(id));
  assert.deepEqual(server.connection.take(), answer(9));
  assert.deepEqual(client.faults, []);
});

test('a server that calls its client is told that there is no such servant', () => {
  const client = new ScriptedClient(protocol);
  client.codec.receive(call(12));
  const said = tarsReply({ id: 12, ret: -4, description: '404|calls from a server to its client are not relayed' });
  assert.deepEqual(client.connection.take(), said);
  assert.equal(client.faults[0]?.code, 'unexpected_request');
  client.codec.receive(tarsRequest({ id: 13, oneWay: true }));
  assert.equal(client.connection.take().length, 0);
  assert.equal(client.connection.closed, undefined);
  const server = new ScriptedServer(protocol);
  server.codec.receive(answer(12));
  assert.equal(server.faults[0]?.code, 'unexpected_response');
});

test('errors are said in the form of the request', () => {
  const server = new ScriptedServer(protocol);
  const reply = { status: 503, body: 'b'.repeat(2000), details: '', flags: 0 };
  const description = `503|${'b'.repeat(1020)}`;
  for (const version of [1, 5, 2, 3]) {
    server.codec.receive(tarsRequest({ version, id: 70_000, messageType: 4, context, body: 'x' }));
    server.lastCall.stream.sendReply(reply);
  }
  const tup = { messageType: 4, id: 70_000, body: hex('080c'), timeoutMs: 0, status: tupStatus(-9, description) };
  const expected = [
    ...[1, 5].map((version) =>
      packet(
        ...[integer(1, version), integer(2, 0), integer(3, 70_000), integer(4, 4), integer(5, -9)],
        ...[bytes(6, Buffer.alloc(0)), map(7, []), text(8, description), map(9, [])],
      ),
    ),
    ...[2, 3].map((version) => tarsRequest({ ...tup, version })),
  ];
  assert.deepEqual(framesOf(server.connection.take()), expected);
  // One that cannot be read and waits for no answer gets none.
  server.codec.receive(packet(integer(1, 1), integer(2, 1), integer(3, 0), integer(4, 5), hex('56ff')));
  assert.equal(server.connection.take().length, 0);
  assert.equal(server.faults.at(-1)?.code, 'bad_call');
});

test('edits change their own fields and nothing else', () => {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = () => {};
  const before = [
    ['Tenant', 'a'],
    ['tenant', 'b'],
    ['Drop', '1'],
    ['X-Keep', 'Ünïcode'],
    ['', 'empty'],
  ] as const;
  const request = { id: 1, context: before, body: 'body', status: [['STATUS_DYED_KEY', 'k']] } satisfies TarsRequest;
  server.codec.receive(tarsRequest(request));
  const { head } = server.lastCall;
  head.set('tenant', 'c');
  head.remove('drop');
  head.add('x-keep', 'more');
  head.add('x-new', '1');
  head.add('x-new', '2');
  head.authority = 'Shop.Other.Obj';
  head.path = `/${'m'.repeat(300)}`;
  head.body = Buffer.alloc(200, 7);
  client.forward(server.lastCall);
  const after = [
    ['Tenant', 'c'],
    ['X-Keep', 'Ünïcode,more'],
    ['', 'empty'],
    ['x-new', '1,2'],
  ] as const;
  const edited = { servant: 'Shop.Other.Obj', method: 'm'.repeat(300), body: Buffer.alloc(200, 7), context: after };
  assert.deepEqual(client.connection.take(), tarsRequest({ ...request, ...edited }));
  // Two spellings that nobody edits stay two.
  server.codec.receive(tarsRequest(request));
  server.lastCall.head.set('x-new', '1');
  client.forward(server.lastCall);
  assert.deepEqual(client.connection.take(), tarsRequest({ ...request, id: 2, context: [...before, ['x-new', '1']] }));
});

test('a status that a filter sets is one for the client', () => {
  for (const version of [1, 3]) {
    const server = new ScriptedServer(protocol);
    const client = new ScriptedClient(protocol);
    server.onCall = (each) => {
      each.relays = false;
      client.forward(each);
    };
    server.codec.receive(tarsRequest({ version, id: 300, body: 'x' }));
    const reply = { id: 1, version, body: 'value' };
    client.codec.receive(
      version === 3 ? tarsRequest({ ...reply, status: [['a', 'b'], ...tupStatus(0)] }) : tarsReply(reply),
    );
    const { response, stream } = server.lastCall;
    assert.equal(response!.status, 200);
    response!.status = 504;
    response!.set('why', 'late');
    stream.sendHead(response!, true);
    const changed = { ...reply, id: 300, context: [['why', 'late']] as const };
    const status = [
      ['a', 'b'],
      ['STATUS_RESULT_DESC', ''],
      ['STATUS_RESULT_CODE', '-7'],
    ] as const;
    const expected = version === 3 ? tarsRequest({ ...changed, status }) : tarsReply({ ...changed, ret: -7 });
    assert.deepEqual(server.connection.take(), expected);
  }
});

test('fields that are missing behind the body are no fault, and a context is made', () => {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = () => {};
  const short = [...requestHead(1), text(5, 'A.B.C'), text(6, 'm'), bytes(7, Buffer.from('x'))];
  server.codec.receive(packet(...short, map(10, [])));
  const { head } = server.lastCall;
  assert.equal(head.timeoutMs, 0);
  assert.equal(head.get('a'), undefined);
  head.set('a', '1');
  client.forward(server.lastCall);
  assert.deepEqual(client.connection.take(), packet(...short, map(9, [['a', '1']]), map(10, [])));
});

test('a context that cannot be read has no headers and stays as it is', () => {
  const many = Array.from({ length: 129 }, (_, at): [string, string] => [`k${at}`, 'v']);
  const contexts = [
    map(9, many),
    map(9, [['large', 'v'.repeat(70_000)]]),
    // A count that the packet does not hold, a negative one, a key that is a number, no map at all.
    Buffer.concat([hex('98027fffffff'), text(0, 'k'), text(1, 'v')]),
    hex('9800ff'),
    hex('9800010c16016b'),
    text(9, 'text'),
    hex('9a0b'),
  ];
  for (const broken of contexts) {
    const server = new ScriptedServer(protocol);
    const client = new ScriptedClient(protocol);
    server.onCall = () => {};
    const frame = packet(
      ...requestHead(1),
      text(5, 'A.B.C'),
      text(6, 'm'),
      bytes(7, Buffer.alloc(3)),
      integer(8, 9),
      broken,
    );
    server.codec.receive(Buffer.from(frame));
    const { head } = server.lastCall;
    assert.equal(head.timeoutMs, 9);
    assert.equal(head.get('k0'), undefined);
    head.set('x', '1');
    head.path = '/n';
    client.forward(server.lastCall);
    const renamed = Buffer.from(frame);
    renamed[frame.indexOf(text(6, 'm')) + 2] = 'n'.charCodeAt(0);
    assert.deepEqual(client.connection.take(), renamed);
  }
});

test('an edit that leaves no packet of Tars fails its call alone', () => {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = () => {};
  server.codec.receive(call(1));
  server.lastCall.head.body = Buffer.alloc(10 * 1024 * 1024);
  client.forward(server.lastCall);
  assert.equal(server.lastCall.responseReset, 'overflow');
  assert.equal(client.connection.take().length, 0);
});
