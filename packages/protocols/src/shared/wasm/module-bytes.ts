import { CodedError } from '@sofamesh/base/errors';

/** WebAssembly Core 2.0 §5.5: a module is a preamble of 8 bytes, then sections: id, length, content. */
const preamble = Buffer.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);

export const sectionIds = { custom: 0, memory: 5, global: 6, export: 7, code: 10, tag: 13 } as const;

export interface Section {
  readonly id: number;
  readonly content: Buffer;
}

/** The sections of a module, in their order. Throws `bad_wasm`. */
export function readSections(module: Buffer): Section[] {
  if (module.length < preamble.length || !module.subarray(0, preamble.length).equals(preamble)) {
    throw new CodedError('bad_wasm', 'is no WebAssembly module of version 1');
  }
  const reader = new ModuleReader(module, preamble.length);
  const sections: Section[] = [];
  while (reader.at < module.length) {
    const id = reader.byte();
    sections.push({ id, content: reader.bytes(reader.number()) });
  }
  return sections;
}

export function writeSections(sections: readonly Section[]): Buffer {
  const parts = sections.flatMap(({ id, content }) => [Buffer.from([id, ...encodeNumber(content.length)]), content]);
  return Buffer.concat([preamble, ...parts]);
}

export class ModuleReader {
  at: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  get isAtEnd(): boolean {
    return this.at === this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw truncated();
    return byte;
  }

  bytes(length: number): Buffer {
    const start = this.at;
    if (length > this.#bytes.length - start) throw truncated();
    this.at += length;
    return this.#bytes.subarray(start, this.at);
  }

  /** What was read since `start`. */
  since(start: number): Buffer {
    return this.#bytes.subarray(start, this.at);
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

  /** A number of any size and sign that does not matter. */
  skipNumber(): void {
    while (this.byte() >= 0x80);
  }
}

export function encodeNumber(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** §5.2.2: the same of a signed number of 32 bits. */
export function encodeSigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value | 0; ; rest >>= 7) {
    const low = rest & 0x7f;
    if ((rest >> 7 === 0 && low < 0x40) || (rest >> 7 === -1 && low >= 0x40)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

function truncated(): CodedError {
  return new CodedError('bad_wasm', 'ends in the middle of a section');
}
