import { readUint32, writeUint32 } from '../byte-writer.ts';
import { readId64, writeId64 } from '../frame-id.ts';

/** Where frames have their id. */
export interface IdPlace {
  readonly at: number;
  readonly size: 0 | 4 | 8;
  readonly little: boolean;
}

/** 0 where the protocol has no ids. */
export function readId(frame: Buffer, { at, size, little }: IdPlace): number | bigint {
  if (size === 0) return 0;
  if (size === 4) return little ? frame.readUInt32LE(at) : readUint32(frame, at);
  if (!little) return readId64(frame, at);
  return frame.readUInt32LE(at + 4) === 0 ? frame.readUInt32LE(at) : frame.readBigUInt64LE(at);
}

/** Writes it in place. */
export function writeId(frame: Buffer, { at, size, little }: IdPlace, id: number | bigint): Buffer {
  if (size === 8) {
    if (little) frame.writeBigUInt64LE(BigInt.asUintN(64, BigInt(id)), at);
    else writeId64(frame, at, id);
  } else if (size === 4) {
    if (little) frame.writeUInt32LE(Number(id) >>> 0, at);
    else writeUint32(frame, at, Number(id));
  }
  return frame;
}
