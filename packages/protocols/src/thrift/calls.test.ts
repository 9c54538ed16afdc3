import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestHead, ResponseHead } from '@sofamesh/contract/message';
import { defaultCodecLimits } from '@sofamesh/contract/protocol';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import fc from 'fast-check';
import { FrameParts } from './frame.ts';
import {
  framed,
  headerBlock,
  headerFrame,
  messageOf,
  realFrames,
  type ThriftSample,
  textStruct,
  thriftFrame,
  uint32,
  varint,
} from './sample-frames.test.ts';
import { protocol } from './thrift.ts';

const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex');

function relay(request: Buffer, edit: (head: RequestHead) => void = () => {}) {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = (call) => {
    edit(call.head);
    client.forward(call);
  };
  server.codec.receive(Buffer.from(request));
  assert.deepEqual(server.faults, []);
  return { server, client, head: server.calls[0]!.head, sent: client.connection.take() };
}

/** What comes back to a client when its server answers so; the response may be edited on its way. */
function answered(request: Buffer, response: Buffer, edit: (head: ResponseHead) => void = () => {}) {
  const { server, client } = relay(request);
  const call = server.calls[0]!;
  call.relays = false;
  client.codec.receive(Buffer.from(response));
  assert.deepEqual(client.faults, []);
  edit(call.response!);
  call.stream.sendHead(call.response!, true);
  return { back: server.connection.take(), response: call.response! };
}

/** The answer as the server gives it: under the id that the first call on its connection has. */
function asSent(response: Buffer): Buffer {
  const parts = new FrameParts();
  assert.ok(parts.read(response, defaultCodecLimits.headerCountMax));
  return parts.withId(Buffer.from(response), 1);
}

const ways = [
  'framedBinary',
  'framedOldBinary',
  'framedCompact',
  'unframedBinary',
  'unframedCompact',
  'headerBinary',
  'headerCompact',
] as const;

test('frames of the Python library pass both ways, their ids restored', () => {
  for (const way of ways) {
    const request = hex(realFrames[way]);
    const { server, client, head, sent } = relay(request);
    assert.deepEqual([head.authority, head.path, head.oneWay], ['Users', '/getUser', false], way);
    assert.equal(head.get('tenant'), way.startsWith('header') ? 'a' : undefined, way);
    assert.notDeepEqual(sent, request, 'the id is that of the connection');
    assert.equal(sent.length, request.length - (way.endsWith('Compact') ? 1 : 0));
    client.codec.receive(asSent(hex(realFrames[`${way}Exception`])));
    assert.equal(server.connection.take().toString('hex'), realFrames[`${way}Exception`], way);
    const { status, nativeStatus, applicationError } = server.calls[0]!.response!;
    assert.deepEqual([status, nativeStatus, applicationError], [500, 106, false], way);
  }
});

test('a reply in pieces is whole at its last octet and not before', () => {
  for (const way of ways) {
    const whole = hex(realFrames[`${way}Exception`]);
    const response = asSent(whole);
    for (let cut = 1; cut < response.length; cut++) {
      const { server, client } = relay(hex(realFrames[way]));
      client.codec.receive(Buffer.from(response.subarray(0, cut)));
      assert.equal(client.codec.heldBytes, cut);
      assert.equal(server.calls[0]!.response, undefined);
      client.codec.receive(Buffer.from(response.subarray(cut)));
      assert.deepEqual(server.connection.take(), whole);
      assert.equal(client.codec.heldBytes, 0);
    }
  }
});

test('a reply with the id of another call is not passed on', () => {
  for (const way of ways) {
    const { server, client } = relay(hex(realFrames[way]));
    client.codec.receive(hex(realFrames[`${way}Exception`]));
    assert.equal(server.calls[0]!.responseReset, 'protocol-error', way);
    assert.equal(client.connection.closed, 'now', way);
    assert.equal(client.faults[0]?.code, 'wrong_reply', way);
  }
});

test('calls glued together, of every kind, are told apart however they are cut', () => {
  const frames = ways.map((way) => hex(realFrames[way]));
  const all = Buffer.concat([...frames, ...frames]);
  fc.assert(
    fc.property(fc.array(fc.nat(all.length), { maxLength: 12 }), (cuts) => {
      const server = new ScriptedServer(protocol);
      const seen: Buffer[] = [];
      server.onCall = (call) => {
        seen.push(Buffer.from(call.head.body!));
        call.stream.sendReply({ status: 503, body: '', details: '', flags: 0 });
      };
      let at = 0;
      for (const cut of [...cuts.sort((a, b) => a - b), all.length]) {
        server.codec.receive(Buffer.from(all.subarray(at, cut)));
        at = cut;
      }
      assert.deepEqual(server.faults, []);
      assert.equal(seen.length, frames.length * 2);
      for (const [index, body] of seen.entries()) {
        assert.deepEqual(body, frames[index % frames.length]!.subarray(-body.length));
      }
    }),
    { numRuns: 100, seed: 3 },
  );
});

test('ids of every size come back as they were, in the frame and in its header', () => {
  for (const id of [0, 1, 127, 128, 0x3fff, 0x4000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    for (const encoding of ['binary', 'old', 'compact'] as const) {
      for (const transport of ['framed', 'unframed', 'header'] as const) {
        if (encoding === 'old' && transport !== 'framed') continue;
        const way = { transport, encoding, id };
        const reply = (own: number) =>
          thriftFrame({ ...way, type: 2, id: own, struct: textStruct('v', encoding === 'compact', 0) });
        assert.deepEqual(answered(thriftFrame(way), reply(1)).back, reply(id), `${transport} ${encoding} ${id}`);
      }
    }
  }
  const differing = (id: number, headerId: number, type = 1) =>
    thriftFrame({ transport: 'header', type, id, headerId });
  const { sent } = relay(differing(7, 9));
  assert.deepEqual(sent, differing(1, 1));
  assert.deepEqual(answered(differing(7, 9), differing(1, 1, 2)).back, differing(7, 9, 2));
  assert.deepEqual(answered(differing(0, 0xffff_ffff), differing(1, 1, 2)).back, differing(0, 0xffff_ffff, 2));
  assert.deepEqual(answered(differing(7, 7), differing(1, 0, 2)).back, differing(7, 7, 2), 'a server that sets no id');
});

test('an answer of the proxy is in the transport and the protocol of its call, and named as its method', () => {
  for (const transport of ['framed', 'unframed', 'header'] as const) {
    for (const encoding of ['binary', 'old', 'compact'] as const) {
      if (encoding === 'old' && transport !== 'framed') continue;
      const server = new ScriptedServer(protocol);
      const way = { transport, encoding, id: 300 };
      server.codec.receive(thriftFrame({ ...way, name: 'Users:getUser', headers: [['a', 'b']] }));
      server.lastCall.stream.sendReply({ status: 404, body: 'no route', details: '', flags: 0 });
      const struct =
        encoding === 'compact'
          ? hex(`18 0c ${Buffer.from('404|no route').toString('hex')} 15 02 00`)
          : hex(`0b0001 0000000c ${Buffer.from('404|no route').toString('hex')} 080002 00000001 00`);
      assert.deepEqual(server.connection.take(), thriftFrame({ ...way, type: 3, name: 'getUser', struct }));
    }
  }
});

test('an error text is cut and stays readable', () => {
  const server = new ScriptedServer(protocol);
  server.codec.receive(thriftFrame({}));
  server.lastCall.stream.sendReply({ status: 500, body: '€'.repeat(5000), details: '', flags: 0 });
  const reply = server.connection.take();
  assert.equal(reply.readUInt32BE(0), reply.length - 4);
  const text = reply.subarray(4 + 16 + 7, -8);
  assert.deepEqual([text.length, text.toString().length], [reply.readUInt32BE(4 + 16 + 3), 1024]);
});

test('edits change the name and the headers, and nothing else', () => {
  const sample: ThriftSample = { transport: 'header', id: 5, name: 'getUser', struct: textStruct('x', false) };
  const headers = [
    ['Tenant', 'a'],
    ['DROP', 'x'],
    ['Trace-Id', 'ü'],
    ['twice', '1'],
    ['twice', '2'],
  ] as const;
  const { sent, head } = relay(thriftFrame({ ...sample, headers }), (each) => {
    each.set('tenant', 'b');
    each.remove('drop');
    each.set('x-new', 'größe');
    each.authority = 'Users';
    each.path = '/findUser';
  });
  assert.equal(head.get('twice'), '1,2');
  const expected = [
    ['Trace-Id', 'ü'],
    ['twice', '1'],
    ['twice', '2'],
    ['tenant', 'b'],
    ['x-new', 'größe'],
  ] as const;
  assert.deepEqual(sent, thriftFrame({ ...sample, id: 1, name: 'Users:findUser', headers: expected }));
  const { sent: bare } = relay(thriftFrame({ ...sample, headers: [['a', 'b']] }), (each) => each.remove('a'));
  assert.deepEqual(bare, thriftFrame({ ...sample, id: 1 }));
  const { sent: plain } = relay(thriftFrame({ id: 5, name: 'A:m' }), (each) => {
    each.set('x-new', 'v');
    each.authority = '';
    each.body = textStruct('new', false);
  });
  assert.deepEqual(plain, thriftFrame({ id: 1, name: 'm', struct: textStruct('new', false) }));
});

test('parts of the header that are not known stay where they are', () => {
  const block = (entries: Buffer) => {
    const bytes = Buffer.concat([hex('0000'), entries, hex('09 616263')]);
    return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  };
  const message = messageOf({ id: 1 });
  const { sent, head } = relay(headerFrame(block(hex('01 01 0161 0162')), message, 1), (each) => each.set('c', 'd'));
  assert.equal(head.get('a'), 'b');
  assert.deepEqual(sent, headerFrame(block(hex('01 02 0161 0162 0163 0164')), message, 1));
});

test('more headers than a frame has room for are refused, and the client is told', () => {
  const { server, client } = relay(thriftFrame({ transport: 'header' }), (head) => head.set('a', 'x'.repeat(300_000)));
  assert.equal(server.calls[0]!.responseReset, 'overflow');
  assert.equal(client.connection.written.length, 0);
});

test('the status of a response can become a failure, and no failure a success', () => {
  const request = thriftFrame({ id: 9, name: 'Users:get' });
  const reply = thriftFrame({ id: 1, type: 2, name: 'get', struct: textStruct('v', false, 0) });
  const failed = answered(request, reply, (head) => {
    head.status = 404;
  });
  const text = Buffer.from('404|status was replaced');
  const struct = Buffer.concat([hex('0b0001'), uint32(text.length), text, hex('080002 00000001 00')]);
  assert.deepEqual(failed.back, thriftFrame({ id: 9, type: 3, name: 'get', struct }));
  const kept = answered(request, reply, (head) => {
    head.status = 204;
  });
  assert.deepEqual(kept.back, thriftFrame({ id: 9, type: 2, name: 'get', struct: textStruct('v', false, 0) }));
  const exception = thriftFrame({ id: 1, type: 3, name: 'get', struct: hex('080002 00000001 00') });
  const { back } = answered(request, exception, (head) => {
    head.status = 200;
  });
  assert.equal(back[7], 3);
});

test('an exception says its type, in whatever order and company', () => {
  const cases: readonly (readonly [struct: string, encoding: 'binary' | 'compact', nativeStatus: number])[] = [
    ['080002 00000000 00', 'binary', 100],
    ['080002 0000000a 0b0001 00000001 61 00', 'binary', 110],
    ['080002 0000000b 00', 'binary', 100],
    ['080002 ffffffff 00', 'binary', 100],
    ['080005 00000007 0b0001 00000000 080002 00000007 00', 'binary', 107],
    ['0b0001 7fffffff 61 00', 'binary', 100],
    ['00', 'binary', 100],
    ['0c0001 00 080002 00000001 00', 'binary', 100],
    ['15 02 15 02 00', 'compact', 101],
    ['25 02 08 02 0161 00', 'compact', 101],
    ['05 04 0c 00', 'compact', 106],
    ['18 ffffffff07 00', 'compact', 100],
    ['15 ffffffffff', 'compact', 100],
    ['00', 'compact', 100],
  ];
  for (const [struct, encoding, nativeStatus] of cases) {
    const frame = thriftFrame({ encoding, type: 3, struct: hex(struct) });
    assert.equal(answered(thriftFrame({ encoding }), frame).response.nativeStatus, nativeStatus, struct);
  }
});

test('a call that a header hides is refused by itself, with the reason', () => {
  const zlib = Buffer.concat([hex('00 01 01 00'), Buffer.alloc(0)]);
  const entries = Array.from({ length: 101 }, (_, at) => [`h${at}`, 'v'] as const);
  const cases: readonly (readonly [name: string, frame: Buffer, type: number])[] = [
    ['a transform', headerFrame(zlib, Buffer.alloc(20, 7), 77), 8],
    ['another protocol', headerFrame(hex('01000000'), Buffer.alloc(20, 7), 77), 9],
    ['a header beyond its frame', headerFrame(Buffer.alloc(8), Buffer.alloc(5), 77).fill(9, 13, 14), 7],
    ['entries beyond the header', headerFrame(hex('0000 01 05 0161 0000'), messageOf({ id: 77 }), 77), 7],
    ['a value beyond the header', headerFrame(hex('0000 01 01 0161 7f61'), messageOf({ id: 77 }), 77), 7],
    ['a name beyond the header', headerFrame(hex('0000 01 01 7f61 0161'), messageOf({ id: 77 }), 77), 7],
    ['a count without an end', headerFrame(hex('0000 01 ff ffffffff'), messageOf({ id: 77 }), 77), 7],
    ['no message', headerFrame(headerBlock(0, []), Buffer.alloc(9, 0x41), 77), 7],
    ['too many entries', headerFrame(headerBlock(0, entries), messageOf({ id: 77, name: '' }), 77), 7],
  ];
  for (const [name, frame, type] of cases) {
    const server = new ScriptedServer(protocol);
    server.codec.receive(Buffer.concat([frame, thriftFrame({ id: 2 })]));
    assert.equal(server.faults[0]?.code, 'bad_call', name);
    const text = Buffer.from('400|a call cannot be read');
    const struct = Buffer.concat([hex('0b0001'), uint32(text.length), text, hex('080002'), uint32(type), hex('00')]);
    const expected = thriftFrame({ transport: 'header', type: 3, id: 77, name: '', struct });
    assert.deepEqual(server.connection.take(), expected, name);
    assert.equal(server.calls.length, 1, name);
  }
});

test('what cannot be told apart ends the connection', () => {
  const cases: readonly (readonly [name: string, bytes: Buffer, code: string])[] = [
    ['an unframed message of no type', hex('80010009'), 'bad_message'],
    ['an unframed message with a name of 2 GiB', hex('80010001 7fffffff'), 'bad_message'],
    ['an unframed message with an id without an end', hex('8221 ffffffffff'), 'bad_message'],
    ['another version', hex('8002'), 'bad_magic'],
    ['another version of the compact protocol', hex('8222'), 'bad_magic'],
    ['another version in a frame', hex('00000010 8002'), 'bad_magic'],
    ['a header of another magic', hex('00000020 0ffe'), 'bad_magic'],
    ['a header without room', hex('0000000e 0fff'), 'bad_length'],
    ['an old message without a name', hex('00000010 00000000'), 'bad_magic'],
    ['an old message with a name beyond its frame', hex('00000010 00000008'), 'bad_magic'],
    ['an old message without room', hex('00000009 0000'), 'bad_length'],
    ['an unframed struct with a field of no type', hex('80010001 00000000 00000001 05'), 'bad_struct'],
    ['an unframed text of 2 GiB', hex('80010001 00000000 00000001 0b0001 7fffffff'), 'frame_too_large'],
    ['nested structs', Buffer.concat([hex('8221 01 00'), Buffer.alloc(70, 0x1c)]), 'nested_too_deep'],
  ];
  for (const [name, bytes, code] of cases) {
    for (const piece of [1, bytes.length]) {
      const server = new ScriptedServer(protocol);
      for (let at = 0; at < bytes.length; at += piece)
        server.codec.receive(Buffer.from(bytes.subarray(at, at + piece)));
      assert.deepEqual(
        server.faults.map((fault) => [fault.code, fault.scope]),
        [[code, 'connection']],
        name,
      );
      assert.equal(server.connection.closed, 'flush');
      assert.equal(server.calls.length, 0);
    }
  }
});

test('limits hold to the octet', () => {
  const unframed = thriftFrame({ transport: 'unframed', struct: textStruct('x'.repeat(50), false) });
  const inFrame = framed(unframed);
  for (const frame of [unframed, inFrame]) {
    for (const [frameBytesMax, code] of [
      [frame.length, undefined],
      [frame.length - 1, 'frame_too_large'],
    ] as const) {
      for (const cut of [1, 20, frame.length - 1, frame.length]) {
        const server = new ScriptedServer(protocol, undefined, { frameBytesMax });
        server.codec.receive(Buffer.from(frame.subarray(0, cut)));
        server.codec.receive(Buffer.concat([frame.subarray(cut), Buffer.from(frame)]));
        assert.equal(server.faults[0]?.code, code);
        assert.equal(server.calls.length, code === undefined ? 1 : 0);
      }
    }
  }
  const headers = (bytes: number) => thriftFrame({ transport: 'header', headers: [['a', 'x'.repeat(bytes)]] });
  const codeOf = (frame: Buffer) => {
    const server = new ScriptedServer(protocol);
    server.codec.receive(frame);
    return server.faults[0]?.code;
  };
  const { headBytesMax } = defaultCodecLimits;
  assert.equal(codeOf(headers(headBytesMax - 9)), undefined);
  assert.equal(codeOf(headers(headBytesMax + 1)), 'head_too_large');
  assert.equal(codeOf(thriftFrame({ name: 'n'.repeat(16 * 1024) })), undefined);
  assert.equal(codeOf(thriftFrame({ name: 'n'.repeat(16 * 1024 + 1) })), 'bad_call');
});

test('an unframed message without an end is refused at the limit, and memory follows what came', () => {
  const server = new ScriptedServer(protocol, undefined, { frameBytesMax: 100_000 });
  server.codec.receive(hex('8221 01 00'));
  // Fields that are true, one after the other.
  const chunk = Buffer.alloc(1000, 0x11);
  let sent = 0;
  for (; server.faults.length === 0 && sent < 200; sent++) server.codec.receive(Buffer.from(chunk));
  assert.equal(server.faults[0]?.code, 'frame_too_large');
  assert.ok(sent <= 101, `${sent} chunks`);
  assert.equal(server.codec.heldBytes, 0);
});

test('a server whose reply has another id still answers, for there is one call at a time', () => {
  const { server, client } = relay(thriftFrame({ id: 40 }));
  client.codec.receive(thriftFrame({ id: 0, type: 2 }));
  assert.deepEqual(server.connection.take(), thriftFrame({ id: 40, type: 2 }));
});

test('detection does not take frames of others for its own', () => {
  const verdicts = (bytes: Buffer) =>
    Array.from({ length: bytes.length }, (_, at) => protocol.detect(bytes.subarray(0, at + 1)));
  for (const way of ways) {
    const seen = verdicts(hex(realFrames[way]));
    assert.ok(seen.indexOf('match') < (way === 'framedOldBinary' ? 22 : 8), way);
  }
  const others: Record<string, Buffer> = {
    'a Tars packet': hex('0000004f 10012c3c4c560474657374'),
    'a dubbo-thrift frame': hex('00000056 dabc 00000056'),
    'an old message whose name is none': hex('00000010 00000003 612062 01 00000001 00'),
    'an old message whose type is a reply': hex('0000000d 00000001 61 02 00000001 00'),
    'an old message with a name that may be anything': Buffer.concat([
      hex('00000200 000000ff'),
      Buffer.alloc(300, 0x61),
    ]),
    'a name beyond its frame': hex('00000006 00000004 70696e67 01'),
    zeros: Buffer.alloc(40),
    'a length of HTTP/2 frames': hex('000012 04 00 00000000'),
    'a long length': hex('01000000 80010001'),
    'a varint': varint(300),
  };
  for (const [name, bytes] of Object.entries(others)) assert.equal(verdicts(bytes).at(-1), 'mismatch', name);
});
