import { protocol } from '@sofamesh/protocols/dubbo/dubbo';
import {
  callAttachments,
  callBody,
  dubboFrame,
  map,
  realFrames,
  text,
} from '@sofamesh/protocols/dubbo/sample-frames.test';
import type { FuzzTarget } from '../target.ts';
import { type CodecSamples, clientTarget, serverTarget } from './codecs.ts';

const hex = (digits: string) => Buffer.from(digits, 'hex');
const call = (id: bigint, body = callBody({})) => dubboFrame({ id, body });
const answer = (id: bigint, status = 20) =>
  dubboFrame({ id, flag: 0x02, status, body: Buffer.concat([hex('94'), text('hello'), map([['dubbo', '2.0.2']])]) });

const samples: CodecSamples = {
  protocol,
  tokens: [
    ...Object.values(realFrames).map(hex),
    map(callAttachments),
    text('timeout'),
    'N',
    'H',
    'Z',
    'C',
    'Q',
    '\x43\x30',
  ],
};
const ids = [0n, 1n, 2n, 3n];

export const dubboTargets: readonly FuzzTarget[] = [
  serverTarget('dubbo-server', samples, () => [
    call(1n),
    Buffer.concat(ids.map((id) => call(id))),
    call(-1n, callBody({ attachments: null })),
    call(5n, callBody({ version: null, values: map([['a', text('b')]]) })),
    dubboFrame({ flag: 0x82, body: callBody({}) }),
    dubboFrame({ flag: 0xe2, body: text('R') }),
    ...Object.values(realFrames).map(hex),
  ]),
  clientTarget('dubbo-client', samples, [call(1n), call(2n), call(3n)], () => [
    ...ids.map((id) => answer(id)),
    Buffer.concat(ids.map((id) => answer(id))),
    answer(1n, 40),
    dubboFrame({ flag: 0xe2, body: text('R') }),
    ...Object.values(realFrames).map(hex),
  ]),
];
