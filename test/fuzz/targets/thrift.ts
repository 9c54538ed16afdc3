import assert from 'node:assert/strict';
import { protocol as dubboThrift } from '@sofamesh/protocols/dubbo-thrift/dubbo-thrift';
import { textStruct as dubboStruct, dubboThriftFrame } from '@sofamesh/protocols/dubbo-thrift/sample-frames.test';
import { StructSkipper } from '@sofamesh/protocols/shared/thrift/struct-skipper';
import { realFrames, textStruct, thriftFrame } from '@sofamesh/protocols/thrift/sample-frames.test';
import { protocol as thrift } from '@sofamesh/protocols/thrift/thrift';
import type { FuzzTarget } from '../target.ts';
import { type CodecSamples, clientTarget, serverTarget } from './codecs.ts';

const hex = (digits: string) => Buffer.from(digits, 'hex');
const ways = [
  {},
  { encoding: 'old' },
  { encoding: 'compact' },
  { transport: 'unframed' },
  { transport: 'unframed', encoding: 'compact' },
  { transport: 'header' },
  { transport: 'header', encoding: 'compact' },
] as const;
const headers = [['tenant', 'a']] as const;

/** A call, and a reply of every way. */
const calls = ways.map((way, id) => thriftFrame({ ...way, id, name: 'Users:getUser', headers }));
const replies = ways.map((way) => {
  const compact = 'encoding' in way && way.encoding === 'compact';
  return thriftFrame({ ...way, type: 2, struct: textStruct('value', compact, 0), headers });
});

const thriftSamples: CodecSamples = {
  protocol: thrift,
  tokens: [
    ...Object.values(realFrames).map(hex),
    hex('80010001'),
    hex('8221'),
    hex('0fff0000'),
    hex('0f0001'),
    hex('0d0001'),
    hex('0c0001'),
    hex('7fffffff'),
    hex('ffffffff0f'),
    '\0\0\0\0',
  ],
};

const dubboSamples: CodecSamples = {
  protocol: dubboThrift,
  tokens: [hex('dabc'), hex('80010001'), hex('80010003'), '\0\0\0\0', '\xff\xff\xff\xff'],
};
const dubboCall = (id: bigint, type = 1) => dubboThriftFrame({ id, type, struct: dubboStruct('hello') });
const dubboReply = (id: bigint, type = 2) => dubboThriftFrame({ id, type, struct: dubboStruct('value', 0) });
const ids = [0n, 1n, 2n, 3n];

export const thriftTargets: readonly FuzzTarget[] = [
  serverTarget('thrift-server', thriftSamples, () => [
    ...calls,
    Buffer.concat(calls),
    thriftFrame({ type: 4 }),
    ...Object.values(realFrames).map(hex),
  ]),
  clientTarget('thrift-client', thriftSamples, calls, () => [
    ...replies,
    Buffer.concat(replies),
    ...Object.values(realFrames).map(hex),
  ]),
  serverTarget('dubbo-thrift-server', dubboSamples, () => [
    ...ids.map((id) => dubboCall(id)),
    Buffer.concat(ids.map((id) => dubboCall(id))),
    dubboCall(5n, 4),
    dubboThriftFrame({ path: 't.Api' }),
  ]),
  clientTarget(
    'dubbo-thrift-client',
    dubboSamples,
    ids.map((id) => dubboCall(id)),
    () => [
      ...ids.map((id) => dubboReply(id)),
      Buffer.concat(ids.map((id) => dubboReply(id))),
      dubboReply(1n, 3),
      dubboReply(1n, 9),
    ],
  ),
];

/** What is skipped, however it comes; the first octet says in which protocol. */
export const structSkipperTarget: FuzzTarget = {
  name: 'thrift-struct',
  corpus: () =>
    Object.entries(realFrames).flatMap(([name, digits]) => {
      if (!name.startsWith('unframed')) return [];
      const compact = name.includes('Compact');
      const frame = hex(digits);
      const head = (compact ? 5 : 12) + (name.endsWith('Exception') ? 7 : 13);
      return [Buffer.concat([Buffer.of(compact ? 1 : 0), frame.subarray(head)])];
    }),
  tokens: thriftSamples.tokens,
  run(pieces) {
    const bytes = Buffer.concat(pieces);
    const skipper = new StructSkipper();
    skipper.begin((bytes[0] ?? 0) % 2 === 1);
    let at = 1;
    let end = 0;
    for (const piece of pieces) {
      end += piece.length;
      if (end <= 1 || skipper.state !== 'running') continue;
      const next = skipper.run(bytes, at, end, 1 << 20);
      assert.ok(next >= at && next <= end, 'it leaves the bytes that came');
      at = next;
    }
    // Where it stopped is a matter of pieces, unless it came to an end.
    const said = skipper.state === 'done' ? `done ${at}` : skipper.state;
    return { said, sort: skipper.state };
  },
};
