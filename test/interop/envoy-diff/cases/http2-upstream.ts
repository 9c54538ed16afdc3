import { type Case, get, type Http2Answer, post, type Step } from '../case.ts';
import {
  block,
  dataFrame,
  endHeaders,
  endStream,
  type Fields,
  frame,
  frameType,
  goAwayFrame,
  headersFrame,
  octets,
  resetFrame,
} from '../http2-wire.ts';

const ok: Fields = [[':status', '200']];
const okOfTwo: Fields = [...ok, ['content-length', '2']];
const padded = 8;
const prioritized = 0x20;
/** Long enough for what was written to have been read and passed on. */
const laterMs: Step = { waitMs: 40 };

type Frames = Http2Answer['frames'];

function asks(name: string, frames: Frames, more: Partial<Case> & Pick<Http2Answer, 'at'> = {}): Case {
  const { at, ...rest } = more;
  const http2Origin = [{ frames, ...(at && { at }) }];
  return { name: `upstream HTTP/2: ${name}`, config: 'http2Upstream', client: [get('/')], http2Origin, ...rest };
}

/** The answer `head` with the body `ok`, or without one. */
const answered =
  (head: Fields, body?: string): Frames =>
  (stream) =>
    body === undefined
      ? [headersFrame(stream, head)]
      : [headersFrame(stream, head, endHeaders) + dataFrame(stream, body)];

const whole = answered(okOfTwo, 'ok');
const headOf = (stream: number) => headersFrame(stream, okOfTwo, endHeaders);

function heads(fields: readonly Fields[]): readonly Case[] {
  return fields.map((head) => asks(`head ${JSON.stringify(head)}`, answered(head, 'ok')));
}

/** A head in so many frames. */
function inParts(stream: number, fields: Fields, partOctets: number): string {
  const whole = block(fields);
  let written = '';
  for (let at = 0; at < whole.length; at += partOctets) {
    const flags = at + partOctets >= whole.length ? endHeaders : 0;
    const part = whole.slice(at, at + partOctets);
    written +=
      at === 0
        ? frame(frameType.headers, endStream | flags, stream, part)
        : frame(frameType.continuation, flags, stream, part);
  }
  return written;
}

const errorCodes = [0, 1, 2, 3, 5, 7, 8, 11, 13, 255];

export const http2UpstreamCases: readonly Case[] = [
  asks('200', whole),
  asks('200 without a length', answered(ok, 'ok')),
  asks('200 without a body', answered(ok)),
  asks('HEAD', answered([...ok, ['content-length', '5']]), { client: ['HEAD / HTTP/1.1\r\nhost: a\r\n\r\n'] }),
  asks('HEAD answered with a body', whole, { client: ['HEAD / HTTP/1.1\r\nhost: a\r\n\r\n'] }),
  asks('204', answered([[':status', '204']])),
  asks('204 with a body', answered([[':status', '204']], 'ok')),
  asks(
    '304 with a length',
    answered([
      [':status', '304'],
      ['content-length', '5'],
    ]),
  ),
  asks('POST', whole, { client: [post('hello', 'content-length: 5')] }),
  asks('POST in chunks', whole, { client: [post('5\r\nhello\r\n0\r\n\r\n', 'transfer-encoding: chunked')] }),
  asks('POST with trailers', whole, {
    client: [post('5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n', 'transfer-encoding: chunked', 'trailer: x-sum')],
  }),
  asks('fields of one hop', whole, {
    client: [get('/', 'connection: close, x-gone', 'x-gone: 1', 'te: trailers', 'keep-alive: 5')],
  }),
  asks('names in mixed case', whole, { client: [get('/', 'X-Upper: A', 'Cookie: a=1', 'Cookie: b=2')] }),
  asks('two requests', whole, { client: [get('/1') + get('/2')] }),
  asks('an upgrade', whole, { client: [get('/', 'connection: upgrade', 'upgrade: websocket')] }),
  // How an answer may be cut into frames.
  asks('a body in parts', (stream) => [headOf(stream), dataFrame(stream, 'o', 0), laterMs, dataFrame(stream, 'k')]),
  asks('an empty last frame', (stream) => [headOf(stream) + dataFrame(stream, 'ok', 0) + dataFrame(stream, '')]),
  asks('padding', (stream) => [
    frame(frameType.headers, endHeaders | padded, stream, `\x02${block(okOfTwo)}\0\0`) +
      frame(frameType.data, endStream | padded, stream, '\x03ok\0\0\0'),
  ]),
  asks('padding that is too long', (stream) => [
    headOf(stream) + frame(frameType.data, endStream | padded, stream, '\x09ok'),
  ]),
  asks('a head with a priority', (stream) => [
    frame(frameType.headers, endHeaders | prioritized, stream, `\0\0\0\0\x10${block(okOfTwo)}`) +
      dataFrame(stream, 'ok'),
  ]),
  asks('CONTINUATION', (stream) => [inParts(stream, [...ok, ['x-a', 'a'.repeat(40)]], 20)]),
  asks('CONTINUATION that does not come', (stream) => [
    frame(frameType.headers, endStream, stream, block(ok)) + frame(frameType.ping, 0, 0, '01234567'),
  ]),
  asks('CONTINUATION alone', (stream) => [frame(frameType.continuation, endHeaders, stream, block(ok))]),
  asks('trailers', (stream) => [
    headersFrame(stream, ok, endHeaders) + dataFrame(stream, 'ok', 0) + headersFrame(stream, [['x-sum', '1']]),
  ]),
  asks('trailers without a body', (stream) => [
    headersFrame(stream, ok, endHeaders) + headersFrame(stream, [['x-sum', '1']]),
  ]),
  asks('trailers that do not end', (stream) => [
    headersFrame(stream, ok, endHeaders) +
      dataFrame(stream, 'ok', 0) +
      headersFrame(stream, [['x-sum', '1']], endHeaders),
  ]),
  asks('trailers with :status', (stream) => [headersFrame(stream, ok, endHeaders) + headersFrame(stream, ok)]),
  asks('trailers shorter than the length', (stream) => [headOf(stream) + headersFrame(stream, [['x-sum', '1']])]),
  // Interim answers.
  ...['100', '102', '103', '101'].map((status) =>
    asks(`${status} before the answer`, (stream) => [
      headersFrame(stream, [[':status', status]], endHeaders) + headOf(stream) + dataFrame(stream, 'ok'),
    ]),
  ),
  asks('103 that ends the stream', answered([[':status', '103']])),
  asks('a body before the head', (stream) => [dataFrame(stream, 'ok')]),
  asks('a body after 103', (stream) => [
    headersFrame(stream, [[':status', '103']], endHeaders) + dataFrame(stream, 'ok'),
  ]),
  // Lengths.
  asks('a length too long', answered([...ok, ['content-length', '9']], 'ok')),
  asks('a length too short', answered([...ok, ['content-length', '1']], 'ok')),
  asks('a length without a body', answered([...ok, ['content-length', '9']])),
  ...heads([
    [...okOfTwo, ['content-length', '2']],
    [...okOfTwo, ['content-length', '3']],
    [...ok, ['content-length', 'x']],
    [...ok, ['content-length', '2, 2']],
    // Heads that are not well-formed, or may not go on as they are.
    [['x-a', '1']],
    [...ok, [':status', '200']],
    [[':status', 'abc']],
    [[':status', '99']],
    [[':status', '1000']],
    [[':status', '600']],
    [[':status', '']],
    [['x-a', '1'], ...ok],
    [...ok, [':path', '/']],
    [...ok, ['X-Upper', '1']],
    [...ok, ['', '1']],
    [...ok, ['x y', '1']],
    [...ok, ['x-cr', 'a\rb']],
    [...ok, ['x-lf', 'a\nb']],
    [...ok, ['x-nul', 'a\0b']],
    [...ok, ['x-high', 'caf\xe9']],
    [...ok, ['x-blanks', ' a ']],
    [...ok, ['x-empty', '']],
    [...ok, ['x_under', '1']],
    [...ok, ['connection', 'close']],
    [...ok, ['keep-alive', '5']],
    [...ok, ['transfer-encoding', 'chunked']],
    [...ok, ['upgrade', 'h2c']],
    [...ok, ['te', 'trailers']],
    [...ok, ['set-cookie', 'a=1'], ['set-cookie', 'b=2']],
  ]),
  asks('two hundred fields', answered([...ok, ...Array.from({ length: 200 }, (_, at) => [`x-${at}`, '1'] as const)])),
  ...[30_000, 61_500, 90_000].map((octetsOfValue) =>
    asks(`octets in a value ${octetsOfValue}`, (stream) => [
      inParts(stream, [...ok, ['x-long', 'v'.repeat(octetsOfValue)]], 16_000),
    ]),
  ),
  // Resets.
  ...errorCodes.map((code) => asks(`RST_STREAM ${code} in place of an answer`, (stream) => [resetFrame(stream, code)])),
  ...[0, 2, 7, 8].map((code) =>
    asks(`RST_STREAM ${code} in the body`, (stream) => [
      headOf(stream) + dataFrame(stream, 'o', 0),
      laterMs,
      resetFrame(stream, code),
    ]),
  ),
  asks('RST_STREAM behind a head', (stream) => [headOf(stream), laterMs, resetFrame(stream, 2)]),
  asks('RST_STREAM behind the answer', (stream) => [headOf(stream) + dataFrame(stream, 'ok') + resetFrame(stream, 0)]),
  asks('RST_STREAM with a wrong size', (stream) => [frame(frameType.rstStream, 0, stream, '\0')]),
  asks('RST_STREAM of a stream that is idle', () => [resetFrame(77, 8)]),
  asks('refused, then well', (stream) => [resetFrame(stream, 7)], {
    config: 'http2Retry',
    http2Origin: [{ frames: (stream) => [resetFrame(stream, 7)] }, { frames: whole }],
  }),
  asks('refused twice', (stream) => [resetFrame(stream, 7)], { config: 'http2Retry' }),
  asks('cancelled, where a refused stream is tried again', (stream) => [resetFrame(stream, 8)], {
    config: 'http2Retry',
  }),
  asks('an early answer and NO_ERROR', (stream) => [headOf(stream) + dataFrame(stream, 'ok') + resetFrame(stream, 0)], {
    at: 'head',
    client: [post('he', 'content-length: 5')],
  }),
  asks('an early answer', whole, { at: 'head', client: [post('he', 'content-length: 5'), { waitMs: 60 }, 'llo'] }),
  // The connection.
  asks('GOAWAY before the answer', (stream) => [
    goAwayFrame(stream, 0),
    laterMs,
    headOf(stream) + dataFrame(stream, 'ok'),
  ]),
  asks(
    'GOAWAY before the answer, then another request',
    (stream) => [goAwayFrame(stream, 0) + headOf(stream) + dataFrame(stream, 'ok')],
    {
      client: [get('/1'), { until: 'ok' }, get('/2')],
    },
  ),
  asks('GOAWAY with an error before the answer', (stream) => [
    goAwayFrame(stream, 2),
    laterMs,
    headOf(stream) + dataFrame(stream, 'ok'),
  ]),
  asks('GOAWAY and the end', (stream) => [goAwayFrame(stream, 0), laterMs, 'FIN']),
  asks('GOAWAY that refuses, then well', () => [], {
    http2Origin: [{ frames: () => [goAwayFrame(0, 0)] }, { frames: whole }],
  }),
  asks('GOAWAY that refuses a POST, then well', () => [], {
    client: [post('hello', 'content-length: 5')],
    http2Origin: [{ frames: () => [goAwayFrame(0, 0)] }, { frames: whole }],
  }),
  ...(['FIN', 'RST'] as const).flatMap((how) => [
    asks(`${how} in place of an answer`, () => [how]),
    asks(`${how} behind the head`, (stream) => [headOf(stream), laterMs, how]),
    asks(`${how} in the body`, (stream) => [headOf(stream) + dataFrame(stream, 'o', 0), laterMs, how]),
    asks(`${how} behind the answer`, (stream) => [headOf(stream) + dataFrame(stream, 'ok'), laterMs, how]),
  ]),
  asks('HTTP/1.1', () => ['HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'], { at: 'connect' }),
  asks('rubbish', () => ['\x16\x03\x01\x02\x00\x01\x00\x01'], { at: 'connect' }),
  asks('no settings', (stream) => [headersFrame(stream, ok)], { at: 'connect' }),
  // Frames that break the rules.
  asks('PUSH_PROMISE', (stream) => [
    frame(
      frameType.pushPromise,
      endHeaders,
      stream,
      `\0\0\0\x02${block([
        [':method', 'GET'],
        [':scheme', 'http'],
        [':authority', 'a'],
        [':path', '/'],
      ])}`,
    ) +
      headOf(stream) +
      dataFrame(stream, 'ok'),
  ]),
  asks('HEADERS on stream 0', () => [headersFrame(0, ok)]),
  asks('HEADERS on a stream of its own', (stream) => [headersFrame(2, ok) + headOf(stream) + dataFrame(stream, 'ok')]),
  asks('DATA on a stream that is idle', () => [dataFrame(77, 'ok')]),
  asks('DATA behind the end', (stream) => [headOf(stream) + dataFrame(stream, 'ok') + dataFrame(stream, 'ok')]),
  asks('HEADERS behind the end', (stream) => [headOf(stream) + dataFrame(stream, 'ok') + headersFrame(stream, ok)]),
  asks('an unknown frame', (stream) => [frame(0x42, 0, stream, 'x') + headOf(stream) + dataFrame(stream, 'ok')]),
  asks('a frame that is too large', (stream) => [headOf(stream) + dataFrame(stream, 'x'.repeat(20_000))]),
  asks('WINDOW_UPDATE of 0', (stream) => [frame(frameType.windowUpdate, 0, stream, octets(4, 0))]),
  asks('WINDOW_UPDATE of 0 for the connection', () => [frame(frameType.windowUpdate, 0, 0, octets(4, 0))]),
  asks('WINDOW_UPDATE beyond the largest window', (stream) => [
    frame(frameType.windowUpdate, 0, stream, octets(4, 0x7fffffff)),
  ]),
  asks('SETTINGS with a wrong size', () => [frame(frameType.settings, 0, 0, '\0\x04\0')]),
  asks('SETTINGS with a window too large', () => [frame(frameType.settings, 0, 0, `\0\x04${octets(4, 0x80000000)}`)]),
  asks('SETTINGS that allow push', (stream) => [
    frame(frameType.settings, 0, 0, `\0\x02${octets(4, 1)}`),
    laterMs,
    headOf(stream) + dataFrame(stream, 'ok'),
  ]),
  asks('an index that is not in the table', (stream) => [
    frame(frameType.headers, endHeaders | endStream, stream, '\xff\x7f'),
  ]),
  asks('PRIORITY of the stream on itself', (stream) => [
    `${frame(frameType.priority, 0, stream, `${octets(4, stream)}\x10`)}${headOf(stream)}${dataFrame(stream, 'ok')}`,
  ]),
  // gRPC over HTTP/1.1 is not gRPC to its clients, but the fields are.
  asks('a gRPC answer of a head only', answered([...ok, ['content-type', 'application/grpc'], ['grpc-status', '5']])),
];
