import { EncodingTable } from './encoding-table.ts';
import { huffmanLength, writeHuffman } from './huffman-encode.ts';
import { isGuessableCookie } from './index-policy.ts';

/** A larger table helps little and costs memory on every connection, so a peer that offers more is not taken at its word. */
const tableBytesMax = 4096;
const firstBufferBytes = 512;
/** A buffer that one large block made this large is not kept for the next one. */
const keptBufferBytes = 16 * 1024;
/** An integer's octets after the one with its prefix, at most; a field has three integers. */
const integerBytesMax = 6;
/** Shorter texts are written octet by octet, which costs less than a call. */
const shortTextCharacters = 32;

/** How a literal begins (RFC 7541 §6.2), and the ones of the prefix that its name's index has. */
const literals = {
  indexed: { pattern: 0x40, mask: 0x3f },
  plain: { pattern: 0x00, mask: 0x0f },
  sensitive: { pattern: 0x10, mask: 0x0f },
} as const;
type Literal = (typeof literals)[keyof typeof literals];

/**
 * Encodes the header blocks of one direction of a connection, in their order (RFC 7541): {@link begin}, the fields,
 * {@link take}. Every block that was taken has to be sent, for the peer's table follows it.
 */
export class HpackEncoder {
  readonly #table = new EncodingTable(tableBytesMax);
  /** Not of Node's pool: it lives as long as the connection, and would keep a whole slab alive. */
  #bytes = Buffer.allocUnsafeSlow(firstBufferBytes);
  #length = 0;
  /** The lowest size that the table had since the last block, and whether the peer has to be told of a change. */
  #lowestTableBytes = tableBytesMax;
  #sizeUpdateDue = false;
  /** Changes with the table: a block that was encoded since the last change, and changed nothing itself, may be sent again. */
  version = 0;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE; beyond 4096 it changes nothing. Told to the peer by the next block. */
  setPeerTableBytesMax(bytesMax: number): void {
    const bytes = Math.min(bytesMax, tableBytesMax);
    if (bytes === this.#table.bytesMax) return;
    this.#table.resize(bytes);
    this.#lowestTableBytes = Math.min(this.#lowestTableBytes, bytes);
    this.#sizeUpdateDue = true;
    this.version++;
  }

  begin(): void {
    if (this.#bytes.length > keptBufferBytes) this.#bytes = Buffer.allocUnsafeSlow(firstBufferBytes);
    this.#length = 0;
    if (this.#sizeUpdateDue) this.#sizeUpdates();
  }

  /**
   * One character an octet; the name in lower case. `sensitive`: kept out of every table on the way (RFC 7541 §7.1.3).
   * `repeats`: known to come again, though fields of this name do not as a rule.
   */
  field(name: string, value: string, sensitive = false, repeats = false): void {
    this.#reserve(name.length + value.length + 3 * integerBytesMax);
    const record = this.#table.recordOf(name);
    if (record === undefined) {
      this.#literal(sensitive ? literals.sensitive : literals.plain, 0, name, value);
      return;
    }
    if (sensitive || record.indexing === 'never' || isGuessableCookie(name, value)) {
      this.#literal(literals.sensitive, this.#table.findName(record), name, value);
      return;
    }
    const index = this.#table.find(record, value);
    if (index !== 0) {
      this.#integer(0x80, 0x7f, index);
    } else if ((record.indexing === 'none' && !repeats) || !this.#table.worthAdding(record, value)) {
      this.#literal(literals.plain, this.#table.findName(record), name, value);
    } else {
      this.#literal(literals.indexed, this.#table.findName(record), name, value);
      this.#table.add(record, value);
      this.version++;
    }
  }

  /** The block. It is overwritten by the next one: copy it, or write it out, before {@link begin}. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Down to the lowest size that was asked for, then up to the last (RFC 7541 §4.2). */
  #sizeUpdates(): void {
    if (this.#lowestTableBytes < this.#table.bytesMax) this.#integer(0x20, 0x1f, this.#lowestTableBytes);
    this.#integer(0x20, 0x1f, this.#table.bytesMax);
    this.#lowestTableBytes = this.#table.bytesMax;
    this.#sizeUpdateDue = false;
    this.version++;
  }

  #literal({ pattern, mask }: Literal, nameIndex: number, name: string, value: string): void {
    this.#integer(pattern, mask, nameIndex);
    if (nameIndex === 0) this.#string(name);
    this.#string(value);
  }

  /** Room for it was made by {@link field}: the shorter of the two forms is never longer than the text. */
  #string(text: string): void {
    const packed = huffmanLength(text);
    if (packed < text.length) {
      this.#integer(0x80, 0x7f, packed);
      this.#length = writeHuffman(text, this.#bytes, this.#length);
      return;
    }
    this.#integer(0x00, 0x7f, text.length);
    if (text.length > shortTextCharacters) this.#length += this.#bytes.write(text, this.#length, 'latin1');
    else for (let at = 0; at < text.length; at++) this.#bytes[this.#length++] = text.charCodeAt(at);
  }

  /** RFC 7541 §5.1; `mask` is the prefix of all ones. */
  #integer(pattern: number, mask: number, value: number): void {
    if (value < mask) {
      this.#bytes[this.#length++] = pattern | value;
      return;
    }
    this.#bytes[this.#length++] = pattern | mask;
    let rest = value - mask;
    for (; rest >= 128; rest >>>= 7) this.#bytes[this.#length++] = 0x80 | (rest & 0x7f);
    this.#bytes[this.#length++] = rest;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
