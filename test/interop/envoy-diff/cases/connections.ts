import { answer, type Case, early, family, get, head, okAnswer, post } from '../case.ts';

const websocket = [
  'connection: Upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
];
const accepted = head(
  'HTTP/1.1 101 Switching Protocols',
  'connection: Upgrade',
  'upgrade: websocket',
  'sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
);
const closing = 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok';

export const connectionCases: readonly Case[] = [
  // Pipelined.
  { name: 'pipelined: two', client: [get('/1') + get('/2')] },
  { name: 'pipelined: five', client: [[1, 2, 3, 4, 5].map((n) => get(`/${n}`)).join('')] },
  {
    name: 'pipelined: with bodies',
    client: [
      post('one', 'content-length: 3') + post('3\r\ntwo\r\n0\r\n\r\n', 'transfer-encoding: chunked') + get('/3'),
    ],
  },
  { name: 'pipelined: the second is bad', client: [`${get('/1')}BAD\r\n\r\n`] },
  { name: 'pipelined: the first closes', client: [get('/1', 'connection: close') + get('/2')] },
  { name: 'pipelined: answered slowly', client: [get('/1') + get('/2')], origin: [answer({ waitMs: 80 }, okAnswer)] },
  { name: 'pipelined: the proxy answers one itself', client: [get('/direct') + get('/2') + get('/direct')] },
  { name: 'pipelined: empty lines between', client: [`${get('/1')}\r\n${get('/2')}\r\n\r\n`] },
  {
    name: 'pipelined: HEAD between',
    client: [get('/1') + head('HEAD /2 HTTP/1.1', 'host: a') + get('/3')],
    origin: [answer(okAnswer), answer('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n'), answer(okAnswer)],
  },
  {
    name: 'pipelined: the upstream closes after the first',
    client: [get('/1') + get('/2')],
    origin: [answer(closing, 'FIN'), answer(okAnswer)],
  },
  { name: 'pipelined: garbage behind a body', client: [`${post('one', 'content-length: 3')}xxxx`] },
  { name: 'pipelined: garbage behind an answered request', client: [get(), { until: 'ok' }, 'garbage\r\n\r\n'] },
  // How the client leaves.
  { name: 'client: ends after the request', client: [get(), 'FIN'] },
  { name: 'client: ends, the answer is slow', client: [get(), 'FIN'], origin: [answer({ waitMs: 100 }, okAnswer)] },
  { name: 'client: ends after the answer', client: [get(), { until: 'ok' }, 'FIN'] },
  { name: 'client: ends in the head', client: ['GET / HTTP/1.1\r\nhost', 'FIN'] },
  { name: 'client: ends in the body', client: [post('hel', 'content-length: 5'), { waitMs: 40 }, 'FIN'] },
  {
    name: 'client: ends in the chunks',
    client: [post('5\r\nhel', 'transfer-encoding: chunked'), { waitMs: 40 }, 'FIN'],
  },
  { name: 'client: resets in the body', client: [post('hel', 'content-length: 5'), { waitMs: 40 }, 'RST'] },
  {
    name: 'client: resets while the answer is awaited',
    client: [get(), { waitMs: 60 }, 'RST'],
    origin: [answer({ waitMs: 120 }, okAnswer)],
  },
  {
    name: 'client: ends while the answer comes',
    client: [get(), { until: 'hel' }, 'FIN'],
    origin: [answer('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel', { waitMs: 80 }, 'lo')],
  },
  { name: 'client: says nothing and ends', client: ['FIN'] },
  { name: 'client: only an empty line', client: ['\r\n', 'FIN'] },
  // HTTP/1.0.
  ...(['plain', 'http10', 'http10NoHost'] as const).flatMap((config): Case[] => [
    { name: `HTTP/1.0, ${config}: GET`, config, client: [head('GET / HTTP/1.0', 'host: a')] },
    { name: `HTTP/1.0, ${config}: no host`, config, client: [head('GET / HTTP/1.0')] },
    {
      name: `HTTP/1.0, ${config}: keep-alive`,
      config,
      client: [head('GET / HTTP/1.0', 'host: a', 'connection: keep-alive')],
    },
    { name: `HTTP/1.0, ${config}: absolute target`, config, client: [head('GET http://b.example/x HTTP/1.0')] },
  ]),
  { name: 'HTTP/1.0: HTTP/1.1 without Host', config: 'http10', client: [head('GET / HTTP/1.1')] },
  {
    name: 'HTTP/1.0: two on one connection',
    config: 'http10',
    client: [
      head('GET /1 HTTP/1.0', 'host: a', 'connection: keep-alive'),
      { until: 'ok' },
      head('GET /2 HTTP/1.0', 'host: a'),
    ],
  },
  {
    name: 'HTTP/1.0: POST',
    config: 'http10',
    client: [`${head('POST / HTTP/1.0', 'host: a', 'content-length: 2')}hi`],
  },
  { name: 'HTTP/1.0: POST without length', config: 'http10', client: [head('POST / HTTP/1.0', 'host: a')] },
  {
    name: 'HTTP/1.0: POST in chunks',
    config: 'http10',
    client: [`${head('POST / HTTP/1.0', 'host: a', 'transfer-encoding: chunked')}2\r\nhi\r\n0\r\n\r\n`],
  },
  {
    name: 'HTTP/1.0: answer in chunks',
    config: 'http10',
    client: [head('GET / HTTP/1.0', 'host: a')],
    origin: [answer('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n')],
  },
  {
    name: 'HTTP/1.0: keep-alive, answer in chunks',
    config: 'http10',
    client: [head('GET / HTTP/1.0', 'host: a', 'connection: keep-alive')],
    origin: [answer('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n')],
  },
  { name: 'HTTP/1.0: answer of the proxy itself', config: 'http10', client: [head('GET /direct HTTP/1.0', 'host: a')] },
  {
    name: 'HTTP/1.0: HEAD',
    config: 'http10',
    client: [head('HEAD / HTTP/1.0', 'host: a')],
    origin: [answer('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n')],
  },
  {
    name: 'HTTP/1.0: expects 100',
    config: 'http10',
    client: [`${head('POST / HTTP/1.0', 'host: a', 'expect: 100-continue', 'content-length: 2')}hi`],
  },
  { name: 'HTTP/1.0: upgrade', config: 'http10', client: [head('GET / HTTP/1.0', 'host: a', ...websocket)] },
  // Expect.
  {
    name: 'expect: the client waits',
    client: [head('POST / HTTP/1.1', 'host: a', 'expect: 100-continue', 'content-length: 2'), { until: '100' }, 'hi'],
  },
  {
    name: 'expect: the client does not wait',
    client: [`${head('POST / HTTP/1.1', 'host: a', 'expect: 100-continue', 'content-length: 2')}hi`],
  },
  {
    name: 'expect: refused early',
    client: [head('POST / HTTP/1.1', 'host: a', 'expect: 100-continue', 'content-length: 2')],
    origin: [early('HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n')],
  },
  {
    name: 'expect: proxied, the client waits',
    config: 'expect',
    client: [head('POST / HTTP/1.1', 'host: a', 'expect: 100-continue', 'content-length: 2'), { until: '100' }, 'hi'],
    origin: [early('HTTP/1.1 100 Continue\r\n\r\n', { until: 'hi' }, okAnswer)],
  },
  {
    name: 'expect: proxied, refused',
    config: 'expect',
    client: [head('POST / HTTP/1.1', 'host: a', 'expect: 100-continue', 'content-length: 2')],
    origin: [early('HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n')],
  },
  {
    name: 'expect: chunked',
    client: [
      head('POST / HTTP/1.1', 'host: a', 'expect: 100-continue', 'transfer-encoding: chunked'),
      { until: '100' },
      '2\r\nhi\r\n0\r\n\r\n',
    ],
  },
  {
    name: 'expect: upper case',
    client: [head('POST / HTTP/1.1', 'host: a', 'Expect: 100-Continue', 'content-length: 2'), { until: '100' }, 'hi'],
  },
  // Upgrades.
  {
    name: 'upgrade: websocket',
    config: 'upgrade',
    client: [get('/', ...websocket), { until: '101' }, 'frames'],
    origin: [answer(accepted, { until: 'frames' }, 'more')],
  },
  {
    name: 'upgrade: websocket, the server speaks first',
    config: 'upgrade',
    client: [get('/', ...websocket), { until: 'hello' }, 'frames'],
    origin: [answer(`${accepted}hello`)],
  },
  {
    name: 'upgrade: websocket, data at once',
    config: 'upgrade',
    client: [`${get('/', ...websocket)}frames`],
    origin: [answer(accepted, 'more')],
  },
  { name: 'upgrade: refused with 200', config: 'upgrade', client: [get('/', ...websocket)] },
  {
    name: 'upgrade: refused with 400',
    config: 'upgrade',
    client: [get('/', ...websocket)],
    origin: [answer('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n')],
  },
  {
    name: 'upgrade: refused with 426',
    config: 'upgrade',
    client: [get('/', ...websocket)],
    origin: [
      answer('HTTP/1.1 426 Upgrade Required\r\nupgrade: websocket\r\nconnection: upgrade\r\ncontent-length: 0\r\n\r\n'),
    ],
  },
  {
    name: 'upgrade: refused, then another request',
    config: 'upgrade',
    client: [get('/', ...websocket), { until: 'ok' }, get('/2')],
  },
  { name: 'upgrade: to something else', config: 'upgrade', client: [get('/', 'connection: upgrade', 'upgrade: foo')] },
  { name: 'upgrade: not configured', client: [get('/', ...websocket)] },
  {
    name: 'upgrade: h2c',
    client: [get('/', 'connection: Upgrade, HTTP2-Settings', 'upgrade: h2c', 'http2-settings: AAMAAABkAAQAAP__')],
  },
  {
    name: 'upgrade: h2c where websocket is configured',
    config: 'upgrade',
    client: [get('/', 'connection: Upgrade, HTTP2-Settings', 'upgrade: h2c', 'http2-settings: AAMAAABkAAQAAP__')],
  },
  { name: 'upgrade: TLS', client: [get('/', 'connection: upgrade', 'upgrade: TLS/1.0')] },
  { name: 'upgrade: a list', config: 'upgrade', client: [get('/', 'connection: upgrade', 'upgrade: websocket, foo')] },
  {
    name: 'upgrade: upper case',
    config: 'upgrade',
    client: [get('/', 'Connection: UPGRADE', 'Upgrade: WebSocket')],
    origin: [answer(accepted, 'more')],
  },
  { name: 'upgrade: without Connection', config: 'upgrade', client: [get('/', 'upgrade: websocket')] },
  { name: 'upgrade: without Upgrade', config: 'upgrade', client: [get('/', 'connection: upgrade')] },
  {
    name: 'upgrade: with keep-alive',
    config: 'upgrade',
    client: [get('/', 'connection: keep-alive, Upgrade', 'upgrade: websocket')],
    origin: [answer(accepted, 'more')],
  },
  {
    name: 'upgrade: POST with a body',
    config: 'upgrade',
    client: [post('hi', 'connection: upgrade', 'upgrade: websocket', 'content-length: 2')],
    origin: [answer(accepted, 'more')],
  },
  {
    name: 'upgrade: the upstream ends',
    config: 'upgrade',
    client: [get('/', ...websocket)],
    origin: [answer(accepted, 'bye', 'FIN')],
  },
  {
    name: 'upgrade: the client ends',
    config: 'upgrade',
    client: [get('/', ...websocket), { until: '101' }, 'bye', 'FIN'],
    origin: [answer(accepted)],
  },
  {
    name: 'upgrade: the upstream resets',
    config: 'upgrade',
    client: [get('/', ...websocket)],
    origin: [answer(accepted, { waitMs: 50 }, 'RST')],
  },
  {
    name: 'upgrade: 101 to another protocol',
    config: 'upgrade',
    client: [get('/', ...websocket)],
    origin: [answer(head('HTTP/1.1 101 Switching Protocols', 'connection: upgrade', 'upgrade: foo'), 'more')],
  },
  {
    name: 'upgrade: 101 without Upgrade',
    config: 'upgrade',
    client: [get('/', ...websocket)],
    origin: [answer(head('HTTP/1.1 101 Switching Protocols'), 'more')],
  },
  { name: 'upgrade: 101 that nobody asked for', client: [get()], origin: [answer(accepted, 'more')] },
  {
    name: 'upgrade: 100 before 101',
    config: 'upgrade',
    client: [get('/', ...websocket)],
    origin: [answer('HTTP/1.1 100 Continue\r\n\r\n', accepted, 'more')],
  },
  {
    name: 'upgrade: the upstream is gone',
    config: 'upgrade',
    client: [get('/', ...websocket)],
    origin: [answer('RST')],
  },
  // CONNECT.
  { name: 'CONNECT: not configured', client: [head('CONNECT b.example:443 HTTP/1.1', 'host: b.example:443')] },
  {
    name: 'CONNECT: routed but not configured',
    config: 'connectRoute',
    client: [head('CONNECT b.example:443 HTTP/1.1', 'host: b.example:443')],
  },
  {
    name: 'CONNECT: a tunnel',
    config: 'connect',
    client: [head('CONNECT b.example:443 HTTP/1.1', 'host: b.example:443'), { until: '200' }, 'up'],
    origin: [answer('HTTP/1.1 200 OK\r\n\r\n', { until: 'up' }, 'down')],
  },
  {
    name: 'CONNECT: refused',
    config: 'connect',
    client: [head('CONNECT b.example:443 HTTP/1.1', 'host: b.example:443')],
    origin: [answer('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno')],
  },
  {
    name: 'CONNECT: answered with a length',
    config: 'connect',
    client: [head('CONNECT b.example:443 HTTP/1.1', 'host: b.example:443')],
    origin: [answer('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno')],
  },
  {
    name: 'CONNECT: answered with chunked',
    config: 'connect',
    client: [head('CONNECT b.example:443 HTTP/1.1', 'host: b.example:443')],
    origin: [answer('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n')],
  },
  ...family(
    'CONNECT: target',
    ['/', 'b.example', 'http://b.example:443/', 'b.example:443/x', '[::1]:443', 'b.example:0', ':443'],
    (target) => ({
      config: 'connect',
      client: [head(`CONNECT ${target} HTTP/1.1`, 'host: a')],
      origin: [answer('HTTP/1.1 200 OK\r\n\r\n', 'down')],
    }),
  ),
  {
    name: 'CONNECT: without Host',
    config: 'connect',
    client: [head('CONNECT b.example:443 HTTP/1.1')],
    origin: [answer('HTTP/1.1 200 OK\r\n\r\n', 'down')],
  },
  {
    name: 'CONNECT: with another Host',
    config: 'connect',
    client: [head('CONNECT b.example:443 HTTP/1.1', 'host: c.example:1')],
    origin: [answer('HTTP/1.1 200 OK\r\n\r\n', 'down')],
  },
  {
    name: 'CONNECT: with a length',
    config: 'connect',
    client: [`${head('CONNECT b.example:443 HTTP/1.1', 'host: b.example:443', 'content-length: 2')}hi`],
    origin: [answer('HTTP/1.1 200 OK\r\n\r\n', 'down')],
  },
  {
    name: 'CONNECT: with length 0',
    config: 'connect',
    client: [head('CONNECT b.example:443 HTTP/1.1', 'host: b.example:443', 'content-length: 0')],
    origin: [answer('HTTP/1.1 200 OK\r\n\r\n', 'down')],
  },
  {
    name: 'CONNECT: with chunked',
    config: 'connect',
    client: [`${head('CONNECT b.example:443 HTTP/1.1', 'host: b.example:443', 'transfer-encoding: chunked')}0\r\n\r\n`],
    origin: [answer('HTTP/1.1 200 OK\r\n\r\n', 'down')],
  },
  {
    name: 'CONNECT: data at once',
    config: 'connect',
    client: [`${head('CONNECT b.example:443 HTTP/1.1', 'host: b.example:443')}up`],
    origin: [answer('HTTP/1.1 200 OK\r\n\r\n', 'down')],
  },
];
