import { CodedError } from '@sofamesh/base/errors';
import { DecodingTable } from './decoding-table.ts';
import { decodeHuffman } from './huffman-decode.ts';

/** Octets of an integer after its prefix: five carry 35 bits, enough for any length or size there can be. */
const integerOctetsMax = 5;
const integerMax = 0x7fffffff;
/** A block may begin with two changes of the table's size: down to the lowest that was asked for, then up to the last. */
const sizeUpdatesMax = 2;
/** Octets of the buffer that strings are unpacked in; a longer one gets a buffer of its own. */
const scratchBytes = 16 * 1024;

/** Shared by all decoders: nothing stays in it from one string to the next. */
const scratch = Buffer.allocUnsafeSlow(scratchBytes);

/** Who takes the fields of a block. It must not throw: the rest of the block has to be decoded to keep the table right. */
export interface HpackSink {
  /**
   * Name and value have one character an octet, and are not checked in any way. `sensitive`: sent as never to be
   * indexed, which must be kept when it is sent on (RFC 7541 §6.2.3). A field from the table costs its block one
   * octet, whatever its length: what is held has to be counted here.
   */
  field(name: string, value: string, sensitive: boolean): void;
}

/** Decodes the header blocks of one direction of a connection, in their order (RFC 7541). */
export class HpackDecoder {
  readonly #table: DecodingTable;
  #tableBytesMax: number;
  /** Our limit fell below the table's size: the next block must begin with a change of it (RFC 7541 §4.2). */
  #sizeUpdateDue = false;
  #block: Buffer = scratch;
  #at = 0;
  #end = 0;

  /** `tableBytesMax`: size of the dynamic table at the start, which both sides must agree on: 4096 in HTTP/2. */
  constructor(options: { tableBytesMax: number }) {
    this.#tableBytesMax = options.tableBytesMax;
    this.#table = new DecodingTable(options.tableBytesMax);
  }

  /** Octets that the dynamic table counts now (RFC 7541 §4.1); never more than the limit. */
  get tableBytes(): number {
    return this.#table.bytes;
  }

  /** When the peer has confirmed another SETTINGS_HEADER_TABLE_SIZE. */
  setTableBytesMax(tableBytesMax: number): void {
    this.#tableBytesMax = tableBytesMax;
    this.#sizeUpdateDue = tableBytesMax < this.#table.bytesMax;
  }

  /**
   * A whole block, `block` from `start` to `end`: HEADERS with all its CONTINUATIONs. The work is in proportion to its length. Throws a CodedError
   * `compression_error`; the table is then useless and the connection has to end (RFC 9113 §4.3).
   */
  decode(block: Buffer, sink: HpackSink, start = 0, end = block.length): void {
    this.#block = block;
    this.#at = start;
    this.#end = end;
    try {
      this.#sizeUpdates();
      while (this.#at < this.#end) this.#field(sink);
    } finally {
      this.#block = scratch;
    }
  }

  #sizeUpdates(): void {
    let count = 0;
    while (this.#at < this.#end && this.#block[this.#at]! >>> 5 === 1) {
      if (++count > sizeUpdatesMax) throw invalid('more than two changes of the table size');
      const bytesMax = this.#integer(0x1f);
      if (bytesMax > this.#tableBytesMax) throw invalid(`table size ${bytesMax} is above ${this.#tableBytesMax}`);
      this.#table.resize(bytesMax);
      this.#sizeUpdateDue = false;
    }
    if (this.#sizeUpdateDue)
      throw invalid('the table size was lowered, but the block does not begin with a change of it');
  }

  #field(sink: HpackSink): void {
    const first = this.#block[this.#at]!;
    if (first & 0x80) {
      const index = this.#index(0x7f);
      sink.field(this.#table.nameAt(index), this.#table.valueAt(index), false);
    } else if (first & 0x40) {
      const name = this.#name(0x3f);
      const value = this.#string();
      this.#table.add(name, value);
      sink.field(name, value, false);
    } else if (first & 0x20) {
      throw invalid('change of the table size inside a block');
    } else {
      const name = this.#name(0x0f);
      sink.field(name, this.#string(), (first & 0x10) !== 0);
    }
  }

  /** The name of a literal field: an index, or 0 and a string. */
  #name(mask: number): string {
    if ((this.#block[this.#at]! & mask) !== 0) return this.#table.nameAt(this.#index(mask));
    this.#at++;
    return this.#string();
  }

  #index(mask: number): number {
    const index = this.#integer(mask);
    if (index === 0 || index > this.#table.lastIndex) throw invalid(`index ${index} of ${this.#table.lastIndex}`);
    return index;
  }

  #string(): string {
    if (this.#at >= this.#end) throw invalid('the block ends before a string');
    const huffman = (this.#block[this.#at]! & 0x80) !== 0;
    const length = this.#integer(0x7f);
    const start = this.#at;
    if (length > this.#end - start) throw invalid(`a string of ${length} octets where ${this.#end - start} are left`);
    this.#at = start + length;
    if (!huffman) return this.#block.toString('latin1', start, this.#at);
    const room = Math.ceil((length * 8) / 5);
    const target = room <= scratchBytes ? scratch : Buffer.allocUnsafeSlow(room);
    const decoded = decodeHuffman(this.#block, start, this.#at, target);
    if (decoded < 0) throw invalid('a string with a wrong end of its Huffman code');
    return target.toString('latin1', 0, decoded);
  }

  /** RFC 7541 §5.1; `mask` is the prefix of all ones. */
  #integer(mask: number): number {
    let value = this.#block[this.#at++]! & mask;
    if (value < mask) return value;
    let factor = 1;
    for (let count = 0; count < integerOctetsMax; count++) {
      if (this.#at >= this.#end) throw invalid('the block ends inside an integer');
      const octet = this.#block[this.#at++]!;
      // Not by shifts: 35 bits do not fit.
      value += (octet & 0x7f) * factor;
      if (octet < 0x80) {
        if (value > integerMax) throw invalid('an integer above 2^31 - 1');
        return value;
      }
      factor *= 128;
    }
    throw invalid('an integer of more than six octets');
  }
}

function invalid(what: string): CodedError {
  return new CodedError('compression_error', `invalid header block: ${what}`);
}
