import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponseFlag, type ResponseHead } from '@sofamesh/contract/message';
import { type ProtocolFixtures, protocolSuite } from '@sofamesh/testkit/protocol-suite/index';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { frameProtocolCases } from '../shared/frame-protocol-cases.test.ts';
import { protocol } from './dubbo.ts';
import { countArguments } from './head.ts';
import { callAttachments, callBody, dubboFrame, map, realFrames, text } from './sample-frames.test.ts';

const hex = (digits: string) => Buffer.from(digits, 'hex');
const call = (id: bigint | number, sample = {}) => dubboFrame({ id: BigInt(id), body: callBody(sample) });
const value = (id: bigint | number, body: Buffer = Buffer.concat([hex('91'), text('value')])) =>
  dubboFrame({ id: BigInt(id), flag: 0x02, status: 20, body });
const readOnly = hex('dabba20000000000000000000000000201 52'.replace(' ', ''));

const fixtures: ProtocolFixtures = {
  messages: 'whole',
  exchanges: [
    {
      name: 'a call of Dubbo 3',
      request: (id) => call(id),
      response: (id) => value(id),
      expectRequest: {
        method: 'POST',
        authority: 't.Api',
        path: '/echo',
        scheme: 'dubbo',
        protocol: 'dubbo',
        oneWay: false,
        timeoutMs: 3000,
        headers: { version: '1.0.0', group: 'g', 'remote.application': 'cons' },
        body: callBody({}),
      },
      expectResponse: { status: 200, nativeStatus: 20, applicationError: false, protocol: 'dubbo' },
    },
    {
      name: 'a call without attachments and version',
      request: (id) => call(id, { version: null, types: '', values: Buffer.alloc(0), attachments: null }),
      response: (id) => value(id, hex('92')),
      expectRequest: { authority: 't.Api', path: '/echo', timeoutMs: 0, absent: ['version', 'group'] },
      expectResponse: { status: 200, applicationError: false },
    },
    {
      name: 'an exception of the application',
      request: (id) => call(id),
      response: (id) => value(id, hex('90 4e'.replace(' ', ''))),
      expectRequest: {},
      expectResponse: { status: 200, applicationError: true },
    },
    {
      name: 'an exception with attachments',
      request: (id) => call(id),
      response: (id) => value(id, Buffer.concat([hex('934e'), map([['trace', 'x']])])),
      expectRequest: {},
      expectResponse: { applicationError: true, headers: { trace: 'x' } },
    },
    {
      name: 'a timeout on the server',
      request: (id) => call(id),
      response: (id) => dubboFrame({ id: BigInt(id), flag: 2, status: 31, body: text('late') }),
      expectRequest: {},
      expectResponse: { status: 504, nativeStatus: 31, applicationError: false },
    },
    {
      name: 'a serialization that is not known',
      request: (id) => dubboFrame({ id: BigInt(id), flag: 0xd5, body: hex('0102030405') }),
      response: (id) => dubboFrame({ id: BigInt(id), flag: 0x15, status: 20, body: hex('0102') }),
      expectRequest: { authority: '', path: '/', timeoutMs: 0 },
      expectResponse: { status: 200, applicationError: false },
    },
  ],
  idOf: (message) => Number(message.readBigUInt64BE(4)),
  oneWay: {
    name: 'a one-way call',
    request: (id) => dubboFrame({ id: BigInt(id), flag: 0x82, body: callBody({}) }),
    expectRequest: { oneWay: true, authority: 't.Api' },
  },
  heartbeat: {
    request: (id) => dubboFrame({ id: BigInt(id), flag: 0xe2, body: hex('4e') }),
    response: (id) => dubboFrame({ id: BigInt(id), flag: 0x22, status: 20, body: hex('4e') }),
  },
  goAway: { fromServer: () => Buffer.from(readOnly), expectNotice: readOnly },
  localReplies: [
    {
      reply: { status: 404, body: 'no route', details: 'route_not_found', flags: ResponseFlag.noRouteFound },
      expectResponse: { nativeStatus: 60, status: 404, body: text('404|no route') },
    },
    {
      reply: { status: 503, body: 'nobody', details: 'no_healthy_upstream', flags: ResponseFlag.noHealthyUpstream },
      expectResponse: { nativeStatus: 60, body: text('503|nobody') },
    },
    {
      reply: { status: 504, body: 'late', details: 'response_timeout', flags: ResponseFlag.upstreamRequestTimeout },
      expectResponse: { nativeStatus: 30, status: 504 },
    },
    {
      reply: { status: 503, body: 'full', details: 'overflow', flags: ResponseFlag.upstreamOverflow },
      expectResponse: { nativeStatus: 40 },
    },
    { reply: { status: 200, body: '', details: 'direct', flags: 0 }, expectResponse: { nativeStatus: 70 } },
  ],
  refused: [
    {
      name: 'another protocol',
      side: 'server',
      bytes: () => Buffer.from('GET / HTTP/1.1'),
      code: 'bad_magic',
      scope: 'connection',
    },
    { name: 'half the magic', side: 'server', bytes: () => hex('dabc'), code: 'bad_magic', scope: 'connection' },
    {
      name: 'a body of -1',
      side: 'server',
      bytes: () => hex('dabbc2000000000000000001ffffffff'),
      code: 'frame_too_large',
      scope: 'connection',
    },
    {
      name: 'a call that cannot be read',
      side: 'server',
      bytes: (id) => dubboFrame({ id: BigInt(id), body: hex('ffffff') }),
      code: 'bad_call',
      scope: 'message',
      answer: { nativeStatus: 40 },
    },
    {
      name: 'another protocol',
      side: 'client',
      bytes: () => Buffer.from('HTTP/1.1 200 OK'),
      code: 'bad_magic',
      scope: 'connection',
    },
  ],
  notMine: [Buffer.from('GET / HTTP/1.1'), hex('0101'), hex('dabc'), hex('160301'), hex('00000020dabc')],
};

protocolSuite(protocol, fixtures);

frameProtocolCases(protocol, {
  request: (id, token) =>
    dubboFrame({ id: id.readBigUInt64BE() | (7n << 60n), body: callBody({ values: text(token) }) }),
  response: (id, token) => value(id.readBigUInt64BE(), Buffer.concat([hex('91'), text(token)])),
  idAt: 4,
  idBytes: 8,
  tokenOf: (frame) => {
    const at = frame[2]! & 0x80 ? 16 + 6 + 6 + 6 + 5 + 19 : 17;
    return frame.toString('utf8', at + 1, at + 1 + frame[at]!);
  },
  lengthOf: (bytes) => 16 + bytes.readUInt32BE(12),
});

function relay(request: Buffer) {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = (each) => client.forward(each);
  server.codec.receive(Buffer.from(request));
  return { server, client, head: server.calls[0]!.head, sent: client.connection.take() };
}

test('frames of Dubbo 3.3.6 pass both ways, all 64 bits of the id restored', () => {
  const { server, client, head, sent } = relay(hex(realFrames.request));
  assert.deepEqual(
    [head.authority, head.path, head.get('version'), head.get('group'), head.get('timeout'), head.timeoutMs],
    ['t.Api', '/echo', '1.0.0', 'g', '3000', 3000],
  );
  const expected = hex(realFrames.request);
  expected.writeBigUInt64BE(1n, 4);
  assert.deepEqual(sent, expected);
  const response = hex(realFrames.response);
  response.writeBigUInt64BE(1n, 4);
  client.codec.receive(response);
  assert.equal(server.connection.take().toString('hex'), realFrames.response);
  const back = server.calls[0]!.response!;
  assert.deepEqual(
    [back.status, back.nativeStatus, back.applicationError, back.get('dubbo')],
    [200, 20, false, '2.0.2'],
  );
});

test('a reply whose id differs in the upper half reaches nobody', () => {
  const { server, client } = relay(call(5n));
  client.codec.receive(value(0x1_0000_0001n));
  assert.equal(client.unsolicited, 1);
  client.codec.receive(value(1n));
  assert.deepEqual(server.connection.take(), value(5n));
});

test('negative and extreme ids come back as they were', () => {
  for (const id of [-1n, -(2n ** 63n), 2n ** 63n - 1n, 0n, 2n ** 53n + 1n]) {
    const { server, client } = relay(call(id));
    client.codec.receive(value(1n));
    assert.deepEqual(server.connection.take(), value(id));
  }
});

test('heartbeats are answered on both sides, in what serialization ever', () => {
  const server = new ScriptedServer(protocol);
  server.codec.receive(hex(realFrames.heartbeat));
  assert.equal(server.connection.take().toString('hex'), realFrames.heartbeatReply);
  // One that wants no answer gets none; one of fastjson2 gets its own null back.
  server.codec.receive(dubboFrame({ flag: 0xa2, body: hex('4e') }));
  assert.equal(server.connection.take().length, 0);
  server.codec.receive(dubboFrame({ id: 9n, flag: 0xf7, body: hex('00000001af') }));
  assert.deepEqual(server.connection.take(), dubboFrame({ id: 9n, flag: 0x37, status: 20, body: hex('00000001af') }));
  // Nobody makes us send what we were sent.
  server.codec.receive(dubboFrame({ id: 9n, flag: 0xf7, body: Buffer.alloc(5000) }));
  assert.deepEqual(server.connection.take(), dubboFrame({ id: 9n, flag: 0x22, status: 20, body: hex('4e') }));
  assert.equal(server.heartbeats, 4);
  const client = new ScriptedClient(protocol);
  client.codec.receive(hex(realFrames.heartbeat));
  assert.equal(client.connection.take().toString('hex'), realFrames.heartbeatReply);
  assert.ok(client.codec.sendHeartbeat());
  assert.deepEqual(client.connection.take(), dubboFrame({ id: 1n, flag: 0xe2, body: hex('4e') }));
  client.codec.receive(dubboFrame({ id: 1n, flag: 0x22, status: 20, body: hex('4e4e') }));
  assert.equal(client.heartbeatReplies, 1);
});

test('the read-only event is sent and obeyed', () => {
  const server = new ScriptedServer(protocol);
  server.codec.goAway();
  assert.deepEqual(server.connection.take(), readOnly);
  assert.equal(server.drained, 1);
  const { server: other, client } = relay(call(5n));
  client.codec.receive(Buffer.from(readOnly));
  assert.deepEqual([client.codec.available, client.codec.retired, client.availabilityChanges], [0, true, 1]);
  client.codec.receive(value(1n));
  assert.deepEqual(other.connection.take(), value(5n));
  const kept = new ScriptedClient(protocol);
  kept.codec.receive(dubboFrame({ flag: 0xa2, body: hex('4e') }));
  assert.equal(kept.codec.retired, false);
});

test('a server that calls its client is told so', () => {
  const client = new ScriptedClient(protocol);
  client.codec.receive(call(12n));
  const reply = client.connection.take();
  assert.equal(reply[3], 60);
  assert.equal(reply.readBigUInt64BE(4), 12n);
  assert.equal(client.faults[0]?.code, 'unexpected_request');
});

test('fastjson2 is routed by service and method and passes unchanged', () => {
  const part = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const short = (each: string) => part(Buffer.concat([Buffer.of(0x49 + each.length), Buffer.from(each)]));
  const long = 'com.example.'.padEnd(60, 'x');
  const body = Buffer.concat([
    short('2.0.2'),
    part(Buffer.concat([hex('79383c'), Buffer.from(long)])),
    short('1.0.0'),
    short('echo'),
    short('I'),
    part(hex('07')),
    part(hex('a6a5')),
  ]);
  const frame = dubboFrame({ flag: 0xd7, body });
  const { head, sent } = relay(frame);
  assert.deepEqual([head.authority, head.path, head.get('version'), head.timeoutMs], [long, '/echo', '1.0.0', 0]);
  assert.deepEqual(sent, frame);
  const answers = hex(realFrames.fastjson2Response);
  answers.writeBigUInt64BE(1n, 4);
  const { server, client } = relay(frame);
  client.codec.receive(Buffer.from(answers));
  assert.equal(server.calls[0]!.response!.applicationError, false);
  assert.deepEqual(server.connection.take(), answers);
  for (let end = 0; end < body.length; end++) relay(dubboFrame({ flag: 0xd7, body: body.subarray(0, end) }));
});

test('edits change attachments, version, service and method, and nothing else', () => {
  const attachments: [string, string | Buffer][] = [
    ['path', 't.Api'],
    ['Group', 'g'],
    ['drop', 'x'],
    ['object', hex('48 0161 90 5a'.replaceAll(' ', ''))],
    ['number', hex('90')],
    ['nothing', hex('4e')],
    ['reference', hex('5190')],
    ['version', '1.0.0'],
  ];
  const sample = { types: '[ILjava/util/Map;', values: hex('7a90914e'), attachments };
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.codec.receive(call(3n, sample));
  const { head } = server.calls[0]!;
  const seen: string[] = [];
  head.visit((name, each) => seen.push(`${name}=${each}`));
  assert.deepEqual(seen, ['version=1.0.0', 'path=t.Api', 'group=g', 'drop=x', 'number=0']);
  head.authority = 'u.Other';
  head.path = '/twice';
  head.set('version', '2.0.0');
  head.set('group', 'größe');
  head.remove('drop');
  head.remove('object');
  head.add('number', '1');
  head.set('x-new', 'v');
  assert.deepEqual(
    [head.authority, head.path, head.get('path'), head.get('version')],
    ['u.Other', '/twice', 'u.Other', '2.0.0'],
  );
  client.forward(server.calls[0]!);
  const expected = {
    path: 'u.Other',
    version: '2.0.0',
    method: 'twice',
    types: sample.types,
    values: sample.values,
    attachments: [
      ['path', 'u.Other'],
      ['Group', 'größe'],
      ['object', hex('480161905a')],
      ['number', '0,1'],
      ['nothing', hex('4e')],
      ['reference', hex('5190')],
      ['version', '2.0.0'],
      ['x-new', 'v'],
    ] as [string, string | Buffer][],
  };
  assert.deepEqual(client.connection.take(), call(1n, expected));
});

test('attachments are added where there were none, to calls as to answers that can have them', () => {
  for (const attachments of [null, []]) {
    const server = new ScriptedServer(protocol);
    const client = new ScriptedClient(protocol);
    server.codec.receive(call(3n, { version: null, attachments }));
    const { head, stream } = server.calls[0]!;
    head.set('tenant', 'a');
    assert.equal(head.get('tenant'), 'a');
    client.forward(server.calls[0]!);
    assert.deepEqual(client.connection.take(), call(1n, { version: null, attachments: [['tenant', 'a']] }));
    server.calls[0]!.onResponseHead = () => {};
    assert.ok(stream.writable);
  }
  const answers = (body: Buffer, change: (head: ResponseHead) => void) => {
    const { server, client } = relay(call(3n));
    const each = server.calls[0]!;
    each.onResponseHead = (head) => {
      change(head);
      each.stream.sendHead(head, true);
    };
    client.codec.receive(value(1n, body));
    return server.connection.take();
  };
  const with4 = Buffer.concat([hex('94'), text('v'), map([['a', 'b']])]);
  assert.deepEqual(
    answers(with4, (head) => head.set('c', 'd')),
    value(
      3n,
      Buffer.concat([
        hex('94'),
        text('v'),
        map([
          ['a', 'b'],
          ['c', 'd'],
        ]),
      ]),
    ),
  );
  const plain = Buffer.concat([hex('91'), text('v')]);
  assert.deepEqual(
    answers(plain, (head) => head.set('c', 'd')),
    value(3n, plain),
  );
  const failed = answers(plain, (head) => {
    head.status = 504;
  });
  assert.deepEqual(failed, dubboFrame({ id: 3n, flag: 2, status: 30, body: text('504|status was replaced') }));
});

test('a new body takes the place of the old one, attachments included', () => {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.codec.receive(call(3n));
  const { head } = server.calls[0]!;
  head.set('tenant', 'a');
  head.body = callBody({ method: 'other', attachments: [['group', 'h']] });
  assert.deepEqual([head.path, head.get('group'), head.get('tenant')], ['/other', 'h', 'a']);
  client.forward(server.calls[0]!);
  assert.deepEqual(
    client.connection.take(),
    call(1n, {
      method: 'other',
      attachments: [
        ['group', 'h'],
        ['tenant', 'a'],
      ],
    }),
  );
});

test('attachments that cannot be read are none, and the call passes all the same', () => {
  const deep = Buffer.alloc(200, 0x57);
  const bodies: Record<string, Buffer> = {
    'arguments nested too deep': callBody({ values: deep }),
    'more arguments than there are': callBody({ types: 'IIIIIIIIIIII' }),
    'types that are none': callBody({ types: 'Lunfinished' }),
    'a map that is cut': callBody({}).subarray(0, -1),
    'too many attachments': callBody({ attachments: Array.from({ length: 129 }, (_, at) => [`k${at}`, 'v'] as const) }),
    'attachments that are too long': callBody({
      attachments: [
        ['a', Buffer.concat([hex('53ffff'), Buffer.alloc(0xffff, 0x61)])],
        ['timeout', '5'],
      ],
    }),
    'a count of 2^31 - 1': callBody({ values: hex('58497fffffff') }),
    'a reference that points nowhere': callBody({ values: hex('519f') }),
    'a list in place of the map': callBody({ attachments: null, values: Buffer.concat([text('x'), hex('78')]) }),
  };
  for (const [name, body] of Object.entries(bodies)) {
    const server = new ScriptedServer(protocol);
    const client = new ScriptedClient(protocol);
    server.codec.receive(dubboFrame({ body }));
    const { head } = server.calls[0]!;
    assert.deepEqual([head.authority, head.path, head.get('group')], ['t.Api', '/echo', undefined], name);
    // The walk that looks for the timeout notes which lengths of names there are.
    assert.equal(head.timeoutMs, name === 'a map that is cut' ? 3000 : 0, name);
    assert.deepEqual([head.get('group'), head.get('timeout')], [undefined, undefined], name);
    head.set('tenant', 'a');
    client.forward(server.calls[0]!);
    assert.deepEqual(client.connection.take(), dubboFrame({ body }), name);
    assert.deepEqual(server.faults, []);
  }
});

test('a timeout counts if it is one, and is not looked for behind long arguments', () => {
  const timeoutOf = (sample: object, settings?: unknown) => {
    const server = new ScriptedServer(protocol, settings);
    server.codec.receive(call(3n, sample));
    return server.calls[0]!.head.timeoutMs;
  };
  const withTimeout = (timeout: string | Buffer) => timeoutOf({ attachments: [['timeout', timeout]] });
  assert.equal(withTimeout('250'), 250);
  assert.equal(withTimeout(hex('d403e8')), 1000);
  for (const bad of ['0', '-1', 'abc', '', '1e99', hex('4e'), hex('78'), hex('8f')]) assert.equal(withTimeout(bad), 0);
  // The word inside an argument is not the attachment.
  assert.equal(timeoutOf({ values: map([['timeout', '5']]), attachments: [] }), 0);
  const long = { values: Buffer.concat([hex('53ffff'), Buffer.alloc(0xffff, 0x61)]) };
  assert.equal(timeoutOf(long), 0);
  assert.equal(timeoutOf(long, { timeoutScanBytesMax: 100_000 }), 3000);
  assert.throws(() => timeoutOf({}, { timeoutScanBytesMax: -1 }), { code: 'bad_settings' });
});

test('attachments are found after the timeout was, whatever their length, and the first timeout counts', () => {
  const server = new ScriptedServer(protocol);
  const long = 'x'.repeat(39);
  const attachments = [
    [long, 'long'],
    ['Timeout', '70'],
    ['timeout', '90'],
    ['', 'empty'],
  ] as const;
  server.codec.receive(call(3n, { attachments }));
  const { head } = server.calls[0]!;
  assert.equal(head.timeoutMs, 70);
  assert.deepEqual(
    [long, 'timeout', 'x'.repeat(7), '', 'group', 'version'].map((name) => head.get(name)),
    ['long', '70,90', undefined, 'empty', undefined, '1.0.0'],
  );
  head.body = callBody({ attachments: [['group', 'h']] });
  assert.deepEqual([head.get('group'), head.timeoutMs, head.get('group')], ['h', 0, 'h']);
});

test('texts before the arguments may be long, empty or not ASCII; anything else is refused', () => {
  const server = new ScriptedServer(protocol);
  const path = 'com.example.'.padEnd(300, 'x');
  server.codec.receive(call(1n, { path, method: 'grüße', version: '' }));
  server.codec.receive(call(2n, { path: '', method: '' }));
  assert.deepEqual(
    server.calls.map(({ head }) => [head.authority, head.path, head.get('version')]),
    [
      [path, '/grüße', undefined],
      ['', '/', '1.0.0'],
    ],
  );
  const bad = [
    hex(''),
    hex('05322e30'),
    Buffer.concat([text('2.0.2'), hex('90')]),
    Buffer.concat([text('2'), text('p'), hex('91')]),
  ];
  for (const body of bad) {
    const each = new ScriptedServer(protocol);
    each.codec.receive(Buffer.concat([dubboFrame({ id: -5n, body }), dubboFrame({ flag: 0x82, body }), call(6n)]));
    assert.equal(each.calls.length, 1);
    assert.deepEqual(
      each.faults.map(({ code, scope }) => [code, scope]),
      [
        ['bad_call', 'message'],
        ['bad_call', 'message'],
      ],
    );
    const reply = each.connection.take();
    assert.equal(reply.length, 16 + reply.readUInt32BE(12));
    assert.deepEqual([reply[2], reply[3], reply.readBigInt64BE(4)], [2, 40, -5n]);
  }
});

test('an error text is cut and stays readable', () => {
  const server = new ScriptedServer(protocol);
  server.codec.receive(call(1n));
  server.calls[0]!.stream.sendReply({ status: 500, body: '€'.repeat(5000), details: '', flags: 0 });
  const reply = server.connection.take();
  assert.equal(reply[16], 0x53);
  assert.equal(reply.readUInt16BE(17), 1024);
  assert.equal(reply.toString('utf8', 19).length, 1024);
});

test('arguments are counted by their descriptor', () => {
  const counts: Record<string, number> = {
    '': 0,
    I: 1,
    IJ: 2,
    '[I': 1,
    '[[Ljava/lang/String;Z': 2,
    'Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;': 3,
    VZBCDFIJS: 9,
    'L;': 1,
    L: -1,
    Lx: -1,
    '[': -1,
    'I[': -1,
    X: -1,
    'I ': -1,
  };
  for (const [types, count] of Object.entries(counts)) {
    const bytes = Buffer.from(types);
    assert.equal(countArguments(bytes, 0, bytes.length), count, types);
  }
});

test('limits hold to the byte', () => {
  for (const [length, code] of [
    [84, undefined],
    [85, 'frame_too_large'],
  ] as const) {
    const server = new ScriptedServer(protocol, undefined, { frameBytesMax: 100 });
    server.codec.receive(dubboFrame({ flag: 0xd5, body: Buffer.alloc(length) }));
    assert.equal(server.faults[0]?.code, code);
    assert.equal(server.calls.length, code === undefined ? 1 : 0);
  }
  assert.equal(callAttachments.length, 6);
});

test('arguments are read by their places: texts, numbers and booleans', () => {
  const values = Buffer.concat([text('anna'), hex('c847'), map([['id', 'x']]), hex('54'), text('last')]);
  const types = 'Ljava/lang/String;ILjava/util/Map;ZLjava/lang/String;';
  const head = relay(call(1, { types, values })).head;
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 99].map((at) => head.argument?.(at)),
    ['anna', '71', undefined, 'true', 'last', undefined, undefined],
  );
  const broken = relay(call(1, { types, values: values.subarray(0, 6), attachments: null })).head;
  assert.deepEqual([broken.argument?.(0), broken.argument?.(3)], ['anna', undefined]);
});
