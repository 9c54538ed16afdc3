import type { Protocol } from '@sofamesh/contract/protocol';
import { protocol as bolt } from '@sofamesh/protocols/bolt/bolt';
import { boltFrame, callHeaders, requestClass, responseClass } from '@sofamesh/protocols/bolt/sample-frames.test';
import { protocol as hsf } from '@sofamesh/protocols/hsf/hsf';
import { callSample, hsfFrame } from '@sofamesh/protocols/hsf/sample-frames.test';
import { protocol as http2 } from '@sofamesh/protocols/http2/http2';
import {
  data,
  endHeaders,
  type Fields,
  goAway,
  headers,
  opening,
  post,
  reset,
  settings,
  windowUpdate,
} from '@sofamesh/protocols/http2/sample-frames.test';
import { compose } from '@sofamesh/protocols/rpc-http2/rpc-http2';
import { tarsReply, tarsRequest } from '@sofamesh/protocols/tars/sample-frames.test';
import { protocol as tars } from '@sofamesh/protocols/tars/tars';
import { thriftFrame } from '@sofamesh/protocols/thrift/sample-frames.test';
import { protocol as thrift } from '@sofamesh/protocols/thrift/thrift';
import type { FuzzTarget } from '../target.ts';
import { type CodecSamples, clientTarget, serverTarget } from './codecs.ts';
import { http2Parts } from './http2.ts';

const protocols = new Map<string, Protocol>([bolt, hsf, http2, tars, thrift].map((each) => [each.name, each]));

const contentType = (name: string) => ['content-type', `application/vnd.mosn.rpc+${name}`] as const;
const asking = (name: string): Fields => [...post, contentType(name)];
const answering = (name: string): Fields => [[':status', '200'], contentType(name)];

const calls: Readonly<Record<string, Buffer>> = {
  bolt: boltFrame({ id: 7, className: requestClass, headers: callHeaders, content: 'arguments', timeoutMs: 500 }),
  hsf: hsfFrame({ ...callSample, id: 7, content: 'arguments' }),
  tars: tarsRequest({ id: 7, body: 'arguments' }),
  thrift: thriftFrame({ id: 7, encoding: 'compact' }),
};
/** Each call has its own codec, whose first id is 1. */
const answers: Readonly<Record<string, Buffer>> = {
  bolt: boltFrame({ type: 0, className: responseClass, headers: [['a', 'b']], content: 'value' }),
  hsf: hsfFrame({ operation: 2, id: 1, content: 'value' }),
  tars: tarsReply({ id: 1, body: 'value' }),
  thrift: thriftFrame({ id: 1, encoding: 'compact', type: 2 }),
};
const oneWay = boltFrame({ type: 2, headers: callHeaders, className: requestClass });
const heartbeat = boltFrame({ command: 0 });

/** A message of HTTP/2 with a frame, in DATA of at most so many bytes. */
function carried(stream: number, head: Fields, frame: Buffer, dataBytesMax = frame.length): Buffer {
  const parts: Buffer[] = [headers(stream, head, endHeaders)];
  for (let at = 0; at < frame.length; at += dataBytesMax) {
    const end = at + dataBytesMax;
    parts.push(data(stream, frame.subarray(at, end), end >= frame.length ? 1 : 0));
  }
  return Buffer.concat(parts);
}

const samples: CodecSamples = {
  protocol: compose(protocols)!,
  // How much is given back of the windows follows the pieces.
  comparesWritten: false,
  refusesEarly: true,
  parts: http2Parts,
  tokens: [
    ...[...Object.values(calls), ...Object.values(answers), oneWay, heartbeat, boltFrame({ type: 0, command: 0 })],
    ...[settings([4, 0]), settings([4, 0x7fffffff]), windowUpdate(1, 5), reset(1, 8), reset(3, 7), goAway(1)],
    ...[data(1, ''), data(1, 'x', 0), data(3, oneWay), headers(1, [['x-trailer', '1']])],
    ...[headers(5, asking('bolt')), headers(1, answering('hsf'), endHeaders), headers(1, [[':status', '415']])],
  ],
};

export const rpcHttp2Targets: readonly FuzzTarget[] = [
  serverTarget('rpc-http2-server', samples, () => {
    const whole = (...parts: Buffer[]) => Buffer.concat([opening.fromClient(), ...parts]);
    return [
      ...Object.entries(calls).map(([name, frame]) => whole(carried(1, asking(name), frame))),
      whole(carried(1, asking('bolt'), calls['bolt']!, 11), carried(3, asking('tars'), calls['tars']!, 3)),
      whole(carried(1, asking('bolt'), oneWay), carried(3, asking('bolt'), heartbeat), headers(5, asking('hsf'))),
      whole(carried(1, asking('thrift'), Buffer.concat([calls['thrift']!, calls['thrift']!]))),
      whole(carried(1, asking('bolt'), calls['bolt']!.subarray(0, 30)), carried(3, asking('http2'), oneWay)),
      whole(
        headers(1, asking('bolt'), endHeaders),
        data(1, calls['bolt']!, 0),
        headers(1, [['x-trailer', '1']]),
        goAway(0),
      ),
    ];
  }),
  clientTarget(
    'rpc-http2-client',
    samples,
    Object.entries(calls).map(([name, frame]) =>
      Buffer.concat([opening.fromClient(), carried(1, asking(name), frame)]),
    ),
    () => {
      const whole = (...parts: Buffer[]) => Buffer.concat([opening.fromServer(), ...parts]);
      return [
        whole(...Object.entries(answers).map(([name, frame], at) => carried(1 + 2 * at, answering(name), frame))),
        whole(carried(1, answering('bolt'), answers['bolt']!, 5), reset(3, 7), headers(5, answering('tars'))),
        whole(carried(1, answering('bolt'), heartbeat), carried(3, answering('hsf'), answers['hsf']!.subarray(0, 20))),
        whole(carried(1, answering('bolt'), Buffer.concat([answers['bolt']!, answers['bolt']!])), goAway(3)),
        whole(headers(1, [[':status', '415']]), carried(3, answering('bolt'), answers['hsf']!)),
        whole(headers(1, answering('bolt'), endHeaders), data(1, answers['bolt']!, 0), headers(1, [['x', '1']])),
      ];
    },
  ),
];
