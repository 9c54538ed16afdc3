import type { SpecReader } from './spec-reader.ts';

/** A number of 1 to 4 bytes at a fixed place of a frame's head. */
export class NumberField {
  readonly at: number;
  readonly size: number;
  readonly #little: boolean;
  readonly #signed: boolean;
  readonly #mask: number;
  /** Of the bits that it has. */
  readonly #bits: number;

  constructor(at: number, size: number, little: boolean, signed = false, mask?: number) {
    this.at = at;
    this.size = size;
    this.#little = little;
    this.#signed = signed;
    this.#bits = 2 ** (8 * size) - 1;
    this.#mask = mask ?? this.#bits;
  }

  /** Of the frame that begins at `start`. */
  read(bytes: Buffer, start = 0): number {
    const at = start + this.at;
    if (this.#signed) return this.#little ? bytes.readIntLE(at, this.size) : bytes.readIntBE(at, this.size);
    return (this.#raw(bytes, at) & this.#mask) >>> 0;
  }

  /** Whether it can be read from any frame. */
  canBe(value: number): boolean {
    const half = (this.#bits + 1) / 2;
    if (this.#signed) return value >= -half && value < half;
    return value >= 0 && value <= this.#bits && (value & ~this.#mask) >>> 0 === 0;
  }

  /** False, and nothing is written, where the number does not fit. */
  write(bytes: Buffer, value: number): boolean {
    const raw = this.#signed && value < 0 ? value + this.#bits + 1 : value;
    if (!Number.isInteger(raw) || raw < 0 || raw > this.#bits || (raw & ~this.#mask) >>> 0 !== 0) return false;
    const kept = (this.#raw(bytes, this.at) & ~this.#mask) >>> 0;
    const whole = (kept | raw) >>> 0;
    if (this.#little) bytes.writeUIntLE(whole, this.at, this.size);
    else bytes.writeUIntBE(whole, this.at, this.size);
    return true;
  }

  #raw(bytes: Buffer, at: number): number {
    return this.#little ? bytes.readUIntLE(at, this.size) : bytes.readUIntBE(at, this.size);
  }
}

export const fieldNames = ['at', 'size', 'mask', 'signed', 'byteOrder'] as const;

/** What fields of one spec have in common. */
export interface FieldPlace {
  readonly reader: SpecReader;
  readonly little: boolean;
  /** Bytes of the head that the field must lie in. */
  readonly head: number;
}

/** One number, or several, that the field is compared with. */
export function readValues(value: unknown, path: string, field: NumberField, { reader }: FieldPlace): number[] {
  const list = reader.list(value);
  if (list.length === 0) reader.fault(path, value, 'must have a number');
  return list.map((each) => {
    const number = reader.integer(each, path, -(2 ** 31), 2 ** 32 - 1);
    if (number === each && !field.canBe(number)) reader.fault(path, each, 'the field is never that number');
    return number;
  });
}

export function readField(value: Readonly<Record<string, unknown>>, path: string, place: FieldPlace): NumberField {
  const { reader, head } = place;
  const size = reader.integer(value['size'], `${path}.size`, 1, 4, 1);
  const at = reader.integer(value['at'], `${path}.at`, 0, Math.max(0, head - size));
  const order = reader.choice(
    value['byteOrder'],
    `${path}.byteOrder`,
    ['big', 'little'],
    place.little ? 'little' : 'big',
  );
  const signed = reader.boolean(value['signed'], `${path}.signed`);
  const { mask } = value;
  if (mask === undefined) return new NumberField(at, size, order === 'little', signed);
  if (signed) reader.fault(`${path}.mask`, mask, 'a signed number has none');
  return new NumberField(
    at,
    size,
    order === 'little',
    false,
    reader.integer(mask, `${path}.mask`, 1, 2 ** (8 * size) - 1),
  );
}
