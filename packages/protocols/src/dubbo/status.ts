import type { LocalReply } from '@sofamesh/contract/message';
import { replyCause } from '../shared/reply-cause.ts';

/** Dubbo's own statuses. */
export const Status = {
  ok: 20,
  clientTimeout: 30,
  serverTimeout: 31,
  badRequest: 40,
  badResponse: 50,
  serviceNotFound: 60,
  serviceError: 70,
  serverError: 80,
  clientError: 90,
  threadPoolExhausted: 100,
} as const;

/** The HTTP status that a Dubbo status stands for. */
export function httpStatusOf(status: number): number {
  switch (status) {
    case Status.ok:
      return 200;
    case Status.clientTimeout:
    case Status.serverTimeout:
      return 504;
    case Status.badRequest:
      return 400;
    case Status.badResponse:
      return 502;
    case Status.serviceNotFound:
      return 404;
    case Status.threadPoolExhausted:
      return 503;
    default:
      return 500;
  }
}

/** The Dubbo status for an HTTP status that a filter or route asks for. */
export function dubboStatusOf(httpStatus: number): number {
  if (httpStatus >= 200 && httpStatus < 300) return Status.ok;
  switch (httpStatus) {
    case 400:
    case 429:
    case 503:
      return Status.badRequest;
    case 401:
    case 403:
      return Status.serverError;
    case 404:
    case 502:
      return Status.serviceNotFound;
    case 408:
    case 504:
      return Status.clientTimeout;
    default:
      return Status.serviceError;
  }
}

/**
 * The Dubbo status of an answer that the proxy makes. HTTP says 503 for much that Dubbo can tell apart, so the response
 * flags come first.
 */
export function replyStatusOf(reply: LocalReply): number {
  switch (replyCause(reply)) {
    case 'timeout':
      return Status.clientTimeout;
    case 'nobody-there':
      return Status.serviceNotFound;
    case 'lost':
      return Status.serviceError;
  }
  const status = dubboStatusOf(reply.status);
  // An answer without a value is no success: the caller would miss what it asked for.
  return status === Status.ok ? Status.serviceError : status;
}
