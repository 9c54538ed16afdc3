import { CodedError } from '@sofamesh/base/errors';
import type { ResponseHead } from '@sofamesh/contract/message';
import { FieldBlock } from './field-block.ts';
import type { HeadReader } from './head-reader.ts';
import { SP } from './octets.ts';

/** `HTTP/1.1 200` is so long. */
const statusLineBlank = 12;

/** A response as it came over HTTP/1. */
export class Http1ResponseHead extends FieldBlock implements ResponseHead {
  readonly protocol: string;
  readonly applicationError: boolean = false;
  readonly wholeBytes: number = 0;
  readonly nativeStatus: number;
  body: Buffer | undefined = undefined;
  /** The status line can go on as it came: HTTP/1.1, status not edited. */
  lineIntact: boolean;
  #status: number;

  constructor(reader: HeadReader, contentLength: number) {
    super(reader);
    this.protocol = reader.minorVersion === 0 ? 'HTTP/1.0' : 'HTTP/1.1';
    // Of a line without the blank before an absent reason, which RFC 9112 §4 wants, we make a proper one.
    this.lineIntact = reader.minorVersion === 1 && reader.bytes[statusLineBlank] === SP;
    this.#status = reader.status;
    this.nativeStatus = reader.status;
    this.contentLength = contentLength;
  }

  get status(): number {
    return this.#status;
  }

  set status(value: number) {
    if (value === this.#status) return;
    if (!Number.isInteger(value) || value < 100 || value > 999) {
      throw new CodedError('bad_status', `not an HTTP status: ${value}`);
    }
    this.#status = value;
    this.lineIntact = false;
  }
}
