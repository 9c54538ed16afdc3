import { CodedError } from '@sofamesh/base/errors';
import type { Headers } from '@sofamesh/contract/message';
import { isAll, isFieldValue, tokenOctet } from '../shared/octets.ts';

/**
 * Header fields as strings: name, value, name, value, … in the order in which they came. Characters are octets, U+0000 to
 * U+00FF. Names and values that came from the wire are shared with the header table that they were found in.
 */
export class FieldList implements Headers {
  readonly fields: string[];
  /** Names whose values were sent as never to be indexed (RFC 7541 §7.1.3). */
  readonly sensitive: readonly string[] | undefined;
  /** Fields were set or added: one of them may be this hop's own. */
  edited = false;

  constructor(fields: string[], sensitive?: readonly string[]) {
    this.fields = fields;
    this.sensitive = sensitive;
  }

  get(name: string): string | undefined {
    const fields = this.fields;
    let found: string | undefined;
    for (let at = 0; at < fields.length; at += 2) {
      if (fields[at] !== name) continue;
      const value = fields[at + 1]!;
      found = found === undefined ? value : `${found}${name === 'cookie' ? '; ' : ','}${value}`;
    }
    return found;
  }

  getAll(name: string): readonly string[] {
    const fields = this.fields;
    const values: string[] = [];
    for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) values.push(fields[at + 1]!);
    return values;
  }

  /** In the place of the first one present. */
  set(name: string, value: string): void {
    checkField(name, value);
    this.edited = true;
    const fields = this.fields;
    for (let at = 0; at < fields.length; at += 2) {
      if (fields[at] !== name) continue;
      fields[at + 1] = value;
      this.#removeFrom(name, at + 2);
      return;
    }
    fields.push(name, value);
  }

  add(name: string, value: string): void {
    if (name === 'content-length') {
      this.set(name, value);
      return;
    }
    checkField(name, value);
    this.edited = true;
    this.fields.push(name, value);
  }

  remove(name: string): void {
    this.#removeFrom(name, 0);
  }

  hasPrefix(prefix: string): boolean {
    const fields = this.fields;
    for (let at = 0; at < fields.length; at += 2) if (fields[at]!.startsWith(prefix)) return true;
    return false;
  }

  visit(visitor: (name: string, value: string) => void): void {
    const fields = this.fields;
    for (let at = 0; at < fields.length; at += 2) visitor(fields[at]!, fields[at + 1]!);
  }

  #removeFrom(name: string, from: number): void {
    const fields = this.fields;
    let kept = from;
    for (let at = from; at < fields.length; at += 2) {
      if (fields[at] === name) continue;
      fields[kept] = fields[at]!;
      fields[kept + 1] = fields[at + 1]!;
      kept += 2;
    }
    fields.length = kept;
  }
}

/** Refuses what would change the meaning of the message when it is written: response splitting, a second length. */
function checkField(name: string, value: string): void {
  if (!isAll(name, tokenOctet)) throw new CodedError('bad_header_name', `not a field name: ${JSON.stringify(name)}`);
  if (!isFieldValue(value)) {
    throw new CodedError('bad_header_value', `value of ${name} has a character that HTTP forbids`);
  }
  if (name === 'content-length' && parseLength(value) < 0) {
    throw new CodedError('bad_header_value', 'content-length must be a plain decimal number');
  }
}

/** A plain decimal of at most 15 digits without leading zero; else -1. */
export function parseLength(value: string): number {
  const digits = value.length;
  if (digits < 1 || digits > 15 || (digits > 1 && value.charCodeAt(0) === 0x30)) return -1;
  let length = 0;
  for (let at = 0; at < digits; at++) {
    const digit = value.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}
