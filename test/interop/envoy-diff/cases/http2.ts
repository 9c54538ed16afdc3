import { answer, type Case, early, family, okAnswer } from '../case.ts';
import { block, dataFrame, endHeaders, endStream, type Fields, frame, headersFrame, preface } from '../http2-wire.ts';

const request: Fields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'a.example'],
  [':path', '/'],
];
const posted: Fields = [[':method', 'POST'], ...request.slice(1)];

/** A request with some fields in place of those of the same name, and more behind. */
function changed(...fields: Fields): Fields {
  const names = new Set(fields.map(([name]) => name));
  const kept = request.filter(([name]) => !names.has(name));
  return [
    ...fields.filter(([name]) => name.startsWith(':')),
    ...kept,
    ...fields.filter(([name]) => !name.startsWith(':')),
  ];
}

function without(name: string): Fields {
  return request.filter(([each]) => each !== name);
}

function asks(name: string, fields: Fields, more: Partial<Case> = {}): Case {
  return { name: `HTTP/2: ${name}`, client: [preface + headersFrame(1, fields)], ...more };
}

const grpc: Fields = [...posted, ['te', 'trailers'], ['content-type', 'application/grpc']];

export const http2Cases: readonly Case[] = [
  asks('GET', request),
  asks('HEAD', changed([':method', 'HEAD']), { origin: [answer('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n')] }),
  asks('POST without a body', posted),
  { name: 'HTTP/2: POST', client: [preface + headersFrame(1, posted, endHeaders) + dataFrame(1, 'hello')] },
  {
    name: 'HTTP/2: POST with a length',
    client: [preface + headersFrame(1, [...posted, ['content-length', '5']], endHeaders) + dataFrame(1, 'hello')],
  },
  {
    name: 'HTTP/2: POST with a length too long',
    client: [preface + headersFrame(1, [...posted, ['content-length', '9']], endHeaders) + dataFrame(1, 'hello')],
  },
  {
    name: 'HTTP/2: POST with a length too short',
    client: [preface + headersFrame(1, [...posted, ['content-length', '2']], endHeaders) + dataFrame(1, 'hello')],
  },
  ...(['plain', 'trailers'] as const).map(
    (config): Case => ({
      name: `HTTP/2, ${config}: trailers of a request`,
      config,
      client: [
        preface + headersFrame(1, posted, endHeaders) + dataFrame(1, 'hello', 0) + headersFrame(1, [['x-sum', '1']]),
      ],
    }),
  ),
  asks('trailers of an answer', request, {
    config: 'trailers',
    origin: [answer('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n')],
  }),
  asks('two cookies', [...request, ['cookie', 'a=1'], ['cookie', 'b=2']]),
  asks('te: trailers', [...request, ['te', 'trailers']]),
  asks('an answer of the proxy itself', changed([':path', '/direct'])),
  asks('an early answer', posted, {
    client: [preface + headersFrame(1, posted, endHeaders)],
    origin: [early('HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\n\r\n')],
  }),
  asks('the upstream is gone', request, { origin: [answer('RST')] }),
  asks('the answer is cut', request, {
    origin: [answer('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel', { waitMs: 30 }, 'FIN')],
  }),
  asks('100 before the answer', request, { origin: [answer('HTTP/1.1 100 Continue\r\n\r\n', okAnswer)] }),
  asks('103 before the answer', request, {
    origin: [answer('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n', okAnswer)],
  }),
  asks('an answer with Connection', request, {
    origin: [
      answer('HTTP/1.1 200 OK\r\nconnection: close\r\nkeep-alive: 5\r\nX-Upper: A\r\ncontent-length: 2\r\n\r\nok'),
    ],
  }),
  {
    name: 'HTTP/2: two streams',
    client: [preface + headersFrame(1, request) + headersFrame(3, changed([':path', '/2']))],
  },
  {
    name: 'HTTP/2: CONTINUATION',
    client: [preface + frame(1, endStream, 1, block(request)) + frame(9, endHeaders, 1, block([['x-a', '1']]))],
  },
  {
    name: 'HTTP/2: the client resets',
    client: [preface + headersFrame(1, request), { waitMs: 60 }, frame(3, 0, 1, '\0\0\0\x08')],
    origin: [answer({ waitMs: 150 }, okAnswer)],
  },
  {
    name: 'HTTP/2: gRPC, no upstream',
    client: [preface + headersFrame(1, grpc, endHeaders) + dataFrame(1, '\0\0\0\0\0')],
    origin: [answer('RST')],
  },
  {
    name: 'HTTP/2: gRPC, not found',
    client: [preface + headersFrame(1, grpc, endHeaders) + dataFrame(1, '\0\0\0\0\0')],
    config: 'connect',
  },
  // Heads that are not well-formed, or may not go on as they are.
  ...[':method', ':scheme', ':authority', ':path'].map((name) => asks(`without ${name}`, without(name))),
  ...family(
    'HTTP/2: path',
    ['', '*', 'a', 'http://b.example/', '/a b', '/a\r\nb', '/a#b', '/a\x00', '/caf\xe9', '/../a'],
    (path) => ({
      client: [preface + headersFrame(1, changed([':path', path]))],
    }),
  ),
  ...family('HTTP/2: method', ['get', 'G T', '', 'PURGE', 'G\r\n', 'CONNECT'], (method) => ({
    client: [preface + headersFrame(1, changed([':method', method]))],
  })),
  ...family('HTTP/2: authority', ['', 'a b', 'a/b', 'u@a', 'a:80', 'a\r\n', '[::1]:80', 'a:99999'], (authority) => ({
    client: [preface + headersFrame(1, changed([':authority', authority]))],
  })),
  ...family('HTTP/2: scheme', ['https', 'ftp', '', 'h ttp'], (scheme) => ({
    client: [preface + headersFrame(1, changed([':scheme', scheme]))],
  })),
  ...(
    [
      ['X-Upper', '1'],
      ['x y', '1'],
      ['x:y', '1'],
      ['x\xe9', '1'],
      ['', '1'],
      ['x-cr', 'a\rb'],
      ['x-lf', 'a\nb'],
      ['x-nul', 'a\x00b'],
      ['x-del', 'a\x7fb'],
      ['x-high', 'caf\xe9'],
      ['x-blanks', ' a '],
      ['x-tab', 'a\tb'],
      ['x-empty', ''],
      ['connection', 'close'],
      ['connection', 'upgrade'],
      ['keep-alive', '5'],
      ['proxy-connection', 'close'],
      ['transfer-encoding', 'chunked'],
      ['upgrade', 'websocket'],
      ['te', 'gzip'],
      ['host', 'a.example'],
      ['host', 'b.example'],
      ['content-length', '5'],
      ['content-length', 'x'],
      ['content-length', '0'],
      ['expect', '100-continue'],
      ['x_under', '1'],
      [':path', '/again'],
      [':other', '1'],
      ['x-envoy-max-retries', '3'],
      ['x-forwarded-for', '1.2.3.4'],
    ] as const
  ).map(([name, value]) => asks(`field ${JSON.stringify(`${name}: ${value}`)}`, [...request, [name, value]])),
  asks('a pseudo-field behind others', [...without(':path'), ['x-a', '1'], [':path', '/']]),
  asks('two hundred fields', [...request, ...Array.from({ length: 200 }, (_, at) => [`x-${at}`, '1'] as const)]),
  {
    name: 'HTTP/2: DATA on a stream that is not open',
    client: [preface + dataFrame(5, 'hello')],
  },
  { name: 'HTTP/2: HEADERS on stream 0', client: [preface + headersFrame(0, request)] },
  { name: 'HTTP/2: HEADERS on an even stream', client: [preface + headersFrame(2, request)] },
  { name: 'HTTP/2: an unknown frame', client: [preface + frame(0x42, 0, 0, 'hello') + headersFrame(1, request)] },
  { name: 'HTTP/2: a bad preface', client: ['PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'] },
];
