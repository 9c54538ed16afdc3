import { CodedError } from '@sofamesh/base/errors';
import type { ResponseHead } from '@sofamesh/contract/message';
import { FieldList } from './field-list.ts';

/** A response as it came over HTTP/2. */
export class Http2ResponseHead extends FieldList implements ResponseHead {
  readonly protocol: string = 'HTTP/2';
  readonly applicationError: boolean = false;
  readonly wholeBytes: number = 0;
  readonly nativeStatus: number;
  body: Buffer | undefined = undefined;
  #status: number;

  constructor(status: number, fields: string[], sensitive: readonly string[] | undefined) {
    super(fields, sensitive);
    this.#status = status;
    this.nativeStatus = status;
  }

  get status(): number {
    return this.#status;
  }

  set status(value: number) {
    if (!Number.isInteger(value) || value < 100 || value > 999) {
      throw new CodedError('bad_status', `not an HTTP status: ${value}`);
    }
    this.#status = value;
  }
}
