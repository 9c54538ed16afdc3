import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ProtocolFixtures, protocolSuite } from '@sofamesh/testkit/protocol-suite/index';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { frameProtocol } from '../frame-protocol.ts';
import { frameProtocolCases } from '../frame-protocol-cases.test.ts';
import { compileGuest } from './guest.ts';
import { tokenFrame, tokenGuest } from './test-support/token-guest.ts';
import { wasmFormat } from './wasm-format.ts';

const pagesMax = 32;

function tokenProtocol({ exclusive = false, bytes = tokenGuest() } = {}) {
  const logged: string[] = [];
  const format = wasmFormat({
    name: 'tokens',
    origin: './tokens.wasm',
    module: compileGuest(bytes, pagesMax),
    headBytes: 16,
    exclusive,
    log: (text) => logged.push(text),
  });
  return { protocol: frameProtocol(format), format, logged };
}

const { protocol } = tokenProtocol();

const fixtures: ProtocolFixtures = {
  messages: 'whole',
  exchanges: [
    {
      name: 'a call',
      request: (id) => tokenFrame('request', id, { token: 'secret', method: 3 }),
      response: (id) => tokenFrame('reply', id, { token: 'secret' }),
      expectRequest: {
        authority: 'tokens',
        path: '/d',
        scheme: 'tokens',
        headers: { token: 'secret' },
        timeoutMs: 0,
        body: Buffer.from('secret'),
      },
      expectResponse: { status: 200, nativeStatus: 0, headers: { token: 'secret' } },
    },
    {
      name: 'a failure without content',
      request: (id) => tokenFrame('request', id),
      response: (id) => tokenFrame('reply', id, { status: 7 }),
      expectRequest: { path: '/a' },
      expectResponse: { status: 500, nativeStatus: 7 },
    },
  ],
  edits: { headers: false, authority: 'tokens', path: '/e' },
  idOf: (message) => message.readUInt32LE(8),
  oneWay: {
    name: 'a one-way call',
    request: (id) => tokenFrame('one-way', id, { token: 'x' }),
    expectRequest: { oneWay: true, path: '/a' },
  },
  heartbeat: {
    request: (id) => tokenFrame('heartbeat', id),
    response: (id) => tokenFrame('heartbeat-reply', id),
  },
  localReplies: [
    { reply: { status: 503, body: 'nobody', details: '', flags: 0 }, expectResponse: { nativeStatus: 1, status: 500 } },
    { reply: { status: 200, body: '', details: '', flags: 0 }, expectResponse: { nativeStatus: 0, status: 200 } },
  ],
  refused: [
    { name: 'another protocol', side: 'server', bytes: () => Buffer.from('GET / HTTP'), code: 'bad_magic' },
    { name: 'what ends the guest', side: 'server', bytes: (id) => tokenFrame('trap', id), code: 'codec_failed' },
    { name: 'what ends the guest', side: 'client', bytes: (id) => tokenFrame('trap', id), code: 'codec_failed' },
    { name: 'what takes all memory', side: 'server', bytes: (id) => tokenFrame('greedy', id), code: 'codec_failed' },
    { name: 'a loop without end', side: 'server', bytes: (id) => tokenFrame('endless', id), code: 'codec_failed' },
    { name: 'nonsense', side: 'client', bytes: (id) => tokenFrame('nonsense', id), code: 'codec_failed' },
    {
      name: 'a frame of 3 GiB',
      side: 'server',
      bytes: () => Buffer.from(`a7000000000000c0${'00'.repeat(8)}`, 'hex'),
      code: 'frame_too_large',
    },
  ],
  notMine: [Buffer.from('GET / HTTP/1.1\r\n'), Buffer.from([1, 1, 0, 1])],
};

protocolSuite(protocol, fixtures);

frameProtocolCases(protocol, {
  request: (id, token) => withId(tokenFrame('request', 0, { token }), id),
  response: (id, token) => withId(tokenFrame('reply', 0, { token }), id),
  idAt: 8,
  idBytes: 8,
  tokenOf: (frame) => (frame[1]! > 1 ? undefined : frame.toString('utf8', 16)),
  lengthOf: (bytes) => 16 + bytes.readUInt32LE(4),
});

function withId(frame: Buffer, id: Buffer): Buffer {
  id.copy(frame, 8);
  return frame;
}

describe('a guest that fails', () => {
  const failureOf = (frame: Buffer) => {
    const server = new ScriptedServer(protocol);
    server.codec.receive(frame);
    const [fault] = server.faults;
    assert.equal(fault?.scope, 'connection');
    assert.equal(server.connection.closed, 'flush');
    return fault!.message;
  };

  test('is named with the reason', () => {
    assert.match(failureOf(tokenFrame('trap', 1)), /tokens\.wasm: proxy_decode_buffer_bytes: unreachable/);
    assert.match(failureOf(tokenFrame('nonsense', 1)), /tokens\.wasm: its message is cut short after \d+ bytes/);
    assert.match(failureOf(tokenFrame('endless', 1)), /proxy_decode_buffer_bytes: not done after \d+ steps/);
    const unknown = tokenFrame('request', 1);
    unknown[1] = 77;
    assert.match(failureOf(unknown), /tokens\.wasm: refused the bytes \(2\)/);
  });

  test('costs its connection and no other', () => {
    const other = new ScriptedServer(protocol);
    other.codec.receive(tokenFrame('request', 1, { token: 'before' }));
    for (let round = 0; round < 50; round++) failureOf(tokenFrame(round % 2 === 0 ? 'trap' : 'greedy', 1));
    other.codec.receive(tokenFrame('request', 2, { token: 'after' }));
    assert.deepEqual(
      other.calls.map(({ head }) => head.get('token')),
      ['before', 'after'],
    );
  });

  test('is told of, and not every time', () => {
    const { protocol, logged } = tokenProtocol();
    for (let round = 0; round < 100; round++) new ScriptedServer(protocol).codec.receive(tokenFrame('trap', 1));
    assert.equal(logged.length, 7);
    assert.match(logged[6]!, /failed \(64 so far\): proxy_decode_buffer_bytes: unreachable/);
  });

  test('to write a call costs that call', () => {
    const server = new ScriptedServer(protocol);
    server.codec.receive(tokenFrame('read-only', 5));
    const call = server.calls[0]!;
    const client = new ScriptedClient(protocol);
    assert.throws(() => call.forward(client.codec.openStream(call)), { code: 'bad_wasm_answer', message: /answers 3/ });
    assert.equal(client.connection.written.length, 0);
    assert.equal(server.connection.closed, undefined);
  });

  test('has no more memory than it is allowed', () => {
    const { protocol } = tokenProtocol();
    const server = new ScriptedServer(protocol);
    const bytes = 3 * 1024 * 1024;
    const before = process.memoryUsage().arrayBuffers;
    server.codec.receive(tokenFrame('request', 1, { token: 'x'.repeat(bytes) }));
    assert.match(server.faults[0]!.message, /malloc: no memory for \d+ bytes/);
    assert.ok(process.memoryUsage().arrayBuffers - before < 3 * bytes);
  });
});

test('an edited call is written anew by the guest', () => {
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.codec.receive(tokenFrame('request', 9, { token: 'kept' }));
  const call = server.calls[0]!;
  call.head.path = '/e';
  call.head.set('x-other', 'dropped by this protocol');
  call.forward(client.codec.openStream(call));
  const sent = client.connection.take();
  assert.deepEqual(sent, tokenFrame('request', sent.readUInt32LE(8), { token: 'kept', method: 4 }));
});

test('a call with another body has it, longer or shorter', () => {
  for (const body of ['', 'x', 'a body that is longer than the one that came']) {
    const server = new ScriptedServer(protocol);
    const client = new ScriptedClient(protocol);
    server.codec.receive(tokenFrame('request', 9, { token: 'before', method: 2 }));
    const call = server.calls[0]!;
    call.head.body = Buffer.from(body);
    call.forward(client.codec.openStream(call));
    const sent = client.connection.take();
    assert.deepEqual(sent, tokenFrame('request', sent.readUInt32LE(8), { token: body, method: 2 }));
  }
});

test('where calls follow one another ids are left alone', () => {
  const { protocol } = tokenProtocol({ exclusive: true });
  assert.equal(protocol.pooling, 'exclusive');
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = (call) => call.forward(client.codec.openStream(call));
  server.codec.receive(tokenFrame('request', 77, { token: 't' }));
  assert.deepEqual(client.connection.take(), tokenFrame('request', 77, { token: 't' }));
  client.codec.receive(tokenFrame('reply', 77, { token: 't' }));
  assert.deepEqual(server.connection.take(), tokenFrame('reply', 77, { token: 't' }));
});
