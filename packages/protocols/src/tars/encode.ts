import { ByteWriter, writeUint32 } from '../shared/byte-writer.ts';
import { integerBytes, Type } from './packet.ts';

type Entry = readonly [key: string, value: string];

/** The smallest type that holds an integer of 32 bits. */
export function integerType(value: number): number {
  if (value === 0) return Type.zero;
  if (value >= -0x80 && value < 0x80) return Type.int8;
  return value >= -0x8000 && value < 0x8000 ? Type.int16 : Type.int32;
}

/** Writes the fields of a packet, in the order in which it is asked to. */
export class PacketWriter {
  readonly bytes: ByteWriter;

  constructor(capacity = 256) {
    this.bytes = new ByteWriter(capacity);
    this.bytes.uint32(0);
  }

  integer(tag: number, value: number): void {
    const type = integerType(value);
    this.bytes.byte((tag << 4) | type);
    for (let shift = (integerBytes(type) - 1) * 8; shift >= 0; shift -= 8) this.bytes.byte((value >> shift) & 0xff);
  }

  text(tag: number, text: string): void {
    const length = Buffer.byteLength(text);
    if (length <= 0xff) {
      this.bytes.byte((tag << 4) | Type.shortText);
      this.bytes.byte(length);
    } else {
      this.bytes.byte((tag << 4) | Type.longText);
      this.bytes.uint32(length);
    }
    this.bytes.utf8(text);
  }

  blob(tag: number, value: Buffer): void {
    this.bytes.byte((tag << 4) | Type.bytes);
    this.bytes.byte(Type.int8);
    this.integer(0, value.length);
    this.bytes.copy(value, 0, value.length);
  }

  map(tag: number, entries: readonly Entry[]): void {
    this.mapHead(tag, entries.length);
    for (const [key, value] of entries) {
      this.text(0, key);
      this.text(1, value);
    }
  }

  /** As many entries, keys with tag 0 and values with tag 1, follow. */
  mapHead(tag: number, entries: number): void {
    this.bytes.byte((tag << 4) | Type.map);
    this.integer(0, entries);
  }

  /** The packet, its length written; the writer is not used any more. */
  finish(): Buffer {
    const packet = this.bytes.finish();
    writeUint32(packet, 0, packet.length);
    return packet;
  }
}
