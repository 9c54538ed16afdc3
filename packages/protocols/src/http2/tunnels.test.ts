import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { protocol as http1 } from '../http1/http1.ts';
import { protocol } from './http2.ts';
import {
  data,
  endHeaders,
  type Fields,
  framesIn,
  get,
  headers,
  opening,
  reset,
  settings,
} from './sample-frames.test.ts';

const connect: Fields = [
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  ...get.slice(1),
  ['sec-websocket-version', '13'],
];
const ok: Fields = [[':status', '200']];

function http2Server(): ScriptedServer {
  const server = new ScriptedServer(protocol, { allowConnect: true });
  server.codec.receive(opening.fromClient());
  const [announced] = framesIn(server.connection.take());
  assert.ok(announced!.payload.includes(Buffer.of(0, 8, 0, 0, 0, 1)), 'extended CONNECT is offered');
  return server;
}

function http2Client(): ScriptedClient {
  const client = new ScriptedClient(protocol);
  client.codec.receive(opening.fromServer());
  client.connection.take();
  return client;
}

function http1Upgrade(): ScriptedServer {
  const server = new ScriptedServer(http1);
  const lines = ['GET /one?two HTTP/1.1', 'Host: a.example:8080', 'Connection: Upgrade', 'Upgrade: websocket'];
  server.codec.receive(Buffer.from([...lines, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', ''].join('\r\n')));
  return server;
}

/** Decodes what a client codec wrote. */
function readBack(bytes: Buffer): ScriptedServer {
  const server = http2Server();
  server.codec.receive(bytes);
  assert.deepEqual(server.faults, []);
  return server;
}

describe('upgrades', () => {
  test('a WebSocket over HTTP/2 reaches a server that speaks HTTP/1, and bytes go both ways', () => {
    const server = http2Server();
    server.codec.receive(headers(1, connect, endHeaders));
    const call = server.lastCall;
    assert.deepEqual([call.head.method, call.head.upgrade, call.head.path], ['GET', 'websocket', '/one?two']);
    const client = new ScriptedClient(http1);
    client.forward(call);
    const sent = client.connection.take().toString('latin1');
    assert.match(sent, /^GET \/one\?two HTTP\/1\.1\r\nhost: a\.example:8080\r\n/);
    assert.match(sent, /\r\nupgrade: websocket\r\n/);
    assert.match(sent, /\r\nconnection: upgrade\r\n/);
    const key = /\r\nsec-websocket-key: (\S{24})\r\n/.exec(sent)?.[1];
    assert.ok(key !== undefined, 'a key is made');
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    client.codec.receive(
      Buffer.from(
        `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${accept}\r\n\r\nfirst`,
      ),
    );
    server.codec.receive(data(1, 'from the client', 0));
    assert.equal(client.connection.take().toString(), 'from the client');
    const [head, body] = framesIn(server.connection.take());
    assert.deepEqual([head!.type, head!.flags & 1, body!.payload.toString()], [1, 0, 'first']);
    assert.ok(!head!.payload.includes('upgrade') && !head!.payload.includes(accept));
    server.codec.receive(data(1, '', 1));
    assert.equal(client.connection.ended, true, 'one direction ends');
    client.codec.receive(Buffer.from('still there'));
    assert.equal(framesIn(server.connection.take())[0]!.payload.toString(), 'still there');
    client.codec.receiveEnd();
    assert.equal(server.codec.activeStreams, 0);
  });

  for (const accept of ['', 'sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n']) {
    test(`a 101 with ${accept === '' ? 'no answer' : 'another answer'} to the key that was made is none`, () => {
      const server = http2Server();
      server.codec.receive(headers(1, connect, endHeaders));
      const client = new ScriptedClient(http1);
      client.forward(server.lastCall);
      client.codec.receive(
        Buffer.from(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n${accept}\r\n`),
      );
      assert.deepEqual(
        client.faults.map(({ code }) => code),
        ['unexpected_upgrade'],
      );
      assert.equal(client.connection.closed, 'now');
    });
  }

  test('a WebSocket over HTTP/1 reaches a server that speaks HTTP/2', () => {
    const server = http1Upgrade();
    const client = http2Client();
    client.forward(server.lastCall);
    const { lastCall: next } = readBack(client.connection.take());
    assert.deepEqual(
      [next.head.upgrade, next.head.path, next.head.authority],
      ['websocket', '/one?two', 'a.example:8080'],
    );
    assert.notEqual(next.head.get('sec-websocket-key'), 'dGhlIHNhbXBsZSBub25jZQ==', 'keys are of one hop');
    client.codec.receive(Buffer.concat([headers(1, ok, endHeaders), data(1, 'first', 0)]));
    const answer = server.connection.take().toString('latin1');
    assert.match(answer, /^HTTP\/1\.1 101 /);
    assert.match(answer, /\r\nupgrade: websocket\r\n/i);
    // RFC 6455 §1.3 has this pair.
    assert.match(answer, /\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
    assert.match(answer, /first$/);
    server.codec.receive(Buffer.from('from the client'));
    assert.equal(framesIn(client.connection.take()).at(-1)!.payload.toString(), 'from the client');
  });

  test('from HTTP/2 to HTTP/2', () => {
    const server = http2Server();
    server.codec.receive(headers(1, connect, endHeaders));
    const client = http2Client();
    client.forward(server.lastCall);
    client.codec.receive(headers(1, ok, endHeaders));
    assert.equal(server.lastCall.response!.status, 101);
    const [head] = framesIn(server.connection.take());
    assert.deepEqual([...head!.payload], [0x88], 'status 200 and nothing else');
    client.codec.receive(data(1, 'down', 1));
    assert.equal(server.codec.activeStreams, 1, 'the client may go on');
    server.codec.receive(data(1, 'up', 1));
    assert.deepEqual([server.codec.activeStreams, client.codec.activeStreams], [0, 0]);
  });

  test('a refusal is an answer like any other', () => {
    const server = http1Upgrade();
    const client = http2Client();
    client.forward(server.lastCall);
    client.codec.receive(headers(1, [[':status', '403']]));
    assert.match(server.connection.take().toString('latin1'), /^HTTP\/1\.1 403 /);
    assert.equal(server.lastCall.response!.status, 403);
  });

  test('a server that does not take extended CONNECT is not asked, and that is no reason to try again', () => {
    const server = http1Upgrade();
    const client = new ScriptedClient(protocol);
    client.codec.receive(settings());
    client.connection.take();
    server.lastCall.relays = false;
    client.forward(server.lastCall);
    assert.equal(server.lastCall.responseReset, 'protocol-error');
    assert.equal(client.connection.take().length, 0);
    assert.deepEqual([client.codec.activeStreams, client.streamEnds], [0, 1]);
  });

  test('before its settings are known, the request waits for them', () => {
    const server = http2Server();
    server.codec.receive(headers(1, connect, endHeaders));
    const client = new ScriptedClient(protocol);
    client.connection.take();
    client.forward(server.lastCall);
    server.codec.receive(data(1, 'early', 0));
    assert.equal(client.connection.take().length, 0);
    client.codec.receive(settings([8, 1]));
    assert.deepEqual(
      framesIn(client.connection.take()).map(({ type }) => type),
      [4, 1, 0],
    );
    client.codec.receive(headers(1, ok, endHeaders));
    assert.equal(server.lastCall.response!.status, 101);
  });

  test('a request that waits for settings is told when its connection is lost', () => {
    const server = http1Upgrade();
    const client = new ScriptedClient(protocol);
    server.lastCall.relays = false;
    client.forward(server.lastCall);
    client.codec.connectionClosed({ kind: 'reset', reason: '' });
    assert.equal(server.lastCall.responseReset, 'connection-termination');
    assert.deepEqual([client.codec.activeStreams, client.streamEnds], [0, 1]);
  });
});

describe('CONNECT', () => {
  const request = headers(
    1,
    [
      [':method', 'CONNECT'],
      [':authority', 'db.example:5432'],
    ],
    endHeaders,
  );

  test('opens a tunnel with 200, whose directions end one by one', () => {
    const server = http2Server();
    server.codec.receive(request);
    const client = http2Client();
    client.forward(server.lastCall);
    const next = readBack(client.connection.take());
    assert.deepEqual([next.lastCall.head.method, next.lastCall.head.authority], ['CONNECT', 'db.example:5432']);
    client.codec.receive(Buffer.concat([headers(1, ok, endHeaders), data(1, 'hello', 1)]));
    assert.equal(server.lastCall.responseBody.toString(), 'hello');
    server.codec.receive(data(1, 'query', 1));
    assert.equal(framesIn(client.connection.take()).at(-1)!.payload.toString(), 'query');
    assert.deepEqual([server.codec.activeStreams, client.codec.activeStreams], [0, 0]);
  });

  test('a tunnel that is lost after one direction has ended is reset', () => {
    const server = http2Server();
    server.codec.receive(request);
    const client = http2Client();
    client.forward(server.lastCall);
    client.codec.receive(Buffer.concat([headers(1, ok, endHeaders), data(1, 'hello', 1), reset(1, 8)]));
    assert.equal(server.lastCall.responseReset, 'remote-reset');
    assert.equal(client.streamEnds, 1);
    server.connection.take();
    server.lastCall.stream.reset('remote-reset');
    assert.equal(framesIn(server.connection.take())[0]!.type, 3);
  });

  test('a client that ends at once', () => {
    const server = http2Server();
    server.codec.receive(
      headers(1, [
        [':method', 'CONNECT'],
        [':authority', 'db.example:5432'],
      ]),
    );
    assert.equal(server.lastCall.requestEnded, true);
    assert.equal(server.lastCall.requestData.length, 1);
  });
});
