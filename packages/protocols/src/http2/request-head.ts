import { CodedError } from '@sofamesh/base/errors';
import type { RequestHead } from '@sofamesh/contract/message';
import { isAuthority } from '../shared/authority.ts';
import { isAll, targetOctet, tokenOctet } from '../shared/octets.ts';
import { FieldList } from './field-list.ts';

/** A request as it came over HTTP/2. `host` is the authority, as in any HTTP. */
export class Http2RequestHead extends FieldList implements RequestHead {
  readonly protocol: string = 'HTTP/2';
  scheme: string;
  readonly oneWay: boolean = false;
  readonly timeoutMs: number = 0;
  readonly wholeBytes: number = 0;
  /** Of an extended CONNECT, which is shown as HTTP/1's GET with Upgrade. */
  readonly upgrade: string | undefined;
  body: Buffer | undefined = undefined;
  #method: string;
  #path: string;
  #authority: string;

  constructor(
    line: RequestLine,
    fields: string[],
    sensitive: readonly string[] | undefined,
    upgrade: string | undefined,
  ) {
    super(fields, sensitive);
    this.scheme = line.scheme;
    this.upgrade = upgrade;
    this.#method = upgrade === undefined ? line.method : 'GET';
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
  }

  get path(): string {
    return this.#path;
  }

  set path(value: string) {
    if (value === this.#path) return;
    if (!isAll(value, targetOctet)) throw new CodedError('bad_path', 'path has a character that HTTP forbids');
    this.#path = value;
  }

  get authority(): string {
    return this.#authority;
  }

  set authority(value: string) {
    if (value === this.#authority) return;
    if (!isAuthority(value)) throw new CodedError('bad_authority', 'not a host with an optional port');
    this.#authority = value;
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
}

/** The pseudo-header fields of a request (RFC 9113 §8.3.1); empty where absent. */
export interface RequestLine {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
}
