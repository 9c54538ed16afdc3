import { CodedError } from '@sofamesh/base/errors';

/** Why one message cannot be converted, and the HTTP status that says so. */
export class ConversionFault extends CodedError {
  readonly status: number;
  /** Methods that the path has; only with status 405. */
  readonly allowed: readonly string[];

  constructor(status: number, code: string, message: string, allowed: readonly string[] = []) {
    super(code, message);
    this.status = status;
    this.allowed = allowed;
  }
}

/** The message is not what the mapping says. */
export function badRequest(message: string): ConversionFault {
  return new ConversionFault(400, 'bad_request', message);
}

/** The upstream's answer cannot be told to the client. */
export function badReply(message: string): ConversionFault {
  return new ConversionFault(502, 'bad_reply', message);
}
