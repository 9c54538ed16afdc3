import { protocol } from '@sofamesh/protocols/http2/http2';
import {
  data,
  endHeaders,
  endStream,
  type Fields,
  frame,
  get,
  goAway,
  headers,
  literals,
  opening,
  ping,
  post,
  reset,
  settings,
  uint32,
  windowUpdate,
} from '@sofamesh/protocols/http2/sample-frames.test';
import type { FuzzTarget } from '../target.ts';
import { type CodecSamples, clientTarget, serverTarget } from './codecs.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const frameHeadBytes = 9;
const ok: Fields = [[':status', '200']];
const long: Fields = [...get, ['cookie', 'a=1'], ['cookie', 'b=2'], ['x-long', 'l'.repeat(300)]];

/** A preface, then frames; a frame that is cut or too short to be one is a part of its own. */
function split(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let at = bytes.subarray(0, preface.length).equals(preface) ? preface.length : 0;
  if (at > 0) parts.push(bytes.subarray(0, at));
  while (at < bytes.length) {
    const length = at + frameHeadBytes <= bytes.length ? bytes.readUIntBE(at, 3) : 0;
    parts.push(bytes.subarray(at, at + frameHeadBytes + length));
    at += frameHeadBytes + length;
  }
  return parts;
}

function join(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (part.length < frameHeadBytes || part.equals(preface)) return part;
      const sized = Buffer.from(part);
      sized.writeUIntBE(part.length - frameHeadBytes, 0, 3);
      return sized;
    }),
  );
}

/** Of what clients and servers send. */
export const http2Parts = { split, join };

const samples: CodecSamples = {
  protocol,
  settings: { allowConnect: true },
  // How much is given back of the windows follows the pieces.
  comparesWritten: false,
  // An extended CONNECT appears as HTTP/1's upgrade, which has a key.
  random: /sec-websocket-key: [^"]*/g,
  parts: http2Parts,
  tokens: [
    ...[
      frame(4, 1, 0),
      settings(),
      settings([1, 0]),
      settings([4, 0]),
      settings([4, 0x7fffffff]),
      settings([5, 16384]),
    ],
    ...[
      ping(Buffer.alloc(8)),
      ping(Buffer.alloc(8), true),
      windowUpdate(0, 1),
      windowUpdate(1, 0x7fffffff),
      windowUpdate(3, 0),
    ],
    ...[reset(1, 8), reset(3, 0), goAway(0), goAway(1, 2), frame(2, 0, 1, uint32(1), Buffer.of(1)), frame(0xfa, 0, 1)],
    ...[
      data(1, ''),
      data(1, 'x', 0),
      data(3, 'y'),
      frame(0, 8, 1, Buffer.of(9)),
      frame(9, 0, 1),
      frame(9, endHeaders, 1),
    ],
    ...[
      headers(5, get),
      headers(7, post, endHeaders),
      headers(1, ok),
      headers(1, [['x-trailer', '1']]),
      literals([['te', 'gzip']]),
    ],
  ],
};

export const http2Targets: readonly FuzzTarget[] = [
  serverTarget('http2-server', samples, () => {
    const whole = (...frames: Buffer[]) => Buffer.concat([opening.fromClient(), ...frames]);
    const block = literals(long);
    return [
      whole(headers(1, get)),
      whole(headers(1, post, endHeaders), headers(3, get), data(1, 'first', 0), data(1, 'last')),
      whole(headers(1, post, endHeaders), data(1, 'body', 0), headers(1, [['x-checksum', 'abc']])),
      whole(
        frame(1, endStream, 1, block.subarray(0, 40)),
        frame(9, 0, 1, block.subarray(40, 41)),
        frame(9, endHeaders, 1, block.subarray(41)),
      ),
      whole(
        frame(1, endHeaders | 0x28, 1, Buffer.of(2), uint32(0), Buffer.of(15), literals(post), Buffer.alloc(2)),
        frame(0, 9, 1, Buffer.of(3), Buffer.from('padded'), Buffer.alloc(3)),
      ),
      whole(
        headers(
          1,
          [
            [':method', 'CONNECT'],
            [':authority', 'a:443'],
          ],
          endHeaders,
        ),
        data(1, 'tunnel', 0),
        data(1, ''),
      ),
      whole(
        headers(1, [[':method', 'CONNECT'], [':protocol', 'websocket'], ...get.slice(1)], endHeaders),
        data(1, 'x'),
      ),
      whole(ping(Buffer.alloc(8)), windowUpdate(0, 10), headers(1, get), reset(1, 8), goAway(0)),
    ];
  }),
  clientTarget(
    'http2-client',
    samples,
    [
      Buffer.concat([opening.fromClient(), headers(1, get)]),
      Buffer.concat([opening.fromClient(), headers(1, [[':method', 'HEAD'], ...get.slice(1)])]),
      Buffer.concat([opening.fromClient(), headers(1, post, endHeaders), data(1, 'body')]),
    ],
    () => {
      const whole = (...frames: Buffer[]) => Buffer.concat([opening.fromServer(), ...frames]);
      const answer = (stream: number) => [
        headers(stream, [...ok, ['content-length', '5']], endHeaders),
        data(stream, 'hello'),
      ];
      return [
        whole(...answer(1)),
        whole(...answer(5), ...answer(1), ...answer(3)),
        whole(
          headers(
            1,
            [
              [':status', '103'],
              ['link', 'x'],
            ],
            endHeaders,
          ),
          headers(1, ok, endHeaders),
          data(1, 'a', 0),
          headers(1, [['grpc-status', '0']]),
        ),
        whole(
          headers(1, [
            [':status', '204'],
            ['x-empty', ''],
          ]),
          reset(3, 7),
          goAway(1),
        ),
        whole(ping(Buffer.alloc(8)), settings([3, 1], [1, 0]), ...answer(1), windowUpdate(0, 100)),
      ];
    },
  ),
];
