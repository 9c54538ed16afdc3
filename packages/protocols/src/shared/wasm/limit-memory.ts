import { CodedError } from '@sofamesh/base/errors';

/** WebAssembly Core 2.0 §5.5: a module is a preamble of 8 bytes, then sections: id, length, content. */
const preamble = Buffer.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
const memorySection = 5;
/** §5.3.7: limits are a flag and one or two numbers. */
const withoutMaximum = 0;
const withMaximum = 1;

/**
 * The same module with a memory that cannot grow beyond `pagesMax` pages of 64 KiB: its own maximum is lowered, or put
 * there, for an engine cannot be told to limit a memory that a module makes itself. A module that asks for
 * more at once is refused, as is one without a memory of its own, or with one that is shared or 64 bits wide. Throws `bad_wasm`.
 */
export function limitMemory(module: Buffer, pagesMax: number): Buffer {
  if (module.length < preamble.length || !module.subarray(0, preamble.length).equals(preamble)) {
    throw new CodedError('bad_wasm', 'is no WebAssembly module of version 1');
  }
  const reader = new Reader(module, preamble.length);
  while (reader.at < module.length) {
    const start = reader.at;
    const id = reader.byte();
    const length = reader.number();
    const end = reader.at + length;
    if (end > module.length) throw truncated();
    if (id === memorySection) {
      const content = limitedSection(new Reader(module.subarray(0, end), reader.at), pagesMax);
      return Buffer.concat([
        module.subarray(0, start),
        Buffer.from([memorySection, ...encodeNumber(content.length), ...content]),
        module.subarray(end),
      ]);
    }
    reader.at = end;
  }
  throw new CodedError('bad_wasm', 'has no memory of its own');
}

function limitedSection(reader: Reader, pagesMax: number): number[] {
  const count = reader.number();
  if (count !== 1) throw new CodedError('bad_wasm', `has ${count} memories; one is supported`);
  const flag = reader.byte();
  if (flag !== withoutMaximum && flag !== withMaximum) {
    throw new CodedError('bad_wasm', 'has a memory that is shared or 64 bits wide');
  }
  const pages = reader.number();
  if (pages > pagesMax)
    throw new CodedError('bad_wasm', `begins with ${pages} pages of memory; ${pagesMax} are allowed`);
  const maximum = flag === withMaximum ? Math.min(reader.number(), pagesMax) : pagesMax;
  return [1, withMaximum, ...encodeNumber(pages), ...encodeNumber(maximum)];
}

function truncated(): CodedError {
  return new CodedError('bad_wasm', 'ends in the middle of a section');
}

class Reader {
  at: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw truncated();
    return byte;
  }

  /** §5.2.2: an unsigned number of 32 bits, seven in each byte, the lowest first. */
  number(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new CodedError('bad_wasm', 'has a number that is too long');
  }
}

function encodeNumber(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}
