import type { ActiveExchange } from './exchange.ts';

/** Part of a deadline that a message carries itself which is kept for the way back. */
const marginShare = 0.05;
const marginMsMin = 10;
const marginMsMax = 50;

/**
 * How long the upstream may take: the smaller one of the route's timeout and the one in the message. The latter runs
 * since the request came, and a little less than all of it is used, so that the caller is answered in its own protocol
 * before it gives up by itself. 0: no limit; negative: the time is up.
 */
export function requestTimeoutMs(routeMs: number, exchange: ActiveExchange): number {
  const messageMs = exchange.request.timeoutMs;
  if (messageMs <= 0) return routeMs;
  const marginMs = Math.min(Math.max(messageMs * marginShare, marginMsMin), marginMsMax, messageMs / 2);
  const spentMs = exchange.proxy.clock.now() - exchange.startMs;
  const leftMs = messageMs - marginMs - spentMs;
  if (leftMs <= 0) return -1;
  return routeMs > 0 ? Math.min(routeMs, leftMs) : leftMs;
}
