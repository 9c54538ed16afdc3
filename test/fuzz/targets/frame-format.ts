import { boltFrame, callHeaders } from '@sofamesh/protocols/bolt/sample-frames.test';
import { protocol as example } from '@sofamesh/protocols/example/example';
import { exampleFrame } from '@sofamesh/protocols/example/sample-frames.test';
import { declarativeFormat } from '@sofamesh/protocols/shared/declarative/declarative-format';
import { boltSpec, ledgerSpec } from '@sofamesh/protocols/shared/declarative/sample-specs.test';
import { frameProtocol } from '@sofamesh/protocols/shared/frame-protocol';
import type { FuzzTarget } from '../target.ts';
import { clientTarget, serverTarget } from './codecs.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const exampleSamples = { protocol: example, tokens: [exampleFrame({ type: 3 }), '\xe1\x00', '\xe1\x01', '\0\0\0\x01'] };

/** Protocols that are functions on frames, by hand and by a spec. */
export const frameFormatTargets: readonly FuzzTarget[] = [
  serverTarget('example-server', exampleSamples, () => [
    exampleFrame({ payload: 'question' }),
    Buffer.concat([exampleFrame({ id: 1 }), exampleFrame({ type: 2 }), exampleFrame({ id: 0xffff_ffff_ffffn })]),
    exampleFrame({ type: 3 }),
    exampleFrame({ type: 9 }),
  ]),
  clientTarget('example-client', exampleSamples, [exampleFrame({ id: 1 }), exampleFrame({ id: 2 })], () => [
    exampleFrame({ type: 1, id: 1, payload: 'answer' }),
    Buffer.concat([exampleFrame({ type: 1, id: 2, status: 3 }), exampleFrame({ type: 3 })]),
    exampleFrame({ id: 5 }),
  ]),
  serverTarget(
    'declarative-bolt-server',
    {
      protocol: frameProtocol(declarativeFormat(boltSpec, 'bolt')),
      tokens: ['\0\0\0\0', '\xff\xff\xff\xff', '\x01\x01\x00\x01'],
    },
    () => [
      boltFrame({ headers: callHeaders, content: 'x' }),
      boltFrame({ type: 2, headers: [['service', null]] }),
      boltFrame({ command: 0 }),
      boltFrame({ command: 100 }),
    ],
  ),
  serverTarget(
    'declarative-ledger-server',
    {
      protocol: frameProtocol(declarativeFormat(ledgerSpec, 'ledger')),
      tokens: ['LD\x01\0', '\x01\0', '\0\0', '\xff'],
    },
    () => [
      hex('4c440100 1a0000 00 01000000 0000 0000 05426f6f6b73 0300676574 0000 2e2e 71756573 74'),
      hex('4c440300 120000 00 01000000 0000 0000 00 0000 0600 01610200 6262 2e2e'),
    ],
  ),
];
