import type { CodecLimits } from '@sofamesh/contract/protocol';
import type { HpackSink } from '../shared/hpack/decoder.ts';
import { isBlank, octetClass, valueOctet } from '../shared/octets.ts';
import { parseLength } from './field-list.ts';
import {
  badName,
  connectionName,
  contentLengthName,
  cookieName,
  expectName,
  hostName,
  kindOfName,
  plainName,
  teName,
} from './field-names.ts';

/** What a field costs beyond its octets, as in HTTP/1: colon, blank and the end of the line. */
const fieldOverheadBytes = 4;
const colon = 0x3a;

/** What a header block is. */
export const requestFields = 0;
export const responseFields = 1;
export const trailerFields = 2;
export type BlockKind = typeof requestFields | typeof responseFields | typeof trailerFields;

/**
 * Takes the fields of one header block after the other and judges them (RFC 9113 §8.2, §8.3). Nothing is corrected and
 * nothing left out in silence: a field that may not be there makes the message malformed. Only Host, which says what
 * `:authority` says, and `Expect: 100-continue`, which this hop answers, are not kept among the fields.
 */
export class FieldReader implements HpackSink {
  readonly #bytesMax: number;
  readonly #countMax: number;
  readonly #keepsExpect: boolean;
  #kind: BlockKind = requestFields;
  #bytes = 0;
  #count = 0;
  #cookieAt = -1;
  #sawField = false;

  /** Name, value, … of the regular fields; a new array for every block. */
  fields: string[] = [];
  sensitive: string[] | undefined = undefined;
  /** Pseudo-header fields; undefined where absent. */
  method: string | undefined;
  scheme: string | undefined;
  authority: string | undefined;
  path: string | undefined;
  protocol: string | undefined;
  status: string | undefined;
  host: string | undefined;
  /** -1: none. */
  contentLength = -1;
  expectsContinue = false;
  /** Above the limit: what came of the block is not all of it. */
  oversized = false;
  /** What is wrong; empty when nothing is. */
  malformed = '';

  constructor(limits: CodecLimits, keepsExpect: boolean) {
    this.#bytesMax = limits.headBytesMax;
    this.#countMax = limits.headerCountMax;
    this.#keepsExpect = keepsExpect;
  }

  begin(kind: BlockKind): void {
    this.#kind = kind;
    this.#bytes = 0;
    this.#count = 0;
    this.#cookieAt = -1;
    this.#sawField = false;
    this.fields = [];
    this.sensitive = undefined;
    this.method = undefined;
    this.scheme = undefined;
    this.authority = undefined;
    this.path = undefined;
    this.protocol = undefined;
    this.status = undefined;
    this.host = undefined;
    this.contentLength = -1;
    this.expectsContinue = false;
    this.oversized = false;
    this.malformed = '';
  }

  field(name: string, value: string, sensitive: boolean): void {
    this.#bytes += name.length + value.length + fieldOverheadBytes;
    if (this.#bytes > this.#bytesMax) this.oversized = true;
    if (this.oversized || this.malformed !== '') return;
    if (!isFieldValue(value)) {
      this.malformed = 'a value has a forbidden character, or a blank at an end';
      return;
    }
    if (name.charCodeAt(0) === colon) {
      this.#pseudo(name, value);
      return;
    }
    this.#sawField = true;
    // Every crumb of a cookie counts, though they become one field.
    if (++this.#count > this.#countMax) {
      this.oversized = true;
      return;
    }
    if (sensitive) {
      this.sensitive ??= [];
      this.sensitive.push(name);
    }
    const kind = kindOfName(name);
    if (kind === plainName || this.#isKept(kind, value)) this.fields.push(name, value);
  }

  /** False when the field is dealt with, or makes the message malformed. */
  #isKept(kind: number, value: string): boolean {
    switch (kind) {
      case badName:
        return this.#fail('a name is not a field name in lower case');
      case connectionName:
        return this.#fail('a field that belongs to a connection');
      case teName:
        return value === 'trailers' || this.#fail('TE other than trailers');
      case hostName:
        if (this.#kind === responseFields) return true;
        if (this.#kind === trailerFields) return this.#fail('Host in a trailer section');
        if (this.host !== undefined) return this.#fail('more than one Host');
        this.host = value;
        return false;
      case contentLengthName: {
        if (this.#kind === trailerFields) return this.#fail('Content-Length in a trailer section');
        if (this.contentLength >= 0) return this.#fail('more than one Content-Length');
        this.contentLength = parseLength(value);
        return this.contentLength >= 0 || this.#fail('Content-Length is not a plain decimal number');
      }
      case cookieName:
        if (this.#cookieAt < 0) {
          this.#cookieAt = this.fields.length;
          return true;
        }
        this.#addCrumb(value);
        return false;
      case expectName:
        if (this.#kind !== requestFields || value.toLowerCase() !== '100-continue') return true;
        this.expectsContinue = true;
        return this.#keepsExpect;
      default:
        return true;
    }
  }

  /** Crumbs are one cookie to everybody else (RFC 9113 §8.2.3); an empty one adds nothing, or the value would end in a blank. */
  #addCrumb(crumb: string): void {
    const before = this.fields[this.#cookieAt + 1]!;
    if (crumb !== '') this.fields[this.#cookieAt + 1] = before === '' ? crumb : `${before}; ${crumb}`;
  }

  #pseudo(name: string, value: string): void {
    if (this.#sawField) this.#fail('a pseudo-header field behind a regular one');
    else if (this.#kind === trailerFields) this.#fail('a pseudo-header field in a trailer section');
    else if (this.#kind === responseFields) {
      if (name !== ':status') this.#fail('a pseudo-header field that responses do not have');
      else if (this.status !== undefined) this.#fail('more than one :status');
      else this.status = value;
    } else this.#requestPseudo(name, value);
  }

  #requestPseudo(name: string, value: string): void {
    let before: string | undefined;
    switch (name) {
      case ':method':
        before = this.method;
        this.method = value;
        break;
      case ':scheme':
        before = this.scheme;
        this.scheme = value;
        break;
      case ':authority':
        before = this.authority;
        this.authority = value;
        break;
      case ':path':
        before = this.path;
        this.path = value;
        break;
      case ':protocol':
        before = this.protocol;
        this.protocol = value;
        break;
      default:
        this.#fail('an unknown pseudo-header field');
        return;
    }
    if (before !== undefined) this.#fail(`more than one ${name}`);
  }

  #fail(what: string): false {
    this.malformed = what;
    return false;
  }
}

/** Visible characters, octets above ASCII, and blanks inside (RFC 9113 §8.2.1, RFC 9110 §5.5). */
function isFieldValue(value: string): boolean {
  const last = value.length - 1;
  if (last < 0) return true;
  for (let at = 0; at <= last; at++) if ((octetClass[value.charCodeAt(at)]! & valueOctet) === 0) return false;
  return !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(last));
}
