import { ResponseFlag } from '@sofamesh/contract/message';
import type { ExchangeSample, RefusedSample } from '@sofamesh/testkit/protocol-suite/index';
import { protocolSuite } from '@sofamesh/testkit/protocol-suite/index';
import { protocol } from './http2.ts';
import {
  data,
  endHeaders,
  endStream,
  type Fields,
  frame,
  framesIn,
  get,
  goAway,
  headers,
  literals,
  opening,
  ping,
  post,
  streamOf,
  uint32,
  windowUpdate,
} from './sample-frames.test.ts';

const ok: Fields = [[':status', '200']];
const firstPing = 0x4000_0000;
const mark = uint32(0x6d6f_736e);
const pingOf = (id: number, ack: boolean) => ping(Buffer.concat([mark, uint32((id - firstPing) >>> 0)]), ack);

/** Of the first frame that has a stream, or is a PING. */
function idOf(message: Buffer): number {
  for (const { type, streamId, payload } of framesIn(message)) {
    if (type === 6) return payload.readUInt32BE(4) + firstPing;
    if (type === 1) return (streamId + 1) / 2;
  }
  return 0;
}

const exchanges: readonly ExchangeSample[] = [
  {
    name: 'GET',
    request: (id) => headers(streamOf(id), [...get, ['accept', '*/*'], ['x-one', 'eins']]),
    expectRequest: {
      method: 'GET',
      authority: 'a.example:8080',
      path: '/one?two',
      scheme: 'http',
      protocol: 'HTTP/2',
      oneWay: false,
      headers: { accept: '*/*', 'x-one': 'eins', host: 'a.example:8080' },
      body: Buffer.alloc(0),
    },
    response: (id) =>
      Buffer.concat([
        headers(streamOf(id), [...ok, ['content-type', 'text/plain'], ['content-length', '5']], endHeaders),
        data(streamOf(id), 'hello'),
      ]),
    expectResponse: {
      status: 200,
      nativeStatus: 200,
      protocol: 'HTTP/2',
      headers: { 'content-type': 'text/plain', 'content-length': '5' },
      body: Buffer.from('hello'),
    },
  },
  {
    name: 'POST in frames, padded, with trailers',
    request: (id) =>
      Buffer.concat([
        frame(
          1,
          endHeaders | 8 | 0x20,
          streamOf(id),
          Buffer.of(2),
          uint32(0),
          Buffer.of(15),
          literals(post),
          Buffer.alloc(2),
        ),
        data(streamOf(id), 'first ', 0),
        frame(0, 8, streamOf(id), Buffer.of(3), Buffer.from('second '), Buffer.alloc(3)),
        windowUpdate(streamOf(id), 10),
        data(streamOf(id), 'third', 0),
        headers(streamOf(id), [['x-checksum', 'abc']]),
      ]),
    expectRequest: { method: 'POST', body: Buffer.from('first second third'), trailers: { 'x-checksum': 'abc' } },
    response: (id) =>
      Buffer.concat([
        headers(
          streamOf(id),
          [
            [':status', '103'],
            ['link', '</style.css>'],
          ],
          endHeaders,
        ),
        headers(streamOf(id), [...ok, ['set-cookie', 'a=1'], ['set-cookie', 'b=2']], endHeaders),
        data(streamOf(id), 'answer in', 0),
        frame(0xfa, 0, streamOf(id), Buffer.from('grease')),
        frame(0, 8, streamOf(id), Buffer.of(0), Buffer.from(' parts')),
        headers(streamOf(id), [['grpc-status', '0']]),
      ]),
    expectResponse: {
      status: 200,
      body: Buffer.from('answer in parts'),
      trailers: { 'grpc-status': '0' },
      informational: [103],
    },
  },
  {
    name: 'head in CONTINUATIONs, cookie in crumbs',
    request: (id) => {
      const block = literals([
        ...get,
        ['cookie', 'a=1'],
        ['te', 'trailers'],
        ['cookie', 'b=2'],
        ['x-long', 'l'.repeat(300)],
      ]);
      return Buffer.concat([
        frame(1, endStream, streamOf(id), block.subarray(0, 40)),
        frame(9, 0, streamOf(id), block.subarray(40, 41)),
        frame(9, endHeaders, streamOf(id), block.subarray(41)),
      ]);
    },
    expectRequest: { headers: { cookie: 'a=1; b=2', te: 'trailers', 'x-long': 'l'.repeat(300) } },
    response: (id) =>
      headers(streamOf(id), [
        [':status', '204'],
        ['x-empty', ''],
      ]),
    expectResponse: { status: 204, headers: { 'x-empty': '' }, body: Buffer.alloc(0) },
  },
  {
    name: 'HEAD',
    request: (id) => headers(streamOf(id), [[':method', 'HEAD'], ...get.slice(1)]),
    expectRequest: { method: 'HEAD' },
    response: (id) => headers(streamOf(id), [...ok, ['content-length', '1000']]),
    expectResponse: { status: 200, headers: { 'content-length': '1000' }, body: Buffer.alloc(0) },
  },
  {
    name: 'POST with lengths and a status of its own',
    request: (id) =>
      Buffer.concat([
        headers(streamOf(id), [...post, ['content-length', '10']], endHeaders),
        data(streamOf(id), '01234', 0),
        data(streamOf(id), '56789'),
      ]),
    expectRequest: { body: Buffer.from('0123456789'), headers: { 'content-length': '10' } },
    response: (id) =>
      Buffer.concat([headers(streamOf(id), [[':status', '418']], endHeaders), data(streamOf(id), 'teapot')]),
    expectResponse: { status: 418, body: Buffer.from('teapot') },
  },
];

const streamFault = (name: string, fields: Fields): RefusedSample => ({
  name,
  side: 'server',
  bytes: (id) => headers(streamOf(id), fields),
  code: 'rx_messaging_error',
  scope: 'stream',
});
const connectionFault = (name: string, code: string, bytes: (id: number) => Buffer): RefusedSample => ({
  name,
  side: 'server',
  bytes,
  code,
});
const replyFault = (name: string, code: string, bytes: (id: number) => Buffer, scope?: 'stream'): RefusedSample => ({
  name,
  side: 'client',
  bytes,
  code,
  ...(scope === undefined ? {} : { scope }),
});

protocolSuite(protocol, {
  messages: 'streamed',
  opening,
  idOf,
  exchanges,
  heartbeat: { request: (id) => pingOf(id, false), response: (id) => pingOf(id, true) },
  goAway: {
    fromServer: () => goAway(0x7fff_ffff),
    expectNotice: Buffer.concat([goAway(0x7fff_ffff), ping(Buffer.concat([mark, uint32(0xffff_ffff)]))]),
    confirmation: () => ping(Buffer.concat([mark, uint32(0xffff_ffff)]), true),
  },
  localReplies: [
    {
      reply: { status: 404, body: '', details: 'route_not_found', flags: ResponseFlag.noRouteFound },
      expectResponse: { status: 404, body: Buffer.alloc(0), headers: { 'content-length': '0' } },
    },
    {
      reply: {
        status: 503,
        body: 'größer',
        details: 'overflow',
        flags: ResponseFlag.upstreamOverflow,
        headers: [
          ['Retry-After', '1'],
          ['content-length', '99'],
          ['transfer-encoding', 'chunked'],
          ['connection', 'close'],
          ['x-split', 'a\r\nx-injected: 1'],
        ],
      },
      expectResponse: {
        status: 503,
        body: Buffer.from('größer'),
        headers: { 'retry-after': '1', 'content-length': '8', 'content-type': 'text/plain' },
        absent: ['x-split', 'x-injected', 'transfer-encoding', 'connection'],
      },
    },
    {
      reply: { status: 204, body: 'never seen', details: 'direct_response', flags: 0 },
      expectResponse: { status: 204, body: Buffer.alloc(0), absent: ['content-length'] },
    },
    {
      reply: { status: 301, body: '', details: 'direct_response', flags: 0, headers: [['location', 'https://a/']] },
      expectResponse: { status: 301, headers: { location: 'https://a/' } },
    },
  ],
  refused: [
    streamFault('an upper-case name', [...get, ['X-One', '1']]),
    streamFault('a field of the connection', [...get, ['connection', 'close']]),
    streamFault('a request without a path', get.slice(0, 3)),
    {
      name: 'a head above the limit',
      side: 'server',
      bytes: (id) => {
        const block = literals([...get, ['x-large', 'x'.repeat(40_000)], ['x-larger', 'x'.repeat(22_000)]]);
        const cuts = [0, 16_384, 32_768, 49_152];
        return Buffer.concat(
          cuts.map((from, at) => {
            const last = at === cuts.length - 1;
            const flags = (at === 0 ? endStream : 0) | (last ? endHeaders : 0);
            return frame(at === 0 ? 1 : 9, flags, streamOf(id), block.subarray(from, last ? undefined : cuts[at + 1]));
          }),
        );
      },
      code: 'header_overflow',
      scope: 'stream',
      answer: { status: 431 },
    },
    {
      name: 'a head with too many fields',
      side: 'server',
      bytes: (id) => headers(streamOf(id), [...get, ...Array.from({ length: 101 }, () => ['cookie', 'c'] as const)]),
      code: 'header_overflow',
      scope: 'stream',
      answer: { status: 431 },
    },
    connectionFault('data on stream 0', 'bad_stream_id', () => data(0, 'x')),
    connectionFault('an even stream', 'bad_stream_id', () => headers(2, get)),
    connectionFault('a frame that is too long', 'frame_size_error', () => frame(0xfa, 0, 0, Buffer.alloc(16_385))),
    connectionFault('a block that cannot be decoded', 'compression_error', (id) =>
      frame(1, endStream | endHeaders, streamOf(id), Buffer.of(0xff, 0xff, 0xff, 0xff)),
    ),
    connectionFault('another frame inside a block', 'unexpected_frame', (id) =>
      Buffer.concat([frame(1, endStream, streamOf(id), literals(get)), ping(Buffer.alloc(8))]),
    ),
    connectionFault('a push from a client', 'unexpected_frame', () => frame(5, endHeaders, 1, uint32(2))),
    connectionFault('CONTINUATIONs without end', 'continuation_flood', (id) =>
      Buffer.concat([
        frame(1, endStream, streamOf(id), Buffer.of(0)),
        ...Array.from({ length: 20 }, () => frame(9, 0, streamOf(id), Buffer.of(0))),
      ]),
    ),
    replyFault(
      'an answer without a status',
      'rx_messaging_error',
      (id) => headers(streamOf(id), [['x', 'y']]),
      'stream',
    ),
    replyFault('a push', 'unexpected_frame', () => frame(5, endHeaders, 1, uint32(2), literals(get))),
    replyFault('ENABLE_PUSH from a server', 'bad_settings', () => frame(4, 0, 0, Buffer.of(0, 2, 0, 0, 0, 1))),
    replyFault('an unknown index', 'compression_error', (id) =>
      frame(1, endStream | endHeaders, streamOf(id), Buffer.of(0xfe)),
    ),
  ],
  notMine: [
    Buffer.from('GET / HTTP/1.1\r\n'),
    Buffer.from('PRI * HTTP/1.1\r\n'),
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r'),
    Buffer.from('160301', 'hex'),
    Buffer.from('dabbc2', 'hex'),
  ],
});
