import type { ExchangeSample } from '@sofamesh/testkit/protocol-suite/index';

/** Messages written by hand, apart from the codec, for its tests. This file has no tests. */
export function message(...lines: string[]): Buffer {
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

export const plainRequest = message(
  'POST /users?id=1 HTTP/1.1',
  'Host: users.example.com:8080',
  'Content-Type: text/plain',
  'Content-Length: 9',
  '',
  'arguments',
);
export const plainResponse = message('HTTP/1.1 200 OK', 'Content-Type: text/plain', 'Content-Length: 6', '', 'answer');
const get = message('GET /users HTTP/1.1', 'Host: a', '', '');

interface Sample extends Omit<ExchangeSample, 'request' | 'response' | 'expectRequest' | 'expectResponse'> {
  readonly request?: Buffer;
  readonly response?: Buffer;
  readonly expectRequest?: ExchangeSample['expectRequest'];
  readonly expectResponse?: ExchangeSample['expectResponse'];
}

function exchange({ request = plainRequest, response = plainResponse, ...rest }: Sample): ExchangeSample {
  return {
    expectRequest: {},
    expectResponse: {},
    ...rest,
    request: () => Buffer.from(request),
    response: () => Buffer.from(response),
  };
}

const hopHeaders = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'x-only-here', 'upgrade'];

export const exchanges: readonly ExchangeSample[] = [
  exchange({
    name: 'bodies with length',
    expectRequest: {
      method: 'POST',
      authority: 'users.example.com:8080',
      path: '/users?id=1',
      scheme: 'http',
      protocol: 'HTTP/1.1',
      oneWay: false,
      timeoutMs: 0,
      headers: { 'content-type': 'text/plain', 'content-length': '9' },
      body: Buffer.from('arguments'),
    },
    expectResponse: {
      status: 200,
      nativeStatus: 200,
      applicationError: false,
      protocol: 'HTTP/1.1',
      headers: { 'content-type': 'text/plain', 'content-length': '6' },
      body: Buffer.from('answer'),
    },
  }),
  exchange({
    name: 'chunked bodies with extensions and trailers',
    request: message(
      'PUT /x HTTP/1.1',
      'host: a',
      'transfer-encoding: chunked',
      'trailer: x-sum',
      '',
      '4;name=value;flag',
      'Wiki',
      '05;q="a;\\"b"',
      'pedia',
      '0',
      'X-Sum: 9',
      'Content-Length: 5',
      '',
      '',
    ),
    response: message(
      'HTTP/1.1 201 Created',
      'Transfer-Encoding: Chunked',
      '',
      'A',
      '0123456789',
      '00',
      'x-done: yes',
      '',
      '',
    ),
    expectRequest: {
      method: 'PUT',
      body: Buffer.from('Wikipedia'),
      trailers: { 'x-sum': '9' },
      absent: ['transfer-encoding', 'content-length'],
    },
    expectResponse: { status: 201, body: Buffer.from('0123456789'), trailers: { 'x-done': 'yes' } },
  }),
  exchange({
    name: 'a request without body, an answer of nothing',
    request: get,
    response: message('HTTP/1.1 204 No Content', 'x-a: 1', '', ''),
    expectRequest: { method: 'GET', body: Buffer.alloc(0), absent: ['content-length'] },
    expectResponse: { status: 204, body: Buffer.alloc(0), headers: { 'x-a': '1' } },
  }),
  exchange({
    name: 'an answer to HEAD that says how long the body would be',
    request: message('HEAD / HTTP/1.1', 'Host: a', '', ''),
    response: message('HTTP/1.1 200 OK', 'Content-Length: 12345', '', ''),
    expectRequest: { method: 'HEAD' },
    expectResponse: { status: 200, headers: { 'content-length': '12345' }, body: Buffer.alloc(0) },
  }),
  exchange({
    name: 'an answer without change, chunked as its body would be',
    request: get,
    response: message('HTTP/1.1 304 Not Modified', 'ETag: "a"', 'Transfer-Encoding: chunked', '', ''),
    expectResponse: { status: 304, headers: { etag: '"a"' }, body: Buffer.alloc(0) },
  }),
  exchange({
    name: 'an answer that ends with its connection',
    request: get,
    response: message('HTTP/1.1 200 OK', 'Server: x', '', 'to the end'),
    expectResponse: { status: 200, body: Buffer.from('to the end') },
    endsWithConnection: true,
  }),
  exchange({
    name: 'an answer that says close',
    response: message(
      'HTTP/1.1 200',
      'Connection: x-only-here, close',
      'X-Only-Here: 1',
      'Content-Length: 2',
      '',
      'ok',
    ),
    expectResponse: { status: 200, body: Buffer.from('ok'), absent: hopHeaders },
    retires: true,
  }),
  exchange({
    name: 'an upstream of HTTP/1.0',
    response: message('HTTP/1.0 200 OK', 'Content-Length: 2', '', 'ok'),
    expectResponse: { protocol: 'HTTP/1.0', body: Buffer.from('ok') },
    retires: true,
  }),
  exchange({
    name: 'an upstream of HTTP/1.0 that keeps its connection',
    response: message(
      'HTTP/1.0 200 OK',
      'Connection: Keep-Alive',
      'Keep-Alive: timeout=5',
      'Content-Length: 2',
      '',
      'ok',
    ),
    expectResponse: { protocol: 'HTTP/1.0', body: Buffer.from('ok'), absent: hopHeaders },
  }),
  exchange({
    name: 'a client of HTTP/1.0',
    request: message('GET /old HTTP/1.0', 'Host: a', '', ''),
    expectRequest: { protocol: 'HTTP/1.0', path: '/old', authority: 'a' },
  }),
  exchange({
    name: 'interim answers',
    response: Buffer.concat([
      message('HTTP/1.1 103 Early Hints', 'Link: </a.css>', '', ''),
      message('HTTP/1.1 102 Processing', 'Content-Length: 0', '', ''),
      plainResponse,
    ]),
    expectResponse: { status: 200, informational: [103, 102], body: Buffer.from('answer') },
  }),
  exchange({
    name: 'headers that are of one hop only',
    request: message(
      'GET / HTTP/1.1',
      'Host: a',
      'Connection: keep-alive, X-Only-Here',
      'connection: TE',
      'X-Only-Here: 1',
      'Keep-Alive: 5',
      'Proxy-Connection: keep-alive',
      'TE: trailers',
      'Upgrade: h2c',
      'X-Kept: a',
      'x-kept:\t b \t',
      'Cookie: a=1',
      'cookie: b=2',
      '',
      '',
    ),
    expectRequest: {
      headers: { te: 'trailers', 'x-kept': 'a,b', cookie: 'a=1; b=2' },
      absent: hopHeaders,
    },
  }),
  exchange({
    name: 'a target in absolute form',
    request: message('GET http://Other.example:81?q HTTP/1.1', 'Host: a', '', ''),
    expectRequest: {
      authority: 'Other.example:81',
      path: '/?q',
      scheme: 'http',
      headers: { host: 'Other.example:81' },
    },
  }),
  exchange({
    name: 'a method that nobody registered',
    request: message('PURGE-ALL /a?b HTTP/1.1', 'Host: a', 'Content-Length: 0', '', ''),
    expectRequest: { method: 'PURGE-ALL', path: '/a?b', headers: { 'content-length': '0' }, body: Buffer.alloc(0) },
  }),
  exchange({
    name: 'OPTIONS of the server as a whole',
    request: message('OPTIONS * HTTP/1.1', 'Host: [::1]:80', 'content-length: 0', '', ''),
    expectRequest: { method: 'OPTIONS', path: '*', authority: '[::1]:80' },
  }),
  exchange({
    name: 'an empty line before the request',
    request: Buffer.concat([message('', ''), plainRequest]),
    expectRequest: { method: 'POST', body: Buffer.from('arguments') },
  }),
  exchange({
    name: 'a WebSocket',
    request: message('GET /chat HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: WebSocket', 'X-Key: k', '', ''),
    response: message('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: websocket', '', 'frames'),
    expectRequest: { method: 'GET', upgrade: 'websocket', headers: { upgrade: 'WebSocket', 'x-key': 'k' } },
    expectResponse: { status: 101, headers: { upgrade: 'websocket' }, body: Buffer.from('frames') },
    endsWithConnection: true,
  }),
  exchange({
    name: 'a WebSocket that is refused',
    request: message('GET /chat HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket', '', ''),
    response: message('HTTP/1.1 426 Upgrade Required', 'Upgrade: other', 'Content-Length: 2', '', 'no'),
    expectRequest: { upgrade: 'websocket' },
    expectResponse: { status: 426, body: Buffer.from('no'), headers: { upgrade: 'other' } },
  }),
  exchange({
    name: 'a tunnel by CONNECT',
    request: message('CONNECT db.example:5432 HTTP/1.1', 'Host: other', '', ''),
    response: message('HTTP/1.1 200 Connected', 'Content-Length: 3', '', 'hello, and more'),
    expectRequest: { method: 'CONNECT', authority: 'db.example:5432', path: '' },
    expectResponse: { status: 200, body: Buffer.from('hello, and more') },
    endsWithConnection: true,
  }),
  exchange({
    name: 'a tunnel by CONNECT that opens with 204',
    request: message('CONNECT db.example:5432 HTTP/1.1', 'Host: other', '', ''),
    response: message('HTTP/1.1 204 Connected', '', 'hello'),
    expectRequest: { method: 'CONNECT', authority: 'db.example:5432', path: '' },
    expectResponse: { status: 204, body: Buffer.from('hello') },
    endsWithConnection: true,
  }),
];
