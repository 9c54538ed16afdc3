import { type LocalReply, ResponseFlag } from '@sofamesh/contract/message';
import { replyCause } from '../shared/reply-cause.ts';

/** The profile's own statuses. */
export const Status = {
  ok: 0,
  applicationError: 1,
  badRequest: 2,
  notFound: 3,
  busy: 4,
  timeout: 5,
  serverError: 6,
  unavailable: 7,
} as const;

/** By status. */
const httpStatuses = [200, 200, 400, 404, 503, 504, 500, 502];

/** The HTTP status that a status stands for. */
export function httpStatusOf(status: number): number {
  return httpStatuses[status] ?? 500;
}

/** The status for an HTTP status that a filter or route asks for. */
export function hsfStatusOf(httpStatus: number): number {
  if (httpStatus >= 200 && httpStatus < 300) return Status.ok;
  if (httpStatus === 408) return Status.timeout;
  if (httpStatus === 429) return Status.busy;
  const status = httpStatuses.indexOf(httpStatus);
  return status < 0 ? Status.serverError : status;
}

const noRoute = ResponseFlag.noRouteFound | ResponseFlag.noClusterFound;

/** The status of an answer that the proxy makes. The response flags come first, as they tell more than HTTP's 503. */
export function replyStatusOf(reply: LocalReply): number {
  const cause = replyCause(reply);
  if (cause === 'timeout') return Status.timeout;
  if (cause !== undefined) return (reply.flags & noRoute) !== 0 ? Status.notFound : Status.unavailable;
  // An answer without a value is no success: the caller would miss what it asked for.
  return hsfStatusOf(reply.status) || Status.serverError;
}
