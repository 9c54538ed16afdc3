import type { RequestHead, ResetReason } from '@sofamesh/contract/message';
import type { Attempt } from './upstream-attempt.ts';

/** Body that is kept only for the case that its connection is found closed; a longer one is let go. */
export const resendBytesMax = 64 * 1024;

/** Methods that mean the same however often they arrive (RFC 9110 §9.2.2). */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']);

/**
 * A peer may close a connection that it takes for idle just when the next request is on its way; no retry policy shall
 * be needed for that. Such a request is sent once more, on a fresh connection, if that cannot make it happen twice: the
 * peer has promised that it did not begin (GOAWAY), or nothing of an answer came and either the method is idempotent or no
 * byte of the request has left this process.
 */
export function mayResend(attempt: Attempt, reason: ResetReason, request: RequestHead): boolean {
  const { carrier } = attempt;
  if (carrier === undefined || attempt.wantsFresh || attempt.heard) return false;
  if (reason === 'refused') return carrier.retired;
  if (reason !== 'connection-termination' || attempt.fresh) return false;
  // On a connection of its own, whatever came was meant for it.
  if (!carrier.shared && carrier.connection.bytesReceived !== attempt.receivedBefore) return false;
  return idempotent.has(request.method) || !hasLeft(attempt);
}

/** What is sent on `attempt` may be wanted once more by {@link mayResend}. */
export function isWorthKeeping(attempt: Attempt, request: RequestHead): boolean {
  const { carrier } = attempt;
  if (carrier === undefined || attempt.wantsFresh || attempt.heard) return false;
  // Only where several share a connection can a peer refuse one.
  return carrier.shared || (!attempt.fresh && (idempotent.has(request.method) || !hasLeft(attempt)));
}

function hasLeft(attempt: Attempt): boolean {
  return attempt.carrier!.connection.bytesSent !== attempt.sentBefore;
}
