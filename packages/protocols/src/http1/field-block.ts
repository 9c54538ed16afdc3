import { CodedError } from '@sofamesh/base/errors';
import type { Headers } from '@sofamesh/contract/message';
import { isAll, isFieldValue, lowerOctet, spells, tokenOctet } from '../shared/octets.ts';
import { contentLengthField, droppedField, fieldWidth, hostField } from './field-index.ts';
import type { HeadReader } from './head-reader.ts';

/**
 * Header fields as they came, with the edits that were made to them. The bytes are never changed: an edit marks a field
 * as dropped or remembers one to add, and both are applied when the message is written.
 *
 * Characters are octets: a value is a string of U+0000 to U+00FF in both directions.
 */
export class FieldBlock implements Headers {
  readonly bytes: Buffer;
  /** See field-index.ts; kinds change as fields are dropped. */
  readonly fields: number[];
  readonly fieldsStart: number;
  /** After the empty line. */
  readonly end: number;
  /** Names are as they were spelled; else lower case. */
  readonly keepsCase: boolean;
  /** Name, value, name, value, … */
  added: string[] | undefined = undefined;
  /** -1: none. */
  contentLength = -1;
  #text: string | undefined;

  /** `text`: the head's octets as characters, where the caller has them. */
  constructor(reader: HeadReader, text?: string) {
    this.#text = text;
    this.bytes = reader.bytes;
    this.fields = reader.fields.slice(0, reader.fieldsLength);
    this.fieldsStart = reader.fieldsStart;
    this.end = reader.end;
    this.keepsCase = reader.keepsCase;
  }

  /** The octets from `start` to `end` as characters. */
  slice(start: number, end: number): string {
    const text = (this.#text ??= this.bytes.toString('latin1', 0, this.end));
    return text.substring(start, end);
  }

  get(name: string): string | undefined {
    let found: string | undefined;
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + fieldWidth)) {
      const value = this.#value(at);
      found = found === undefined ? value : joinValues(name, found, value);
    }
    const added = this.added;
    if (added === undefined) return found;
    for (let at = 0; at < added.length; at += 2) {
      if (added[at] !== name) continue;
      const value = added[at + 1]!;
      found = found === undefined ? value : joinValues(name, found, value);
    }
    return found;
  }

  getAll(name: string): readonly string[] {
    const values: string[] = [];
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + fieldWidth)) values.push(this.#value(at));
    const added = this.added;
    if (added !== undefined) {
      for (let at = 0; at < added.length; at += 2) if (added[at] === name) values.push(added[at + 1]!);
    }
    return values;
  }

  set(name: string, value: string): void {
    checkField(name, value);
    this.remove(name);
    this.#push(name, value);
  }

  add(name: string, value: string): void {
    checkField(name, value);
    if (name === 'content-length') this.remove(name);
    this.#push(name, value);
  }

  remove(name: string): void {
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + fieldWidth)) this.fields[at] = droppedField;
    if (name === 'content-length') this.contentLength = -1;
    const added = this.added;
    if (added === undefined) return;
    for (let at = added.length - 2; at >= 0; at -= 2) if (added[at] === name) added.splice(at, 2);
  }

  hasPrefix(prefix: string): boolean {
    const { fields, bytes, added } = this;
    const first = prefix.charCodeAt(0);
    for (let at = 0; at < fields.length; at += fieldWidth) {
      const start = fields[at + 1]!;
      if (lowerOctet[bytes[start]!] !== first || fields[at + 2]! - start < prefix.length) continue;
      if (fields[at] !== droppedField && spells(bytes, start, prefix)) return true;
    }
    if (added === undefined) return false;
    for (let at = 0; at < added.length; at += 2) if (added[at]!.startsWith(prefix)) return true;
    return false;
  }

  visit(visitor: (name: string, value: string) => void): void {
    const fields = this.fields;
    for (let at = 0; at < fields.length; at += fieldWidth) {
      if (fields[at] === droppedField || fields[at] === hostField) continue;
      visitor(this.slice(fields[at + 1]!, fields[at + 2]!).toLowerCase(), this.#value(at));
    }
    const added = this.added;
    if (added === undefined) return;
    for (let at = 0; at < added.length; at += 2) visitor(added[at]!, added[at + 1]!);
  }

  /** How the message spells a lower-case name, of dropped fields too; undefined when it has no such field. */
  spellingOf(name: string): string | undefined {
    const fields = this.fields;
    for (let at = 0; at < fields.length; at += fieldWidth) {
      const start = fields[at + 1]!;
      const end = fields[at + 2]!;
      if (end - start === name.length && spells(this.bytes, start, name)) return this.slice(start, end);
    }
    return undefined;
  }

  /** Copies the fields that were received and not dropped, beginning with the octet `from`; returns where it ends. */
  copyReceived(target: Buffer, at: number, from: number, dropHost: boolean, dropLength: boolean): number {
    const fields = this.fields;
    let start = from;
    let position = at;
    for (let field = 0; field < fields.length; field += fieldWidth) {
      const kind = fields[field]!;
      if (kind === 0) continue;
      if (kind === droppedField || (kind === hostField && dropHost) || (kind === contentLengthField && dropLength)) {
        const lineStart = fields[field + 1]!;
        if (lineStart > start) position += this.bytes.copy(target, position, start, lineStart);
        start = field + fieldWidth < fields.length ? fields[field + fieldWidth + 1]! : this.end - 2;
      }
    }
    if (this.end - 2 > start) position += this.bytes.copy(target, position, start, this.end - 2);
    return position;
  }

  #push(name: string, value: string): void {
    if (name === 'content-length') this.contentLength = Number(value);
    if (this.added === undefined) this.added = [name, value];
    else this.added.push(name, value);
  }

  #value(field: number): string {
    return this.slice(this.fields[field + 3]!, this.fields[field + 4]!);
  }

  #find(name: string, from: number): number {
    const fields = this.fields;
    const length = name.length;
    for (let at = from; at < fields.length; at += fieldWidth) {
      const start = fields[at + 1]!;
      if (fields[at + 2]! - start !== length || fields[at] === droppedField) continue;
      if (lowerOctet[this.bytes[start]!] === name.charCodeAt(0) && spells(this.bytes, start, name)) return at;
    }
    return -1;
  }
}

function joinValues(name: string, first: string, second: string): string {
  return name === 'cookie' ? `${first}; ${second}` : `${first},${second}`;
}

/** Refuses what would change the meaning of the message when it is written: response splitting, a second length. */
function checkField(name: string, value: string): void {
  if (!isAll(name, tokenOctet)) throw new CodedError('bad_header_name', `not a field name: ${JSON.stringify(name)}`);
  if (!isFieldValue(value))
    throw new CodedError('bad_header_value', `value of ${name} has a character that HTTP forbids`);
  if (name === 'content-length' && !/^(0|[1-9][0-9]{0,14})$/.test(value)) {
    throw new CodedError('bad_header_value', 'content-length must be a plain decimal number');
  }
}
