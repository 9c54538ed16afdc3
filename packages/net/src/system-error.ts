import { CodedError, messageOf } from '@sofamesh/base/errors';

/** The system's name of what went wrong (`ECONNREFUSED`), a library's code, or else the message. */
export function codeOf(error: unknown): string {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : messageOf(error);
}

/** `error` under its own code; `what` says what was tried (`listen on 127.0.0.1:80`). */
export function failureOf(what: string, error: unknown): CodedError {
  const code = codeOf(error);
  const message = messageOf(error);
  return new CodedError(code, `cannot ${what}: ${message}`, { cause: error });
}
