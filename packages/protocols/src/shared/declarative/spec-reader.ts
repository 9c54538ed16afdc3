import { CodedError } from '@sofamesh/base/errors';

/** Longest value that is repeated in a fault. */
const shownLength = 60;

/** Reads plain data that a person wrote and remembers everything that is wrong with it, by path, value and reason. */
export class SpecReader {
  readonly #faults: string[] = [];

  fault(path: string, value: unknown, reason: string): void {
    const text = value === undefined ? 'missing' : (JSON.stringify(value) ?? String(value));
    this.#faults.push(`${path}: ${text.length > shownLength ? `${text.slice(0, shownLength)}…` : text}: ${reason}`);
  }

  /** Throws `bad_codec_spec` with one line per fault. */
  finish(): void {
    if (this.#faults.length > 0) throw new CodedError('bad_codec_spec', this.#faults.join('\n'));
  }

  get failed(): boolean {
    return this.#faults.length > 0;
  }

  /** An object that has no other fields than these; undefined where it is none. */
  object(value: unknown, path: string, fields: readonly string[]): Readonly<Record<string, unknown>> | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.fault(path, value, 'must be an object');
      return undefined;
    }
    for (const [name, each] of Object.entries(value)) {
      if (!fields.includes(name)) this.fault(`${path}.${name}`, each, `unknown field; known are ${fields.join(', ')}`);
    }
    return value as Readonly<Record<string, unknown>>;
  }

  /** A list, or one entry of it. */
  list(value: unknown): readonly unknown[] {
    return Array.isArray(value) ? value : [value];
  }

  integer(value: unknown, path: string, min: number, max: number, byDefault?: number): number {
    if (value === undefined && byDefault !== undefined) return byDefault;
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    this.fault(path, value, `must be a whole number from ${min} to ${max}`);
    return min;
  }

  boolean(value: unknown, path: string): boolean {
    if (value !== undefined && typeof value !== 'boolean') this.fault(path, value, 'must be true or false');
    return value === true;
  }

  text(value: unknown, path: string): string {
    if (typeof value === 'string' && value !== '') return value;
    this.fault(path, value, 'must be a text that is not empty');
    return '';
  }

  choice<Word extends string>(value: unknown, path: string, words: readonly Word[], byDefault?: Word): Word {
    if (value === undefined && byDefault !== undefined) return byDefault;
    if ((words as readonly unknown[]).includes(value)) return value as Word;
    this.fault(path, value, `must be one of ${words.join(', ')}`);
    return words[0]!;
  }

  hex(value: unknown, path: string): Buffer {
    const digits = typeof value === 'string' ? value.replace(/\s/g, '') : '';
    if (digits !== '' && /^(?:[0-9a-fA-F]{2})+$/.test(digits)) return Buffer.from(digits, 'hex');
    this.fault(path, value, 'must be bytes in hexadecimal, quoted');
    return Buffer.alloc(0);
  }
}
