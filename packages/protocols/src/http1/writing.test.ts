import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestHead, ResponseHead } from '@sofamesh/contract/message';
import { type ScriptedCall, ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { protocol } from './http1.ts';
import { message, plainRequest, plainResponse } from './sample-messages.test.ts';
import type { Http1Settings } from './settings.ts';

const preserving: Http1Settings = { headerKeyFormat: 'preserve', enableTrailers: true };

function read(request: Buffer, settings = preserving): { server: ScriptedServer; call: ScriptedCall } {
  const server = new ScriptedServer(protocol, settings);
  server.codec.receive(Buffer.from(request));
  return { server, call: server.lastCall };
}

function sent(call: ScriptedCall, settings = preserving): Buffer {
  const client = new ScriptedClient(protocol, settings);
  client.forward(call);
  return client.connection.take();
}

/** What a client gets of an answer. */
function answered(
  request: Buffer,
  response: Buffer,
  edit: (head: ResponseHead) => void = () => {},
  settings = preserving,
): Buffer {
  const { server, call } = read(request, settings);
  const client = new ScriptedClient(protocol, settings);
  const pass = call.onResponseHead.bind(call);
  call.onResponseHead = (head, end) => {
    edit(head);
    pass(head, end);
  };
  client.forward(call);
  client.codec.receive(Buffer.from(response));
  assert.deepEqual(client.faults, []);
  return server.connection.take();
}

const get = message('GET / HTTP/1.1', 'Host: a', '', '');

describe('what goes on', () => {
  test('is what came, octet by octet, where nothing is of this hop', () => {
    const odd = message(
      'DELETE /%2e%2e//a?b=c&d HTTP/1.1',
      'hOsT: A.Example:80',
      'X:',
      'y:  \t1  2\t ',
      'Z: \u00fc',
      '',
      '',
    );
    for (const request of [plainRequest, get, odd]) assert.deepEqual(sent(read(request).call), request);
    const strange = message(
      'HTTP/1.1 206 Partial Content',
      'SERVER:x',
      'set-cookie: a',
      'Set-Cookie: b',
      'Content-Length: 0',
      '',
      '',
    );
    for (const response of [plainResponse, strange]) assert.deepEqual(answered(get, response), response);
  });

  test('loses what is of one hop, wherever it stands', () => {
    const hops = ['Connection: x-hop, close', 'x-hop: 1', 'Keep-Alive: 1', 'Proxy-Connection: x', 'TE: gzip'];
    const kept = ['Host: a', 'X-A: 1', 'X-B: 2'];
    for (let at = 0; at <= kept.length; at++) {
      const lines = [...kept.slice(0, at), ...hops, ...kept.slice(at)];
      assert.deepEqual(
        sent(read(message('GET / HTTP/1.1', ...lines, '', '')).call),
        message('GET / HTTP/1.1', ...kept, '', ''),
      );
    }
  });

  test('keeps what Connection must not take away', () => {
    const request = message(
      'POST / HTTP/1.1',
      'Host: a',
      'Connection: content-length, te',
      'Content-Length: 1',
      '',
      'x',
    );
    const bytes = sent(read(request).call);
    assert.deepEqual(bytes, message('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1', '', 'x'));
  });

  test('has edits at its end, and the rest untouched', () => {
    const { call } = read(message('GET /a HTTP/1.1', 'Host: a', 'One: 1', 'Two: 2', 'one: 3', '', ''));
    call.head.set('two', '22');
    call.head.add('one', '4');
    assert.deepEqual(call.head.getAll('one'), ['1', '3', '4']);
    assert.equal(call.head.get('two'), '22');
    assert.deepEqual(
      sent(call),
      message('GET /a HTTP/1.1', 'Host: a', 'One: 1', 'one: 3', 'Two: 22', 'One: 4', '', ''),
    );
    call.head.path = '/b?c';
    call.head.method = 'POST';
    call.head.authority = 'b:81';
    call.head.remove('one');
    assert.deepEqual(sent(call), message('POST /b?c HTTP/1.1', 'Host: b:81', 'Two: 22', 'content-length: 0', '', ''));
    assert.deepEqual(
      answered(get, plainResponse, (head) => {
        head.status = 202;
        head.set('x-new', 'y');
        head.remove('content-type');
      }),
      message('HTTP/1.1 202 Accepted', 'Content-Length: 6', 'x-new: y', '', 'answer'),
    );
  });

  test('is chunked anew, with trailers and without extensions', () => {
    const request = message(
      'POST / HTTP/1.1',
      'Host: a',
      'Transfer-Encoding: CHUNKED',
      '',
      '3;x=y',
      'abc',
      '0',
      'X-T: 1',
      'Host: b',
      '',
      '',
    );
    assert.deepEqual(
      sent(read(request).call),
      message('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', '', '3', 'abc', '0', 'X-T: 1', '', ''),
    );
    const large = 'z'.repeat(5000);
    const response = message('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '1388', large, '0', '', '');
    assert.deepEqual(
      answered(get, response),
      message('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '1388', large, '0', '', ''),
    );
  });

  test('never has two lengths, or a length that is wrong', () => {
    const { call } = read(plainRequest);
    call.head.add('content-length', '9');
    call.head.set('transfer-encoding', 'chunked');
    call.head.set('connection', 'x');
    const lines = sent(call).toString().toLowerCase().split('\r\n');
    assert.equal(lines.filter((line) => line.startsWith('content-length')).length, 1);
    assert.ok(!lines.some((line) => line.startsWith('transfer-encoding') || line.startsWith('connection')));
    const short = read(plainRequest).call;
    short.head.set('content-length', '3');
    const client = new ScriptedClient(protocol);
    client.forward(short);
    assert.equal(short.responseReset, 'protocol-error');
    assert.equal(client.connection.closed, 'now');
    assert.ok(client.connection.take().toString().endsWith('\r\n\r\n'), 'no octet beyond the length');
    const { server, call: wrong } = read(get);
    const up = new ScriptedClient(protocol);
    up.forward(wrong);
    wrong.relays = false;
    up.codec.receive(Buffer.from(plainResponse));
    wrong.stream.sendHead(wrong.response!, false);
    wrong.stream.sendData(Buffer.from('more than six'), true);
    assert.equal(server.connection.closed, 'flush');
    assert.equal(wrong.requestReset, 'protocol-error', 'the engine is told');
  });

  test('cannot be split by an edit', () => {
    const { head } = read(get).call;
    for (const value of ['a\r\nb: c', 'a\nb', 'a\0', '\u010d\u010a']) {
      assert.throws(() => head.set('x', value), { code: 'bad_header_value' });
      assert.throws(() => head.add('x', value), { code: 'bad_header_value' });
      assert.throws(
        () => {
          head.path = `/${value}`;
        },
        { code: 'bad_path' },
      );
      assert.throws(
        () => {
          head.authority = value;
        },
        { code: 'bad_authority' },
      );
    }
    for (const name of ['', 'a b', 'a:', 'a\r\nb'])
      assert.throws(() => head.set(name, '1'), { code: 'bad_header_name' });
    assert.throws(() => head.set('content-length', '1, 1'), { code: 'bad_header_value' });
    assert.throws(
      () => {
        head.method = 'GET /';
      },
      { code: 'bad_method' },
    );
    assert.deepEqual(sent(read(get).call), get);
  });
});

describe('names of fields', () => {
  const lines = ['X-Upper: A', 'etag: b', 'x_under-1a: C'];
  const request = message('GET / HTTP/1.1', 'HOST: A', ...lines, '', '');
  const response = message('HTTP/1.1 200 OK', 'Content-LENGTH: 0', ...lines, '', '');
  const plain: Http1Settings = {};
  const proper: Http1Settings = { headerKeyFormat: 'proper', enableTrailers: true };
  const unedited = () => {};

  test('are lower case by default, however the head was cut', () => {
    const lower = message('GET / HTTP/1.1', 'host: A', 'x-upper: A', 'etag: b', 'x_under-1a: C', '', '');
    assert.deepEqual(sent(read(request, plain).call, plain), lower);
    for (let at = 1; at < request.length; at++) {
      const server = new ScriptedServer(protocol);
      server.codec.receive(Buffer.from(request.subarray(0, at)));
      server.codec.receive(Buffer.from(request.subarray(at)));
      assert.deepEqual(sent(server.lastCall, plain), lower);
    }
    assert.deepEqual(
      answered(get, response, unedited, plain),
      message('HTTP/1.1 200 OK', 'content-length: 0', 'x-upper: A', 'etag: b', 'x_under-1a: C', '', ''),
    );
  });

  test('have upper-case initials where the writing side wants them', () => {
    assert.deepEqual(
      sent(read(request, plain).call, proper),
      message('GET / HTTP/1.1', 'Host: A', 'X-Upper: A', 'Etag: b', 'X_Under-1a: C', '', ''),
    );
    const { server, call } = read(get, proper);
    call.stream.sendReply({ status: 404, body: 'a: b\r\nc: d', details: '', flags: 0, headers: [['x-y', 'z']] });
    assert.deepEqual(
      server.connection.take(),
      message('HTTP/1.1 404 Not Found', 'X-Y: z', 'Content-Length: 10', 'Content-Type: text/plain', '', 'a: b', 'c: d'),
    );
    const chunked = message('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', '1', 'x', '0', 'x-t: 1', '', '');
    assert.deepEqual(
      answered(get, chunked, unedited, proper),
      message('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '1', 'x', '0', 'X-T: 1', '', ''),
    );
  });

  test('stay as they were spelled where the reading side keeps them, edits and our own fields too', () => {
    const { call } = read(request);
    call.head.set('x-upper', 'Z');
    call.head.set('x-new', 'N');
    call.head.authority = 'b';
    assert.deepEqual(
      sent(call, proper),
      message('GET / HTTP/1.1', 'HOST: b', 'etag: b', 'x_under-1a: C', 'X-Upper: Z', 'x-new: N', '', ''),
    );
    const closing = message('GET / HTTP/1.1', 'Host: a', 'Connection: close', '', '');
    const own = message('HTTP/1.1 200 OK', 'CONNECTION: keep-alive', 'Content-LENGTH: 0', '', '');
    assert.deepEqual(
      answered(closing, own),
      message('HTTP/1.1 200 OK', 'Content-LENGTH: 0', 'CONNECTION: close', '', ''),
    );
  });
});

test('a reason phrase of an upstream is not passed on', () => {
  for (const line of ['HTTP/1.1 200 Fine', 'HTTP/1.1 200', 'HTTP/1.1 200 ', 'HTTP/1.1 200 \u00fc', 'HTTP/1.0 200 OK']) {
    const response = message(line, 'connection: keep-alive', 'content-length: 0', '', '');
    assert.deepEqual(answered(get, response), message('HTTP/1.1 200 OK', 'content-length: 0', '', ''), line);
  }
});

test('a reason phrase goes on where that is wanted', () => {
  const wanted: Http1Settings = { forwardReasonPhrase: true };
  for (const words of ['Fine', '', '\u00fc \t x']) {
    const response = message(`HTTP/1.1 200 ${words}`, 'content-length: 0', '', '');
    assert.deepEqual(
      answered(get, response, () => {}, wanted),
      response,
      words,
    );
  }
  const old = message('HTTP/1.0 200 Fine', 'connection: keep-alive', 'content-length: 0', '', '');
  assert.deepEqual(
    answered(get, old, () => {}, wanted),
    message('HTTP/1.1 200 OK', 'content-length: 0', '', ''),
  );
});

test('trailers go no further unless they are wanted on both sides', () => {
  const request = message('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked', '', '0', 'x-t: 1', '', '');
  const without = message('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked', '', '0', '', '');
  assert.deepEqual(sent(read(request, {}).call), without);
  assert.deepEqual(sent(read(request).call, {}), without);
  assert.deepEqual(sent(read(request).call), request);
});

test('a length beside chunks is dropped where that is allowed', () => {
  const both: Http1Settings = { allowChunkedLength: true };
  const body = ['2', 'ab', '0', '', ''];
  const fields = ['content-length: 9', 'transfer-encoding: chunked', 'content-length: 3'];
  const { call } = read(message('POST / HTTP/1.1', 'host: a', ...fields, '', ...body), both);
  assert.equal(call.head.get('content-length'), undefined);
  assert.deepEqual(sent(call), message('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked', '', ...body));
  assert.deepEqual(
    answered(get, message('HTTP/1.1 200 OK', ...fields, '', ...body), () => {}, both),
    message('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', ...body),
  );
});

/** A head that another codec, or the proxy itself, has made. */
function foreignHead(fields: object, headers: readonly (readonly [string, string])[]): RequestHead & ResponseHead {
  return {
    protocol: 'h',
    get: (name: string) => headers.find(([each]) => each === name)?.[1],
    visit: (visitor: (name: string, value: string) => void) => {
      for (const [name, value] of headers) visitor(name, value);
    },
    upgrade: undefined,
    ...fields,
  } as RequestHead & ResponseHead;
}

describe('heads of other protocols', () => {
  test('are written with what HTTP/1 can carry', () => {
    const head = foreignHead({ method: 'POST', path: '/a', authority: 'b' }, [
      ['x', '1'],
      ['bad', 'a\r\nb: c'],
      ['bad name', '1'],
      ['host', 'c'],
      ['connection', 'close'],
      ['transfer-encoding', 'chunked'],
      ['upgrade', 'x'],
      ['te', 'gzip'],
      ['te', 'trailers'],
    ]);
    const client = new ScriptedClient(protocol);
    const { call } = read(get);
    const stream = client.codec.openStream(call);
    stream.sendHead(head, false);
    stream.sendData(Buffer.from('ab'), true);
    assert.deepEqual(
      client.connection.take(),
      message(
        'POST /a HTTP/1.1',
        'host: b',
        'x: 1',
        'te: trailers',
        'transfer-encoding: chunked',
        '',
        '2',
        'ab',
        '0',
        '',
        '',
      ),
    );
  });

  test('are refused when HTTP/1 cannot say them', () => {
    for (const fields of [
      { path: '/a b' },
      { path: '' },
      { path: '/\r\n' },
      { method: 'A B' },
      { authority: 'a\r\nb' },
    ]) {
      const client = new ScriptedClient(protocol);
      const { call } = read(get);
      client.codec
        .openStream(call)
        .sendHead(foreignHead({ method: 'GET', path: '/', authority: 'a', ...fields }, []), true);
      assert.equal(client.connection.take().length, 0);
      assert.equal(call.responseReset, 'protocol-error');
    }
  });

  test('are answers as well', () => {
    const { server, call } = read(get);
    call.stream.sendHead(
      foreignHead({ status: 200 }, [
        ['content-length', '2'],
        ['x', 'y'],
      ]),
      false,
    );
    call.stream.sendData(Buffer.from('ok'), true);
    assert.deepEqual(server.connection.take(), message('HTTP/1.1 200 OK', 'content-length: 2', 'x: y', '', 'ok'));
    const head = read(message('HEAD / HTTP/1.1', 'Host: a', '', ''));
    head.call.stream.sendHead(foreignHead({ status: 200 }, [['content-length', '2']]), true);
    assert.deepEqual(head.server.connection.take(), message('HTTP/1.1 200 OK', 'content-length: 2', '', ''));
    const empty = read(get);
    empty.call.stream.sendHead(foreignHead({ status: 500 }, []), true);
    assert.deepEqual(
      empty.server.connection.take(),
      message('HTTP/1.1 500 Internal Server Error', 'content-length: 0', '', ''),
    );
  });

  test('an interim status is no answer', () => {
    const { server, call } = read(get);
    call.stream.sendHead(foreignHead({ status: 101 }, []), false);
    assert.equal(server.connection.take().length, 0);
    assert.equal(server.connection.closed, 'flush');
    assert.equal(call.requestReset, 'protocol-error');
  });
});
