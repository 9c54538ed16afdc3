import { answer, type Case, early, family, get, head, okAnswer, post } from '../case.ts';

const length = (octets: number) => `HTTP/1.1 200 OK\r\ncontent-length: ${octets}\r\n\r\n`;
const chunks = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
const ends = ['FIN', 'RST'] as const;

export const faultCases: readonly Case[] = [
  { name: 'upstream: FIN at once', client: [get()], origin: [{ at: 'connect', steps: ['FIN'] }] },
  {
    // Without a wait it would be chance whether a proxy is already connected when the reset comes, and so which failure it tells.
    name: 'upstream: RST without a look at the request',
    client: [get()],
    origin: [{ at: 'connect', steps: [{ waitMs: 50 }, 'RST'] }],
  },
  ...ends.flatMap((end): Case[] => [
    { name: `upstream: ${end} before the head`, client: [get()], origin: [answer(end)] },
    { name: `upstream: ${end} after a wait`, client: [get()], origin: [answer({ waitMs: 50 }, end)] },
    {
      name: `upstream: ${end} in the status line`,
      client: [get()],
      origin: [answer('HTTP/1.1 20', { waitMs: 30 }, end)],
    },
    {
      name: `upstream: ${end} in the fields`,
      client: [get()],
      origin: [answer('HTTP/1.1 200 OK\r\ncontent-le', { waitMs: 30 }, end)],
    },
    {
      name: `upstream: ${end} after a head with length`,
      client: [get()],
      origin: [answer(length(5), { waitMs: 30 }, end)],
    },
    {
      name: `upstream: ${end} in a body with length`,
      client: [get()],
      origin: [answer(`${length(5)}hel`, { waitMs: 30 }, end)],
    },
    {
      name: `upstream: ${end} after a head with chunks`,
      client: [get()],
      origin: [answer(chunks, { waitMs: 30 }, end)],
    },
    {
      name: `upstream: ${end} in a chunk`,
      client: [get()],
      origin: [answer(`${chunks}5\r\nhel`, { waitMs: 30 }, end)],
    },
    {
      name: `upstream: ${end} between chunks`,
      client: [get()],
      origin: [answer(`${chunks}5\r\nhello\r\n`, { waitMs: 30 }, end)],
    },
    {
      name: `upstream: ${end} before the last CRLF`,
      client: [get()],
      origin: [answer(`${chunks}5\r\nhello\r\n0\r\n`, { waitMs: 30 }, end)],
    },
    {
      name: `upstream: ${end} in a body until close`,
      client: [get()],
      origin: [answer('HTTP/1.1 200 OK\r\n\r\nhel', { waitMs: 30 }, end)],
    },
    {
      name: `upstream: ${end} after the answer`,
      client: [get(), { until: 'ok' }, { waitMs: 60 }, get('/2')],
      origin: [answer(okAnswer, end), answer(okAnswer)],
    },
    {
      name: `upstream: ${end} after 100`,
      client: [get()],
      origin: [answer('HTTP/1.1 100 Continue\r\n\r\n', { waitMs: 30 }, end)],
    },
    { name: `upstream: ${end} to a POST`, client: [post('hello', 'content-length: 5')], origin: [answer(end)] },
    {
      name: `upstream: ${end} in a request body`,
      client: [post('hel', 'content-length: 5'), { waitMs: 60 }, 'lo'],
      origin: [early(end)],
    },
    {
      name: `upstream: early answer, then ${end}`,
      client: [post('hel', 'content-length: 5'), { waitMs: 80 }, 'lo'],
      origin: [early('HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n', end)],
    },
    {
      name: `upstream: ${end} before the head, retried`,
      config: 'retry',
      client: [get()],
      origin: [answer(end), answer(okAnswer)],
    },
    {
      name: `upstream: ${end} in the body, retries on`,
      config: 'retry',
      client: [get()],
      origin: [answer(`${length(5)}hel`, { waitMs: 30 }, end), answer(okAnswer)],
    },
    { name: `upstream: ${end} to HEAD`, client: [head('HEAD / HTTP/1.1', 'host: a')], origin: [answer(end)] },
    {
      name: `upstream: ${end} when the connection is used again`,
      client: [get('/1'), { until: 'ok' }, get('/2')],
      origin: [answer(okAnswer), answer(end), answer(okAnswer)],
    },
  ]),
  {
    name: 'retry: 503, then 200',
    config: 'retry',
    client: [get()],
    origin: [answer('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n'), answer(okAnswer)],
  },
  {
    name: 'retry: 503 twice',
    config: 'retry',
    client: [get()],
    origin: [answer('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno')],
  },
  {
    name: 'retry: POST with a body',
    config: 'retry',
    client: [post('hello', 'content-length: 5')],
    origin: [answer('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n'), answer(okAnswer)],
  },
  // Answers that come too early, or that nobody asked for.
  {
    name: 'early: 200 before the body is whole',
    client: [post('hel', 'content-length: 5'), { until: 'ok' }, 'lo'],
    origin: [early(okAnswer)],
  },
  { name: 'early: 200, the rest never comes', client: [post('hel', 'content-length: 5')], origin: [early(okAnswer)] },
  {
    name: 'early: 200, the rest and another request',
    client: [post('hel', 'content-length: 5'), { until: 'ok' }, `lo${get('/2')}`],
    origin: [early(okAnswer), answer(okAnswer)],
  },
  {
    name: 'early: to chunks',
    client: [post('5\r\nhello\r\n', 'transfer-encoding: chunked'), { until: 'ok' }, '0\r\n\r\n'],
    origin: [early(okAnswer)],
  },
  { name: 'early: before any request', client: [get()], origin: [{ at: 'connect', steps: [okAnswer] }] },
  {
    name: 'surplus: a second answer at once',
    client: [get(), { until: 'ok' }, { waitMs: 40 }, get('/2')],
    origin: [answer(`${okAnswer}${length(6)}stolen`), answer(okAnswer)],
  },
  {
    name: 'surplus: a second answer later',
    client: [get(), { until: 'ok' }, { waitMs: 80 }, get('/2')],
    origin: [answer(okAnswer, { waitMs: 20 }, `${length(6)}stolen`), answer(okAnswer)],
  },
  {
    name: 'surplus: octets behind a body with length',
    client: [get(), { until: 'ok' }, { waitMs: 40 }, get('/2')],
    origin: [answer(`${length(2)}okxx`), answer(okAnswer)],
  },
  {
    name: 'surplus: octets behind the last chunk',
    client: [get(), { until: 'ok' }, { waitMs: 40 }, get('/2')],
    origin: [answer(`${chunks}2\r\nok\r\n0\r\n\r\nxx`), answer(okAnswer)],
  },
  {
    name: 'surplus: a body behind 204',
    client: [get(), { until: '204' }, { waitMs: 40 }, get('/2')],
    origin: [answer('HTTP/1.1 204 No Content\r\n\r\nbody'), answer(okAnswer)],
  },
  {
    name: 'surplus: a body behind 304',
    client: [get(), { until: '304' }, { waitMs: 40 }, get('/2')],
    origin: [answer('HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\nbody'), answer(okAnswer)],
  },
  {
    name: 'surplus: CRLF behind a body',
    client: [get(), { until: 'ok' }, { waitMs: 40 }, get('/2')],
    origin: [answer(`${okAnswer}\r\n`), answer(okAnswer)],
  },
  // Answers that are not well-formed.
  ...family(
    'status line',
    [
      'HTTP/1.1 200',
      'HTTP/1.1 200 ',
      'HTTP/1.1 200 Something Else',
      'HTTP/1.1 200 caf\xe9',
      'HTTP/1.1 200 a\tb',
      'HTTP/1.1 200 a\x00b',
      'HTTP/1.1  200 OK',
      'HTTP/1.1 2000 OK',
      'HTTP/1.1 20 OK',
      'HTTP/1.1 099 Low',
      'HTTP/1.1 299 Odd',
      'HTTP/1.1 600 High',
      'HTTP/1.1 999 High',
      'HTTP/1.1 abc OK',
      'HTTP/1.1 -200 OK',
      'HTTP/1.0 200 OK',
      'HTTP/1.2 200 OK',
      'HTTP/2.0 200 OK',
      'HTTP/0.9 200 OK',
      'http/1.1 200 OK',
      'ICY 200 OK',
      ' HTTP/1.1 200 OK',
      '\r\nHTTP/1.1 200 OK',
      'garbage',
      '',
    ],
    (line) => ({ client: [get()], origin: [answer(`${head(line, 'content-length: 2')}ok`)] }),
  ),
  ...family(
    'answer framing',
    [
      'content-length: 2\r\ncontent-length: 2',
      'content-length: 2\r\ncontent-length: 3',
      'content-length: 2, 2',
      'content-length: +2',
      'content-length: 02',
      'content-length: -2',
      'content-length: x',
      'content-length:',
      'content-length: 99999999999999999999',
      'content-length: 2\r\ntransfer-encoding: chunked',
      'transfer-encoding: chunked\r\ncontent-length: 2',
      'transfer-encoding: gzip, chunked',
      'transfer-encoding: gzip',
      'transfer-encoding: chunked, chunked',
      'transfer-encoding: xchunked',
      'transfer-encoding: CHUNKED',
      'content-length : 2',
    ],
    (fields) => ({
      client: [get()],
      origin: [answer(`${head('HTTP/1.1 200 OK', fields)}2\r\nok\r\n0\r\n\r\n`, { waitMs: 60 }, 'FIN')],
    }),
  ),
  ...family(
    'chunk of an answer',
    ['2;a=b', '2 ', '02', '2;', '+2', '0x2', 'g', '-2', '', '11111111111111111'],
    (size) => ({
      client: [get()],
      origin: [answer(`${chunks}${size}\r\nok\r\n0\r\n\r\n`)],
    }),
  ),
  { name: 'answer: bare LF everywhere', client: [get()], origin: [answer('HTTP/1.1 200 OK\ncontent-length: 2\n\nok')] },
  {
    name: 'answer: bare LF in the fields',
    client: [get()],
    origin: [answer('HTTP/1.1 200 OK\r\ncontent-length: 2\nx: 1\r\n\r\nok')],
  },
  { name: 'answer: no CRLF behind a chunk', client: [get()], origin: [answer(`${chunks}2\r\nokX0\r\n\r\n`)] },
  {
    name: 'answer: HTTP/1.0 with keep-alive',
    client: [get(), { until: 'ok' }, get('/2')],
    origin: [answer('HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok')],
  },
  { name: 'answer: HTTP/1.0 without length', client: [get()], origin: [answer('HTTP/1.0 200 OK\r\n\r\nok', 'FIN')] },
  {
    name: 'answer: HTTP/1.0 in chunks',
    client: [get()],
    origin: [answer('HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', 'FIN')],
  },
  {
    name: 'answer: many 1xx',
    client: [get()],
    origin: [answer('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(10), okAnswer)],
  },
  {
    name: 'answer: 100 with a length',
    client: [get()],
    origin: [answer('HTTP/1.1 100 Continue\r\ncontent-length: 2\r\n\r\n', okAnswer)],
  },
  {
    name: 'answer: 1 MiB',
    client: [get(), { until: 'END' }],
    origin: [answer(`${length(1024 * 1024)}${'x'.repeat(1024 * 1024 - 3)}END`)],
  },
  { name: 'request: 1 MiB', client: [post('x'.repeat(1024 * 1024), 'content-length: 1048576')] },
  {
    name: 'answer: while the request is still sent',
    client: [post('hel', 'content-length: 5'), { until: 'par' }, 'lo'],
    origin: [early(`${length(7)}par`, { until: 'hello' }, 'tial')],
  },
  // Trailers.
  ...(['plain', 'trailers'] as const).flatMap((config): Case[] => [
    {
      name: `trailers, ${config}: of a request`,
      config,
      client: [post('2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n', 'transfer-encoding: chunked', 'trailer: x-sum')],
    },
    {
      name: `trailers, ${config}: of an answer`,
      config,
      client: [get('/', 'te: trailers')],
      origin: [answer(`${chunks}2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n`)],
    },
    {
      name: `trailers, ${config}: malformed`,
      config,
      client: [post('2\r\nhi\r\n0\r\nbad\r\n\r\n', 'transfer-encoding: chunked')],
    },
    {
      name: `trailers, ${config}: with a NUL`,
      config,
      client: [post('2\r\nhi\r\n0\r\nx: a\x00\r\n\r\n', 'transfer-encoding: chunked')],
    },
    {
      name: `trailers, ${config}: framing fields`,
      config,
      client: [
        post(
          '2\r\nhi\r\n0\r\ncontent-length: 5\r\nhost: b\r\ntransfer-encoding: chunked\r\nx: 1\r\n\r\n',
          'transfer-encoding: chunked',
        ),
      ],
    },
    {
      name: `trailers, ${config}: of an answer until HEAD`,
      config,
      client: [head('HEAD / HTTP/1.1', 'host: a')],
      origin: [answer(chunks)],
    },
    {
      name: `trailers, ${config}: two hundred`,
      config,
      client: [
        post(
          `2\r\nhi\r\n0\r\n${Array.from({ length: 200 }, (_, at) => `x-${at}: 1\r\n`).join('')}\r\n`,
          'transfer-encoding: chunked',
        ),
      ],
    },
  ]),
  // Both a length and chunks, where that is allowed.
  {
    name: 'both lengths: of a request',
    config: 'bothLengths',
    client: [post('2\r\nhi\r\n0\r\n\r\n', 'content-length: 2', 'transfer-encoding: chunked')],
  },
  {
    name: 'both lengths: of an answer',
    config: 'bothLengths',
    client: [get()],
    origin: [answer('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n')],
  },
  {
    name: 'both lengths: with another coding',
    config: 'bothLengths',
    client: [post('2\r\nhi\r\n0\r\n\r\n', 'content-length: 2', 'transfer-encoding: gzip')],
  },
];
