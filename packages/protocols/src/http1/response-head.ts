import { CodedError } from '@sofamesh/base/errors';
import type { ResponseHead } from '@sofamesh/contract/message';
import { SP } from '../shared/octets.ts';
import { FieldBlock } from './field-block.ts';
import type { HeadReader } from './head-reader.ts';
import { statusText } from './status-text.ts';

/** `HTTP/1.1 200` is so long. */
const statusLineBlank = 12;
/** CR LF. */
const lineEndBytes = 2;

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

  constructor(reader: HeadReader, contentLength: number, forwardReason: boolean) {
    super(reader);
    this.protocol = reader.minorVersion === 0 ? 'HTTP/1.0' : 'HTTP/1.1';
    // The reason phrase means nothing and may be anything: unless somebody wants it only the usual one goes on, as in Envoy.
    this.lineIntact = reader.minorVersion === 1 && (forwardReason || hasUsualReason(reader));
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

function hasUsualReason({ bytes, fieldsStart, status }: HeadReader): boolean {
  const usual = statusText(status);
  const start = statusLineBlank + 1;
  if (bytes[statusLineBlank] !== SP || fieldsStart - lineEndBytes - start !== usual.length) return false;
  for (let at = 0; at < usual.length; at++) if (bytes[start + at] !== usual.charCodeAt(at)) return false;
  return true;
}
