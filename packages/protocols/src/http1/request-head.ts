import { CodedError } from '@sofamesh/base/errors';
import type { RequestHead } from '@sofamesh/contract/message';
import { isAuthority } from '../shared/authority.ts';
import { isAll, targetOctet, tokenOctet } from '../shared/octets.ts';
import { FieldBlock } from './field-block.ts';
import type { HeadReader } from './head-reader.ts';

/** A request as it came over HTTP/1. */
export class Http1RequestHead extends FieldBlock implements RequestHead {
  readonly protocol: string;
  readonly scheme: string;
  readonly oneWay: boolean = false;
  readonly timeoutMs: number = 0;
  readonly wholeBytes: number = 0;
  readonly upgrade: string | undefined;
  body: Buffer | undefined = undefined;
  /** The start line can go on as it came: origin form, HTTP/1.1, not edited. */
  lineIntact: boolean;
  /** The Host field says what {@link authority} says. */
  hostIntact: boolean;
  #method: string;
  #path: string;
  #authority: string;

  constructor(reader: HeadReader, text: string, line: RequestLine) {
    super(reader, text);
    this.protocol = line.protocol;
    this.scheme = line.scheme;
    this.upgrade = line.upgrade;
    this.lineIntact = line.lineIntact;
    this.hostIntact = line.hostIntact;
    this.contentLength = line.contentLength;
    this.#method = line.method;
    this.#path = line.path;
    this.#authority = line.authority;
  }

  get method(): string {
    return this.#method;
  }

  set method(value: string) {
    if (value === this.#method) return;
    if (!isAll(value, tokenOctet)) throw new CodedError('bad_method', 'not a method name');
    this.#method = value;
    this.lineIntact = false;
  }

  get path(): string {
    return this.#path;
  }

  set path(value: string) {
    if (value === this.#path) return;
    if (!isAll(value, targetOctet)) throw new CodedError('bad_path', 'path has a character that HTTP forbids');
    this.#path = value;
    this.lineIntact = false;
  }

  get authority(): string {
    return this.#authority;
  }

  set authority(value: string) {
    if (value === this.#authority) return;
    if (!isAuthority(value)) throw new CodedError('bad_authority', 'not a host with an optional port');
    this.#authority = value;
    this.hostIntact = false;
    if (this.#method === 'CONNECT') this.lineIntact = false;
  }

  override get(name: string): string | undefined {
    return name === 'host' ? this.#authority : super.get(name);
  }

  override getAll(name: string): readonly string[] {
    return name === 'host' ? [this.#authority] : super.getAll(name);
  }

  override set(name: string, value: string): void {
    if (name === 'host') this.authority = value;
    else super.set(name, value);
  }

  override add(name: string, value: string): void {
    if (name === 'host') this.authority = value;
    else super.add(name, value);
  }

  override remove(name: string): void {
    if (name !== 'host') super.remove(name);
  }
}

/** What the fields and the start line of a request amount to. */
export interface RequestLine {
  readonly protocol: string;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
  readonly upgrade: string | undefined;
  readonly contentLength: number;
  readonly lineIntact: boolean;
  readonly hostIntact: boolean;
}
