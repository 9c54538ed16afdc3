import type { JsonValue } from '@bufbuild/protobuf';
import { nearWord } from '../config/near-word.ts';
import { goDurationMs } from './go-duration.ts';
import type { Report } from './report.ts';

const largestUint32 = 2 ** 32 - 1;

/**
 * The fields of one JSON object, read as Go reads them: names in any case, `null` and the zero value like an absent field. What is of
 * the wrong kind is reported and read as absent, so that one pass finds everything that is wrong. `end()`, after all fields
 * have been asked for, reports those that nobody knows.
 */
export class JsonFields {
  readonly path: string;
  readonly report: Report;
  readonly #values = new Map<string, { readonly key: string; readonly value: JsonValue }>();
  readonly #asked = new Set<string>();

  private constructor(entries: Iterable<[string, JsonValue]>, path: string, report: Report) {
    this.path = path;
    this.report = report;
    for (const [key, value] of entries) if (value !== null) this.#values.set(key.toLowerCase(), { key, value });
  }

  /** Undefined, and reported, when it is no object. */
  static of(value: JsonValue | undefined, path: string, report: Report): JsonFields | undefined {
    if (isObject(value)) return new JsonFields(Object.entries(value), path, report);
    report.refuse(path, value, 'must be an object');
    return undefined;
  }

  /** Where the field is, as it is spelled. */
  at(name: string): string {
    const key = this.#values.get(name.toLowerCase())?.key ?? name;
    return this.path === '' ? key : `${this.path}.${key}`;
  }

  value(name: string): JsonValue | undefined {
    const key = name.toLowerCase();
    this.#asked.add(key);
    return this.#values.get(key)?.value;
  }

  /** False for zero values, which Go leaves out. */
  given(name: string): boolean {
    return !isZero(this.value(name));
  }

  /** Undefined for an empty one, too. */
  text(name: string): string | undefined {
    const value = this.value(name);
    if (value === undefined || value === '') return undefined;
    if (typeof value === 'string') return value;
    this.refuse(name, 'must be text');
    return undefined;
  }

  flag(name: string): boolean {
    const value = this.value(name);
    if (value !== undefined && typeof value !== 'boolean') this.refuse(name, 'must be true or false');
    return value === true;
  }

  /** A whole number from 0 to `most`. */
  count(name: string, most = largestUint32): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value;
    this.refuse(name, `must be a whole number from 0 to ${most}`);
    return undefined;
  }

  durationMs(name: string): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const milliseconds = goDurationMs(value);
    if (milliseconds === undefined) this.refuse(name, 'must be a duration such as "1.5s", or nanoseconds');
    return milliseconds;
  }

  object(name: string): JsonFields | undefined {
    const value = this.value(name);
    return value === undefined ? undefined : JsonFields.of(value, this.at(name), this.report);
  }

  objects(name: string): JsonFields[] {
    return this.list(name).flatMap((value, at) => JsonFields.of(value, `${this.at(name)}[${at}]`, this.report) ?? []);
  }

  texts(name: string): string[] {
    return this.list(name).flatMap((value, at) => {
      if (typeof value === 'string') return [value];
      this.report.refuse(`${this.at(name)}[${at}]`, value, 'must be text');
      return [];
    });
  }

  list(name: string): readonly JsonValue[] {
    const value = this.value(name);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.refuse(name, 'must be a list');
    return [];
  }

  /** Names that are the configuration's own, of a map. */
  entries(): (readonly [name: string, value: JsonValue])[] {
    return [...this.#values.values()].map(({ key, value }) => [key, value]);
  }

  refuse(name: string, reason: string): void {
    this.report.refuse(this.at(name), this.value(name), reason);
  }

  warn(name: string, reason: string): void {
    this.report.warn(this.at(name), this.value(name), reason);
  }

  /** A field that has no effect here; zero values have none in MOSN either. */
  ignore(name: string, why: string): void {
    if (this.given(name)) this.warn(name, `has no effect: ${why}`);
  }

  /** A field without which something else would happen than what is asked for. */
  refuseGiven(name: string, why: string): void {
    if (this.given(name)) this.refuse(name, why);
  }

  /**
   * MOSN reads over fields that it does not know, and files have many. One that is spelled almost like a field is a mistake
   * that could cost a rule or a certificate.
   */
  end(kind: string): void {
    for (const [name, { key, value }] of this.#values) {
      if (this.#asked.has(name)) continue;
      const near = nearWord(name, this.#asked);
      const path = this.path === '' ? key : `${this.path}.${key}`;
      if (near === undefined) this.report.warn(path, value, `is not a field of ${kind}`);
      else this.report.refuse(path, value, `is not a field of ${kind}; did you mean ${near}?`);
    }
  }
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isZero(value: JsonValue | undefined): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isZero);
  return value === undefined || value === null || value === '' || value === 0 || value === false;
}
