import {
  bytes,
  integer,
  map,
  packet,
  realFrames,
  tarsReply,
  tarsRequest,
  text,
} from '@sofamesh/protocols/tars/sample-frames.test';
import { protocol } from '@sofamesh/protocols/tars/tars';
import type { FuzzTarget } from '../target.ts';
import { type CodecSamples, clientTarget, serverTarget } from './codecs.ts';

const hex = (digits: string) => Buffer.from(digits, 'hex');
const context = [
  ['tenant', 'a'],
  ['Trace', 'b'],
] as const;
const call = (id: number, version = 1) => tarsRequest({ id, version, context, body: 'arguments' });
const answer = (id: number, ret = 0) => tarsReply({ id, ret, context, body: 'value' });

const samples: CodecSamples = {
  protocol,
  tokens: [
    ...Object.values(realFrames).map(hex),
    ...[0, 1, 200, 70_000, -1].flatMap((value) => [integer(4, value), integer(3, value), integer(0, value)]),
    ...[text(5, 'A.B.C'), text(6, 'm'), text(0, 'k'), text(1, 'v'), bytes(7, Buffer.from('x')), map(9, context)],
    ...['\x98', '\x7d\0', '\0\0\0', '\x10\x01', '\x10\x03', '\x57'],
  ],
  // A packet that says its length wrongly is refused at once; what is inside of it is worth changing, too.
  parts: { split: packetsOf, join: (parts) => Buffer.concat(parts.map(withLength)) },
};
const ids = [1, 2, 3];

function packetsOf(stream: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  let rest = stream;
  while (rest.length >= 4 && rest.readUInt32BE() >= 4) {
    packets.push(rest.subarray(0, rest.readUInt32BE()));
    rest = rest.subarray(rest.readUInt32BE());
  }
  return rest.length === 0 ? packets : [...packets, rest];
}

function withLength(part: Buffer): Buffer {
  return part.length < 4 ? part : packet(part.subarray(4));
}

export const tarsTargets: readonly FuzzTarget[] = [
  serverTarget('tars-server', samples, () => [
    call(1),
    Buffer.concat([call(1), call(300, 3), call(70_000, 2), call(-1, 5)]),
    tarsRequest({ oneWay: true, method: 'tars_ping' }),
    packet(integer(1, 1), integer(2, 0), integer(3, 0), integer(4, 1), text(5, 'x')),
    ...Object.values(realFrames).map(hex),
  ]),
  clientTarget('tars-client', samples, [call(1), call(200, 3), call(3)], () => [
    ...ids.map((id) => answer(id)),
    Buffer.concat(ids.map((id) => answer(id, -9))),
    tarsRequest({ version: 3, id: 2, status: [['STATUS_RESULT_CODE', '-3']] }),
    Buffer.concat([tarsReply({ version: 0, id: 0, description: '_reconnect_' }), answer(1)]),
    call(9),
    ...Object.values(realFrames).map(hex),
  ]),
];
