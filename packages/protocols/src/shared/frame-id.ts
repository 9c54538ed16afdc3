import { readUint32, writeUint32 } from './byte-writer.ts';

/** A 64-bit id, big-endian: a number where it fits into 32 bits, as those that a proxy gives out do. */
export function readId64(frame: Buffer, at: number): number | bigint {
  return readUint32(frame, at) === 0 ? readUint32(frame, at + 4) : frame.readBigUInt64BE(at);
}

/** Writes it in place. */
export function writeId64(frame: Buffer, at: number, id: number | bigint): Buffer {
  if (typeof id === 'bigint') frame.writeBigUInt64BE(BigInt.asUintN(64, id), at);
  else {
    writeUint32(frame, at, 0);
    writeUint32(frame, at + 4, id);
  }
  return frame;
}
