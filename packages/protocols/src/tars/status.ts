import { type LocalReply, ResponseFlag } from '@sofamesh/contract/message';
import { replyCause } from '../shared/reply-cause.ts';

/** What iRet says, and the status map of TUP: the framework's own codes. Others are the application's. */
export const Status = {
  success: 0,
  serverDecodeError: -1,
  serverEncodeError: -2,
  noFunction: -3,
  noServant: -4,
  resetGrid: -5,
  queueTimeout: -6,
  callTimeout: -7,
  connectError: -8,
  serverOverload: -9,
  noAdapter: -10,
  invalidSet: -11,
  clientDecodeError: -12,
  sendRequestError: -13,
  unknown: -99,
} as const;

/** The HTTP status that a code stands for. A positive one was set by the application, which has answered all the same. */
export function httpStatusOf(status: number): number {
  if (status >= 0) return 200;
  switch (status) {
    case Status.serverDecodeError:
      return 400;
    case Status.noFunction:
    case Status.noServant:
      return 404;
    case Status.callTimeout:
      return 504;
    case Status.connectError:
    case Status.clientDecodeError:
    case Status.sendRequestError:
      return 502;
    // The server did not begin with the call: it waited too long, or there was no room for it.
    case Status.queueTimeout:
    case Status.serverOverload:
    case Status.noAdapter:
      return 503;
    default:
      return 500;
  }
}

/** The code for an HTTP status that a filter or route asks for. */
export function tarsStatusOf(httpStatus: number): number {
  if (httpStatus >= 200 && httpStatus < 300) return Status.success;
  switch (httpStatus) {
    case 400:
      return Status.serverDecodeError;
    case 404:
      return Status.noServant;
    case 501:
      return Status.noFunction;
    case 408:
    case 504:
      return Status.callTimeout;
    case 429:
    case 503:
      return Status.serverOverload;
    case 502:
      return Status.connectError;
    default:
      return Status.unknown;
  }
}

const noRoute = ResponseFlag.noRouteFound | ResponseFlag.noClusterFound;

/** The code of an answer that the proxy makes. The response flags come first, as they tell more than HTTP's 503. */
export function replyStatusOf(reply: LocalReply): number {
  switch (replyCause(reply)) {
    case 'timeout':
      return Status.callTimeout;
    case 'nobody-there':
      return (reply.flags & noRoute) !== 0 ? Status.noServant : Status.noAdapter;
    case 'lost':
      return Status.connectError;
  }
  const status = tarsStatusOf(reply.status);
  // An answer without a value is no success: the caller would miss what it asked for.
  return status === Status.success ? Status.unknown : status;
}
