import type { LocalReply } from '@sofamesh/contract/message';

/** Types of TApplicationException, by which a server says that it could not carry out a call. */
export const ExceptionType = {
  unknown: 0,
  unknownMethod: 1,
  invalidMessageType: 2,
  wrongMethodName: 3,
  badSequenceId: 4,
  missingResult: 5,
  internalError: 6,
  protocolError: 7,
  invalidTransform: 8,
  invalidProtocol: 9,
  unsupportedClientType: 10,
} as const;

/** The native status of a reply that is none of {@link ExceptionType}: declared exceptions are such replies, too. */
export const replyStatus = 0;
/** An exception's type and this make its native status, so that the type 0 is not taken for a reply. */
const exceptionBase = 100;

/** The native status of an exception; types that Thrift does not know count as unknown. */
export function statusOfException(type: number): number {
  return exceptionBase + (type >= 0 && type <= ExceptionType.unsupportedClientType ? type : ExceptionType.unknown);
}

/** The HTTP status that a native status stands for. Thrift's own types tell servers apart, not failures. */
export function httpStatusOf(status: number): number {
  return status === replyStatus ? 200 : 500;
}

/** The type of the exception that says what an HTTP status says. */
export function exceptionTypeOf(httpStatus: number): number {
  switch (httpStatus) {
    case 400:
      return ExceptionType.protocolError;
    case 404:
      return ExceptionType.unknownMethod;
    case 429:
    case 502:
    case 503:
      return ExceptionType.unknown;
    default:
      return ExceptionType.internalError;
  }
}

/** What the text of an exception says: the HTTP status and one sentence. */
export function exceptionText({ status, body }: Pick<LocalReply, 'status' | 'body'>): string {
  return `${status}|${body}`;
}
