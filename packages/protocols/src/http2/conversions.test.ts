import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestHead } from '@sofamesh/contract/message';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { protocol as http1 } from '../http1/http1.ts';
import { protocol } from './http2.ts';
import { data, endHeaders, get, headers, opening, post } from './sample-frames.test.ts';

function http2Server(...frames: Buffer[]): ScriptedServer {
  const server = new ScriptedServer(protocol);
  server.codec.receive(opening.fromClient());
  server.connection.take();
  for (const frame of frames) server.codec.receive(frame);
  return server;
}

function http2Client(): ScriptedClient {
  const client = new ScriptedClient(protocol);
  client.codec.receive(opening.fromServer());
  client.connection.take();
  return client;
}

const lines = (...text: string[]) => Buffer.from(text.join('\r\n'), 'latin1');

describe('from HTTP/1 to HTTP/2', () => {
  test('a request loses what belongs to its connection and keeps the rest', () => {
    const server = new ScriptedServer(http1, { enableTrailers: true });
    server.codec.receive(
      lines(
        'POST /path?query HTTP/1.1',
        'Host: a.example',
        'Connection: keep-alive, X-Hop',
        'Keep-Alive: timeout=5',
        'X-Hop: 1',
        'TE: trailers',
        'Transfer-Encoding: chunked',
        'X-Kept:  value ',
        '',
        '4',
        'body',
        '0',
        'X-Trailer: t',
        '',
        '',
      ),
    );
    const client = http2Client();
    client.forward(server.lastCall);
    const { lastCall: next } = http2Server(client.connection.take());
    const seen: string[] = [];
    next.head.visit((name, value) => seen.push(`${name}: ${value}`));
    assert.deepEqual(seen, ['te: trailers', 'x-kept: value']);
    assert.deepEqual(
      [next.head.method, next.head.path, next.head.authority, next.head.scheme],
      ['POST', '/path?query', 'a.example', 'http'],
    );
    assert.equal(next.requestBody.toString(), 'body');
    assert.equal(next.requestTrailers!.get('x-trailer'), 't');
  });

  test('a response loses its connection fields, and the end of its chunks is the end', () => {
    const server = http2Server(headers(1, get));
    const client = new ScriptedClient(http1);
    client.forward(server.lastCall);
    client.codec.receive(
      lines(
        'HTTP/1.1 200 OK',
        'Connection: close',
        'Transfer-Encoding: chunked',
        'Set-Cookie: a=1',
        'Set-Cookie: b=2',
        '',
        '2',
        'ok',
        '0',
        '',
        '',
      ),
    );
    const { lastCall: call } = server;
    const reader = http2Client();
    const second = http2Server(headers(1, get));
    second.lastCall.relays = false;
    reader.forward(second.lastCall);
    reader.codec.receive(server.connection.take());
    assert.deepEqual(second.lastCall.response!.getAll('set-cookie'), ['a=1', 'b=2']);
    assert.equal(second.lastCall.response!.get('connection'), undefined);
    assert.equal(second.lastCall.response!.get('transfer-encoding'), undefined);
    assert.equal(second.lastCall.responseBody.toString(), 'ok');
    assert.ok(second.lastCall.responseEnded && call.responseEnded);
  });

  test('a body that is cut short is reset, never ended', () => {
    const server = http2Server(headers(1, get));
    const client = new ScriptedClient(http1);
    client.forward(server.lastCall);
    client.codec.receive(lines('HTTP/1.1 200 OK', 'Content-Length: 10', '', 'half'));
    client.codec.receiveEnd();
    assert.equal(server.lastCall.responseReset, 'connection-termination');
    server.lastCall.stream.reset(server.lastCall.responseReset!);
    const second = http2Server(headers(1, get));
    second.lastCall.relays = false;
    const reader = http2Client();
    reader.forward(second.lastCall);
    reader.codec.receive(server.connection.take());
    assert.ok(!second.lastCall.responseEnded);
    assert.equal(second.lastCall.responseReset, 'remote-reset');
  });
});

describe('from HTTP/2 to HTTP/1', () => {
  test('a request without length is chunked, its cookie crumbs are one, and there is one Host', () => {
    const server = http2Server(
      headers(1, [...post, ['cookie', 'a=1'], ['cookie', 'b=2'], ['te', 'trailers']], endHeaders),
      data(1, 'body', 0),
      headers(1, [['x-trailer', 't']]),
    );
    const client = new ScriptedClient(http1, { enableTrailers: true });
    client.forward(server.lastCall);
    assert.equal(
      client.connection.take().toString('latin1'),
      'POST /one?two HTTP/1.1\r\nhost: a.example:8080\r\ncookie: a=1; b=2\r\nte: trailers\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx-trailer: t\r\n\r\n',
    );
  });

  test('a request with length keeps it, one without a body has none', () => {
    const server = http2Server(
      headers(1, [...post, ['content-length', '4']], endHeaders),
      data(1, 'body'),
      headers(3, get),
    );
    const sent = server.calls.map((call) => {
      const client = new ScriptedClient(http1);
      client.forward(call);
      return client.connection.take().toString('latin1');
    });
    assert.deepEqual(sent, [
      'POST /one?two HTTP/1.1\r\nhost: a.example:8080\r\ncontent-length: 4\r\n\r\nbody',
      'GET /one?two HTTP/1.1\r\nhost: a.example:8080\r\n\r\n',
    ]);
  });
});

describe('from other protocols', () => {
  test('what HTTP/2 cannot carry is left out, and a call that cannot be said is not sent', () => {
    const { lastCall } = http2Server(headers(1, get));
    const foreign = (path: string, fields: readonly (readonly [string, string])[]): RequestHead =>
      Object.assign(Object.create(null), {
        protocol: 'bolt',
        method: 'POST',
        authority: 'com.example.Service',
        path,
        scheme: 'bolt',
        upgrade: undefined,
        visit: (visitor: (name: string, value: string) => void) => {
          for (const [name, value] of fields) visitor(name, value);
        },
        get: () => undefined,
      });
    const client = http2Client();
    const stream = client.codec.openStream(lastCall);
    stream.sendHead(
      foreign('/method', [
        ['plain', 'value'],
        ['bad name', 'x'],
        ['split', 'a\r\nb'],
        ['wide', '\u4f60'],
        [':path', '/other'],
        ['blank', ' x '],
      ]),
      true,
    );
    const { lastCall: next } = http2Server(client.connection.take());
    const seen: string[] = [];
    next.head.visit((name, value) => seen.push(`${name}: ${value}`));
    assert.deepEqual(seen, ['plain: value', 'blank: x']);
    assert.deepEqual([next.head.path, next.head.scheme], ['/method', 'http']);
    lastCall.relays = false;
    const other = http2Client();
    other.codec.openStream(lastCall).sendHead(foreign('/a b', []), true);
    assert.equal(lastCall.responseReset, 'protocol-error');
    assert.equal(other.connection.take().length, 0);
  });
});
