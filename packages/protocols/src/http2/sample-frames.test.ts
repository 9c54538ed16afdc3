import { clientPreface, settingsFrame } from './frame.ts';

/** Frames built by hand, without the codec's own writer and without header compression. */

export type Fields = readonly (readonly [name: string, value: string])[];

export const endStream = 1;
export const endHeaders = 4;

export function frame(type: number, flags: number, streamId: number, ...payload: Buffer[]): Buffer {
  const length = payload.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, ...payload]);
}

/** Literals without indexing (RFC 7541 §6.2.2), nothing packed. */
export function literals(fields: Fields): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

function text(value: string): Buffer {
  const octets = Buffer.from(value, 'latin1');
  if (octets.length < 127) return Buffer.concat([Buffer.of(octets.length), octets]);
  const length: number[] = [127];
  let rest = octets.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return Buffer.concat([Buffer.from([...length, rest]), octets]);
}

export const headers = (streamId: number, fields: Fields, flags = endStream | endHeaders) =>
  frame(1, flags, streamId, literals(fields));
export const data = (streamId: number, body: string | Buffer, flags = endStream) =>
  frame(0, flags, streamId, Buffer.from(body));
export const reset = (streamId: number, errorCode: number) => frame(3, 0, streamId, uint32(errorCode));
export const settings = (...pairs: (readonly [setting: number, value: number])[]) =>
  frame(settingsFrame, 0, 0, ...pairs.map(([setting, value]) => Buffer.concat([Buffer.of(0, setting), uint32(value)])));
export const ping = (payload: Buffer, ack = false) => frame(6, ack ? 1 : 0, 0, payload);
export const goAway = (lastStreamId: number, errorCode = 0) => frame(7, 0, 0, uint32(lastStreamId), uint32(errorCode));
export const windowUpdate = (streamId: number, increment: number) => frame(8, 0, streamId, uint32(increment));

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export const opening = {
  fromClient: () => Buffer.concat([clientPreface, settings(), frame(4, 1, 0)]),
  fromServer: () => Buffer.concat([settings([8, 1]), frame(4, 1, 0)]),
};

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** The frames in `bytes`; the last one must be whole. */
export function framesIn(bytes: Buffer): Frame[] {
  const found: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const payload = bytes.subarray(at + 9, at + 9 + length);
    if (payload.length < length) throw new Error('a frame is cut');
    found.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, streamId: bytes.readUInt32BE(at + 5), payload });
    at += 9 + length;
  }
  return found;
}

export const get: Fields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'a.example:8080'],
  [':path', '/one?two'],
];
export const post: Fields = [[':method', 'POST'], ...get.slice(1)];

/** Streams are numbered 1, 3, 5, …; the tests count 1, 2, 3, …. */
export const streamOf = (id: number) => Math.max(0, id * 2 - 1);
