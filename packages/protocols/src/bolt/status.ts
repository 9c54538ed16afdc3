import type { LocalReply } from '@sofamesh/contract/message';
import { replyCause } from '../shared/reply-cause.ts';

/** bolt's own statuses, as SOFARPC's clients know them. */
export const Status = {
  success: 0,
  error: 1,
  serverException: 2,
  unknown: 3,
  serverBusy: 4,
  communicationError: 5,
  noProcessor: 6,
  timeout: 7,
  clientSendError: 8,
  codecException: 9,
  connectionClosed: 16,
  serverSerializeException: 17,
  serverDeserializeException: 18,
} as const;

/** The HTTP status that a bolt status stands for. */
export function httpStatusOf(status: number): number {
  switch (status) {
    case Status.success:
      return 200;
    case Status.serverBusy:
      return 503;
    case Status.timeout:
      return 504;
    case Status.connectionClosed:
      return 502;
    default:
      return 500;
  }
}

/** The bolt status for an HTTP status that a filter or route asks for. */
export function boltStatusOf(httpStatus: number): number {
  if (httpStatus >= 200 && httpStatus < 300) return Status.success;
  switch (httpStatus) {
    case 400:
      return Status.codecException;
    case 401:
    case 403:
      return Status.serverException;
    case 404:
    case 502:
      return Status.noProcessor;
    case 429:
    case 503:
      return Status.serverBusy;
    case 408:
    case 504:
      return Status.timeout;
    default:
      return Status.unknown;
  }
}

/**
 * The bolt status of an answer that the proxy makes. HTTP says 503 for much that bolt can tell apart, so the response
 * flags come first: nobody to call, and the connection lost during the call (what a client without a proxy would see).
 */
export function replyStatusOf(reply: LocalReply): number {
  switch (replyCause(reply)) {
    case 'timeout':
      return Status.timeout;
    case 'nobody-there':
      return Status.noProcessor;
    case 'lost':
      return Status.connectionClosed;
  }
  const status = boltStatusOf(reply.status);
  // An empty frame is no success: the caller would miss the value it asked for.
  return status === Status.success ? Status.unknown : status;
}
