import { protocol } from '@sofamesh/protocols/hsf/hsf';
import { attachmentBlock, callSample, hsfFrame } from '@sofamesh/protocols/hsf/sample-frames.test';
import type { FuzzTarget } from '../target.ts';
import { type CodecSamples, clientTarget, serverTarget } from './codecs.ts';

const call = (id: number) => hsfFrame({ ...callSample, id, content: 'arguments' });
const answer = (id: number, status = 0) => hsfFrame({ operation: 2, id, status, content: 'value' });
const heartbeat = hsfFrame({ operation: 3, id: 9 });
const goAway = hsfFrame({ operation: 5, id: 0 });

const samples: CodecSamples = {
  protocol,
  tokens: [
    ...[call(1), answer(1), heartbeat, goAway, attachmentBlock(callSample.attachments)],
    ...['\xe8\x5f\x01', '\xe8\x5f\x01\x02', '\0\0', '\0\x01', '\xff\xff', '\0\0\0\0'],
  ],
};
const ids = [1, 2, 3];

export const hsfTargets: readonly FuzzTarget[] = [
  serverTarget('hsf-server', samples, () => [
    call(1),
    Buffer.concat([call(1), heartbeat, call(2)]),
    hsfFrame({ ...callSample, operation: 1 }),
    hsfFrame({ id: 0xffff_ffff_ffff_ffffn, attachmentBytes: Buffer.from('\0\x05key', 'latin1') }),
  ]),
  clientTarget('hsf-client', samples, [call(1), call(2), call(3)], () => [
    ...ids.map((id) => answer(id)),
    Buffer.concat([heartbeat, ...ids.map((id) => answer(id, 4)), goAway]),
    Buffer.concat([goAway, answer(1), hsfFrame({ operation: 4, id: 5 })]),
    call(9),
  ]),
];
