import { CodedError } from '@sofamesh/base/errors';

/** A field of a mapping that cannot be used. The message is `path: value: reason`. */
export class MappingError extends CodedError {
  readonly path: string;
  readonly value: unknown;
  readonly reason: string;

  constructor(path: string, value: unknown, reason: string) {
    super('bad_mapping', `${path}: ${value === undefined ? 'absent' : JSON.stringify(value)}: ${reason}`);
    this.path = path;
    this.value = value;
    this.reason = reason;
  }
}

/** An object of a mapping, field by field: what is asked for is checked, and what nobody asks for is refused. */
export class MappingFields {
  readonly path: string;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #asked = new Set<string>();

  constructor(value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new MappingError(path, value, 'must be an object');
    this.path = path;
    this.#values = value as Record<string, unknown>;
  }

  value(name: string): unknown {
    this.#asked.add(name);
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }

  at(name: string): string {
    return `${this.path}.${name}`;
  }

  fault(name: string, reason: string): MappingError {
    return new MappingError(this.at(name), this.value(name), reason);
  }

  text(name: string, fallback?: string): string {
    const value = this.value(name) ?? fallback;
    // A version such as 1.0 is a number in YAML, and no longer what was meant.
    if (typeof value === 'number') throw this.fault(name, 'must be a text: put it in quotes');
    if (typeof value !== 'string') throw this.fault(name, 'must be a text');
    if (value === '' && fallback === undefined) throw this.fault(name, 'must not be empty');
    return value;
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.value(name) ?? fallback;
    if (typeof value !== 'boolean') throw this.fault(name, 'must be true or false');
    return value;
  }

  whole(name: string, min: number, max: number, fallback?: number): number {
    const value = this.value(name) ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
      throw this.fault(name, `must be a whole number from ${min} to ${max}`);
    return value;
  }

  /** `3s`, `250ms`, in milliseconds. */
  duration(name: string, fallbackMs: number): number {
    const value = this.value(name);
    if (value === undefined) return fallbackMs;
    const [, number, unit] = typeof value === 'string' ? (/^(\d{1,7}(?:\.\d{1,3})?)(ms|s)$/.exec(value) ?? []) : [];
    const ms = Math.round(Number(number) * (unit === 's' ? 1000 : 1));
    if (number === undefined || ms < 1 || ms > 0x7fff_ffff)
      throw this.fault(name, 'must be a time such as 3s or 250ms');
    return ms;
  }

  list<Item>(name: string, read: (item: unknown, path: string) => Item): Item[] {
    const value = this.value(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.fault(name, 'must be a list');
    return value.map((item, at) => read(item, `${this.at(name)}[${at}]`));
  }

  object(name: string): MappingFields {
    return new MappingFields(this.value(name), this.at(name));
  }

  /** Names of all fields, for an object whose names are the user's. */
  get names(): string[] {
    return Object.keys(this.#values);
  }

  /** To be called when everything that there may be was asked for. */
  end(): void {
    for (const name of this.names) {
      if (!this.#asked.has(name)) throw new MappingError(this.at(name), this.#values[name], 'there is no such field');
    }
  }
}
