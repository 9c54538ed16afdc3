import { ResponseFlag } from '@sofamesh/contract/message';
import { type ProtocolFixtures, protocolSuite } from '@sofamesh/testkit/protocol-suite/index';
import {
  framed,
  headerBlock,
  headerFrame,
  messageOf,
  type ThriftSample,
  textStruct,
  thriftFrame,
} from './sample-frames.test.ts';
import { protocol } from './thrift.ts';

const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex');

type Way = Pick<ThriftSample, 'transport' | 'encoding'>;

/** The whole suite for one way of writing messages: its frames are the plain ones. */
function fixturesOf(way: Way, ...others: readonly Way[]): ProtocolFixtures {
  const compact = way.encoding === 'compact';
  const headers: ThriftSample['headers'] =
    way.transport === 'header'
      ? [
          ['tenant', 'a'],
          ['zone', 'eu'],
        ]
      : [];
  const args = textStruct('arguments', compact);
  const exception = compact ? hex('1804 626f6f6d 150c 00') : hex('0b0001 00000004 626f6f6d 080002 00000006 00');
  const call = (id: number, more: ThriftSample = {}) => thriftFrame({ ...way, id, struct: args, headers, ...more });
  const answer = (id: number, more: ThriftSample) => thriftFrame({ ...way, id, type: 2, name: 'getUser', ...more });
  const struct = way.encoding === 'old' ? hex('0c 0001 00 00') : textStruct('declared', compact, 2);
  return {
    messages: 'whole',
    exchanges: [
      {
        name: 'a call',
        request: (id) => call(id, { name: 'getUser' }),
        response: (id) => answer(id, { struct: textStruct('value', compact, 0) }),
        expectRequest: {
          method: 'POST',
          authority: '',
          path: '/getUser',
          scheme: 'thrift',
          protocol: 'thrift',
          oneWay: false,
          timeoutMs: 0,
          headers: Object.fromEntries(headers),
          body: args,
        },
        expectResponse: { status: 200, nativeStatus: 0, applicationError: false, protocol: 'thrift' },
      },
      {
        name: 'a call of one service of several, without a value',
        request: (id) => call(id, { name: 'Users:touch', headers: [] }),
        response: (id) => answer(id, { name: 'touch' }),
        expectRequest: { authority: 'Users', path: '/touch', absent: ['tenant'] },
        expectResponse: { status: 200, applicationError: false, body: hex('00') },
      },
      {
        name: 'an exception that the interface declares',
        request: (id) => call(id, { name: 'getUser' }),
        response: (id) => answer(id, { struct }),
        expectRequest: {},
        expectResponse: { status: 200, nativeStatus: 0, applicationError: true },
      },
      {
        name: 'a failure of the server',
        request: (id) => call(id, { name: 'getUser' }),
        response: (id) => answer(id, { type: 3, struct: exception }),
        expectRequest: {},
        expectResponse: { status: 500, nativeStatus: 106, applicationError: false },
      },
      ...others.flatMap((other) =>
        fixturesOf(other)
          .exchanges.slice(0, 1)
          .map((exchange) => ({ ...exchange, name: `a call as ${other.transport} ${other.encoding}` })),
      ),
    ],
    idOf,
    oneWay: {
      name: 'a one-way call',
      request: (id) => call(id, { type: 4, name: 'Users:log' }),
      expectRequest: { oneWay: true, authority: 'Users', path: '/log' },
    },
    ...(way.transport !== 'header' && {
      edits: { headers: false, authority: 'other.example.Service', path: '/otherMethod' },
    }),
    localReplies: [
      {
        reply: { status: 404, body: 'no route', details: 'route_not_found', flags: ResponseFlag.noRouteFound },
        expectResponse: { nativeStatus: 101, status: 500, applicationError: false },
      },
      {
        reply: { status: 503, body: 'nobody', details: 'no_healthy_upstream', flags: ResponseFlag.noHealthyUpstream },
        expectResponse: { nativeStatus: 100 },
      },
      {
        reply: { status: 504, body: 'late', details: 'response_timeout', flags: ResponseFlag.upstreamRequestTimeout },
        expectResponse: { nativeStatus: 106 },
      },
      { reply: { status: 200, body: '', details: 'direct', flags: 0 }, expectResponse: { nativeStatus: 106 } },
    ],
    refused: [
      { name: 'another protocol', side: 'server', bytes: () => Buffer.from('GET / HTTP/1.1'), code: 'bad_magic' },
      { name: 'a negative length', side: 'server', bytes: () => hex('ffffffff80010001'), code: 'bad_magic' },
      { name: 'an empty frame', side: 'server', bytes: () => hex('00000000'), code: 'bad_length' },
      { name: 'a frame of 2 GiB', side: 'server', bytes: () => hex('7fffffff80010001'), code: 'frame_too_large' },
      {
        name: 'a call of no type',
        side: 'server',
        bytes: (id) => framed(messageOf({ id, type: 7 })),
        code: 'bad_call',
        scope: 'message',
        answer: { status: 500, nativeStatus: 107 },
      },
      {
        name: 'headers longer than their frame',
        side: 'server',
        bytes: (id) => headerFrame(headerBlock(0, []), Buffer.alloc(5), id).fill(0xff, 12, 13).fill(0x01, 12, 13),
        code: 'bad_call',
        scope: 'message',
        answer: { nativeStatus: 107 },
      },
      { name: 'another protocol', side: 'client', bytes: () => Buffer.from('HTTP/1.1 200 OK'), code: 'bad_magic' },
      {
        name: 'a call',
        side: 'client',
        bytes: (id) => call(id),
        code: 'bad_reply',
        closes: true,
      },
      {
        name: 'a message of no type',
        side: 'client',
        bytes: (id) => framed(messageOf({ id, type: 7 })),
        code: 'bad_reply',
      },
    ],
    notMine: [
      Buffer.from('GET / HTTP/1.1'),
      Buffer.from('PRI * HTTP/2.0'),
      hex('0101'),
      hex('0201'),
      hex('dabbc2'),
      hex('160301'),
      hex('00000020dabc'),
      hex('000000401001'),
      hex('80010003'),
      hex('8261'),
      hex('0000001000000004 70 00 6e 67'),
    ],
  };
}

/** Read as the samples are written. */
function idOf(message: Buffer): number {
  let at = message[0]! < 0x80 ? 4 : 0;
  if (at > 0 && message[4] === 0x0f) at = 14 + message.readUInt16BE(12) * 4;
  if (message[at] === 0x80) return message.readUInt32BE(at + 8 + message.readUInt32BE(at + 4));
  if (message[at] === 0) return message.readUInt32BE(at + 5 + message.readUInt32BE(at));
  let id = 0;
  for (let shift = 0, next = at + 2; ; shift += 7, next++) {
    id |= (message[next]! & 0x7f) << shift;
    if (message[next]! < 0x80) return id >>> 0;
  }
}

protocolSuite(
  protocol,
  fixturesOf(
    { transport: 'framed', encoding: 'binary' },
    { transport: 'framed', encoding: 'old' },
    { transport: 'framed', encoding: 'compact' },
  ),
);
protocolSuite(
  protocol,
  fixturesOf({ transport: 'unframed', encoding: 'compact' }, { transport: 'unframed', encoding: 'binary' }),
);
protocolSuite(
  protocol,
  fixturesOf({ transport: 'header', encoding: 'binary' }, { transport: 'header', encoding: 'compact' }),
);
