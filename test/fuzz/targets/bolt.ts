import { protocol } from '@sofamesh/protocols/bolt/bolt';
import {
  boltFrame,
  callHeaders,
  realFrames,
  requestClass,
  responseClass,
} from '@sofamesh/protocols/bolt/sample-frames.test';
import type { FuzzTarget } from '../target.ts';
import { type CodecSamples, clientTarget, serverTarget } from './codecs.ts';

const hex = (text: string) => Buffer.from(text, 'hex');
const call = (id: number, version: 1 | 2 = 1, flags = 0) =>
  boltFrame({
    id,
    version,
    flags,
    className: requestClass,
    headers: callHeaders,
    content: 'arguments',
    timeoutMs: 500,
  });
const answer = (id: number, version: 1 | 2 = 1, flags = 0) =>
  boltFrame({ id, version, flags, type: 0, className: responseClass, headers: [['a', 'b']], content: 'value' });
/** A request to go away: command 100. */
const goAway = boltFrame({ command: 100 });

const samples: CodecSamples = {
  protocol,
  settings: { goAwayFrame: true },
  tokens: [...Object.values(realFrames).map(hex), goAway, '\x01\x00\x00\x02', '\x02\x02\x01', '\x00\x00\x00\x00'],
};
const ids = [1, 2, 3];

export const boltTargets: readonly FuzzTarget[] = [
  serverTarget('bolt-server', samples, () => [
    call(1),
    Buffer.concat([call(1), call(2), call(3)]),
    call(7, 2, 1),
    boltFrame({ type: 2, headers: callHeaders, className: requestClass }),
    boltFrame({ headers: [['sofa_head_method_name', null]], className: 'x' }),
    ...Object.values(realFrames).map(hex),
  ]),
  clientTarget('bolt-client', samples, [call(1), call(2), call(3, 2, 1)], () => [
    ...ids.map((id) => answer(id)),
    Buffer.concat(ids.map((id) => answer(id))),
    answer(3, 2, 1),
    boltFrame({ type: 0, id: 1, status: 7 }),
    Buffer.concat([goAway, answer(1)]),
    ...Object.values(realFrames).map(hex),
  ]),
];
