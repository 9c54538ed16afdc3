import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CodecLimits } from '@sofamesh/contract/protocol';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { HpackEncoder } from '../shared/hpack/encoder.ts';
import { protocol } from './http2.ts';
import {
  data,
  endHeaders,
  endStream,
  type Fields,
  frame,
  framesIn,
  get,
  headers,
  opening,
  post,
} from './sample-frames.test.ts';

function serverWith(limits: Partial<CodecLimits> = {}, settings?: unknown): ScriptedServer {
  const server = new ScriptedServer(protocol, settings, limits);
  server.codec.receive(opening.fromClient());
  server.connection.take();
  return server;
}

/** The same fields, one of them replaced. */
const but = (name: string, value: string): Fields => get.map((field) => (field[0] === name ? [name, value] : field));
const without = (name: string): Fields => get.filter((field) => field[0] !== name);

const malformed: readonly (readonly [what: string, fields: Fields])[] = [
  ['upper case in a name', [...get, ['X-one', '1']]],
  ['a blank in a name', [...get, ['x one', '1']]],
  ['a colon in a name', [...get, ['x:one', '1']]],
  ['a high byte in a name', [...get, ['x-\u00fc', '1']]],
  ['a control character in a name', [...get, ['x\u0001', '1']]],
  ['an empty name', [...get, ['', '1']]],
  ['CR in a value', [...get, ['x-one', 'a\rb']]],
  ['LF in a value', [...get, ['x-one', 'a\nb']]],
  ['CR LF in a value', [...get, ['x-one', 'a\r\nx-two: b']]],
  ['NUL in a value', [...get, ['x-one', 'a\0b']]],
  ['DEL in a value', [...get, ['x-one', 'a\u007fb']]],
  ['a control character in a value', [...get, ['x-one', 'a\u0001b']]],
  ['a leading blank', [...get, ['x-one', ' a']]],
  ['a trailing blank', [...get, ['x-one', 'a ']]],
  ['a leading tab', [...get, ['x-one', '\ta']]],
  ['a trailing tab', [...get, ['x-one', 'a\t']]],
  ['a value that is a blank', [...get, ['x-one', ' ']]],
  ['Connection', [...get, ['connection', 'keep-alive']]],
  ['Transfer-Encoding', [...get, ['transfer-encoding', 'chunked']]],
  ['Upgrade', [...get, ['upgrade', 'websocket']]],
  ['Proxy-Connection', [...get, ['proxy-connection', 'keep-alive']]],
  ['Keep-Alive', [...get, ['keep-alive', 'timeout=5']]],
  ['TE other than trailers', [...get, ['te', 'trailers, deflate']]],
  ['a length that is not the body’s', [...get, ['content-length', '1']]],
  ['a length with a sign', [...get, ['content-length', '+0']]],
  ['a length with a leading zero', [...get, ['content-length', '00']]],
  ['a list of lengths', [...get, ['content-length', '0, 0']]],
  ['an empty length', [...get, ['content-length', '']]],
  ['two lengths', [...get, ['content-length', '0'], ['content-length', '0']]],
  ['no :method', without(':method')],
  ['an empty :method', but(':method', '')],
  ['a blank in :method', but(':method', 'GET /')],
  ['a method in lower case', but(':method', 'get')],
  ['no :scheme', without(':scheme')],
  ['a scheme of another kind', but(':scheme', 'ftp')],
  ['a scheme with a path', but(':scheme', 'http://a/')],
  ['no :path', without(':path')],
  ['an empty :path', but(':path', '')],
  ['a :path without slash', but(':path', 'one')],
  ['* with GET', but(':path', '*')],
  ['a fragment in :path', but(':path', '/one#two')],
  ['a blank in :path', but(':path', '/one two')],
  ['CR LF in :path', but(':path', '/ HTTP/1.1\r\nx: y')],
  ['a high byte in :path', but(':path', '/\u00fc')],
  ['neither :authority nor Host', without(':authority')],
  ['an empty :authority', but(':authority', '')],
  ['a blank in :authority', but(':authority', 'a b')],
  ['a slash in :authority', but(':authority', 'a/b')],
  ['user information in :authority', but(':authority', 'u@a')],
  ['a port that is none', but(':authority', 'a:99999')],
  ['two of a pseudo-header field', [[':path', '/two'], ...get]],
  ['a pseudo-header field behind a regular one', [...without(':path'), ['x-one', '1'], [':path', '/']]],
  ['an unknown pseudo-header field', [[':unknown', '1'], ...get]],
  ['a pseudo-header field of responses', [[':status', '200'], ...get]],
  ['two Hosts', [...get, ['host', 'a.example:8080'], ['host', 'a.example:8080']]],
  ['a Host that is not :authority', [...get, ['host', 'b.example']]],
  [':protocol that was not offered', [[':method', 'CONNECT'], ...get.slice(1), [':protocol', 'websocket']]],
  [
    'CONNECT with a path',
    [
      [':method', 'CONNECT'],
      [':authority', 'a:1'],
      [':path', '/'],
    ],
  ],
  [
    'CONNECT with a scheme',
    [
      [':method', 'CONNECT'],
      [':authority', 'a:1'],
      [':scheme', 'http'],
    ],
  ],
  [
    'CONNECT without a port',
    [
      [':method', 'CONNECT'],
      [':authority', 'a'],
    ],
  ],
];

describe('malformed requests', () => {
  for (const [what, fields] of malformed) {
    test(`${what}: the stream is reset, the engine sees nothing, the next one is served`, () => {
      const server = serverWith();
      server.codec.receive(headers(1, fields));
      assert.equal(server.calls.length, 0);
      assert.deepEqual(
        server.faults.map(({ scope, code, answered }) => [scope, code, answered]),
        [['stream', 'rx_messaging_error', 0]],
      );
      const [answer, ...more] = framesIn(server.connection.take());
      assert.deepEqual([answer?.type, answer?.streamId, answer?.payload.readUInt32BE()], [3, 1, 1]);
      assert.deepEqual(more, []);
      server.codec.receive(headers(3, get));
      assert.equal(server.calls.length, 1);
    });
  }

  test('cost the connection where it was configured so', () => {
    const server = serverWith({}, { overrideStreamErrorOnInvalidHttpMessage: false });
    server.codec.receive(headers(1, [...get, ['X', 'y']]));
    assert.deepEqual(
      server.faults.map(({ scope, code }) => [scope, code]),
      [['connection', 'rx_messaging_error']],
    );
    assert.equal(server.connection.closed, 'flush');
  });

  for (const [what, trailers] of [
    ['a pseudo-header field', [[':status', '200']]],
    ['Content-Length', [['content-length', '4']]],
    ['Host', [['host', 'a']]],
    ['Transfer-Encoding', [['transfer-encoding', 'chunked']]],
    ['a bad value', [['x', 'a\nb']]],
  ] as [string, Fields][]) {
    test(`${what} in a trailer section resets a request that has begun`, () => {
      const server = serverWith();
      server.codec.receive(Buffer.concat([headers(1, post, endHeaders), data(1, 'body', 0), headers(1, trailers)]));
      assert.equal(server.lastCall.requestReset, 'protocol-error');
      assert.equal(server.faults[0]!.code, 'rx_messaging_error');
      assert.equal(server.codec.activeStreams, 0);
    });
  }

  test('a body that is longer, or shorter, than its length resets the request', () => {
    const begun = headers(1, [...post, ['content-length', '5']], endHeaders);
    for (const rest of [data(1, '123456'), data(1, '1234'), data(1, '123456', 0), headers(1, [['x', 'y']])]) {
      const server = serverWith();
      server.codec.receive(Buffer.concat([begun, rest]));
      assert.equal(server.lastCall.requestReset, 'protocol-error');
      assert.ok(!server.lastCall.requestEnded);
    }
  });
});

describe('well-formed requests', () => {
  const accepted: readonly (readonly [what: string, fields: Fields, check: (server: ScriptedServer) => void])[] = [
    [
      'Host in place of :authority',
      [...without(':authority'), ['host', 'h.example']],
      ({ lastCall: { head } }) => {
        assert.equal(head.authority, 'h.example');
        assert.equal(head.get('host'), 'h.example');
      },
    ],
    [
      'Host beside an equal :authority is told once',
      [...get, ['host', 'a.example:8080']],
      ({ lastCall: { head } }) => head.visit((name) => assert.notEqual(name, 'host')),
    ],
    [
      'octets above ASCII',
      [...get, ['x', 'gr\u00c3\u00b6\u00c3\u009fe']],
      ({ lastCall: { head } }) => assert.equal(head.get('x'), 'gr\u00c3\u00b6\u00c3\u009fe'),
    ],
    [
      'blanks inside a value',
      [...get, ['x', 'a \t b']],
      ({ lastCall: { head } }) => assert.equal(head.get('x'), 'a \t b'),
    ],
    [
      'an IPv6 authority',
      but(':authority', '[::1]:80'),
      ({ lastCall: { head } }) => assert.equal(head.authority, '[::1]:80'),
    ],
    [
      'OPTIONS *',
      [
        [':method', 'OPTIONS'],
        [':scheme', 'https'],
        [':authority', 'a'],
        [':path', '*'],
      ],
      ({ lastCall: { head } }) => assert.deepEqual([head.path, head.scheme], ['*', 'https']),
    ],
    [
      'several fields of one name',
      [...get, ['x', '1'], ['y', '2'], ['x', '3']],
      ({ lastCall: { head } }) => {
        assert.equal(head.get('x'), '1,3');
        assert.deepEqual(head.getAll('x'), ['1', '3']);
      },
    ],
    [
      'CONNECT',
      [
        [':method', 'CONNECT'],
        [':authority', 'db.example:5432'],
      ],
      ({ lastCall: { head } }) =>
        assert.deepEqual([head.method, head.authority, head.path], ['CONNECT', 'db.example:5432', '']),
    ],
  ];
  for (const [what, fields, check] of accepted) {
    test(what, () => {
      const server = serverWith();
      server.codec.receive(headers(1, fields));
      assert.deepEqual(server.faults, []);
      check(server);
    });
  }

  test('edits refuse what would split the message', () => {
    const server = serverWith();
    server.codec.receive(headers(1, get));
    const { head } = server.lastCall;
    assert.throws(() => head.set('x', 'a\r\nb: c'), /forbids/);
    assert.throws(() => head.add('x y', 'a'), /field name/);
    assert.throws(() => head.set('content-length', '1, 1'), /decimal/);
    assert.throws(() => {
      head.path = '/a b';
    }, /path/);
    assert.throws(() => {
      head.authority = 'a/b';
    }, /host/);
  });

  test('what was never to be indexed is sent on like that', () => {
    const server = serverWith();
    const encoder = new HpackEncoder();
    encoder.begin();
    for (const [name, value] of get) encoder.field(name, value);
    encoder.field('x-secret', 'sesame', true);
    server.codec.receive(frame(1, endStream | endHeaders, 1, encoder.take()));
    const client = new ScriptedClient(protocol);
    client.codec.receive(opening.fromServer());
    client.connection.take();
    client.forward(server.lastCall);
    const [{ payload } = assert.fail('nothing was sent')] = framesIn(client.connection.take());
    const name = payload.lastIndexOf(Buffer.from([0x10]));
    assert.ok(name > 0, 'no literal that is never to be indexed');
  });
});

describe('100-continue', () => {
  const waiting: Fields = [...post, ['expect', '100-continue']];

  test('is said when the body is wanted, and Expect is not passed on', () => {
    const server = serverWith();
    server.codec.receive(headers(1, waiting, endHeaders));
    assert.equal(server.lastCall.head.get('expect'), undefined);
    assert.equal(framesIn(server.connection.take()).length, 1);
  });

  test('waits for a paused request', () => {
    const server = serverWith();
    server.onCall = (call) => call.stream.pauseRequest();
    server.codec.receive(headers(1, waiting, endHeaders));
    assert.equal(server.connection.take().length, 0);
    server.lastCall.stream.resumeRequest();
    assert.equal(framesIn(server.connection.take()).length, 1);
  });

  test('of an upstream that was not asked is not passed on, that of one that was is, once', () => {
    const interim = (server: ScriptedServer, request: Buffer) => {
      server.codec.receive(request);
      server.connection.take();
      const client = new ScriptedClient(protocol);
      client.codec.receive(opening.fromServer());
      client.forward(server.lastCall);
      const head = headers(1, [[':status', '100']], endHeaders);
      client.codec.receive(Buffer.concat([head, head]));
      return framesIn(server.connection.take()).length;
    };
    assert.equal(interim(serverWith(), headers(1, get)), 0);
    assert.equal(interim(serverWith(), headers(1, waiting, endHeaders)), 0, 'it was said already');
    assert.equal(interim(serverWith({}, { proxy100Continue: true }), headers(1, waiting, endHeaders)), 1);
  });

  test('is not said behind an answer, nor where it is relayed', () => {
    const answered = serverWith();
    answered.onCall = (call) => call.stream.sendReply({ status: 417, body: '', details: '', flags: 0 });
    answered.codec.receive(headers(1, waiting, endHeaders));
    assert.deepEqual(
      framesIn(answered.connection.take()).map(({ type }) => type),
      [1, 3],
    );
    const relaying = serverWith({}, { proxy100Continue: true });
    relaying.codec.receive(headers(1, waiting, endHeaders));
    assert.equal(relaying.lastCall.head.get('expect'), '100-continue');
    assert.equal(relaying.connection.take().length, 0);
  });
});
