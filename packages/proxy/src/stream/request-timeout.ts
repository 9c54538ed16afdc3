import type { LocalReply, RequestHead } from '@sofamesh/contract/message';
import type { RouteConfig } from '../config/route.ts';
import { grpcTimeoutMs, isGrpc, lowerGrpcTimeout } from '../route/grpc.ts';
import type { ActiveExchange } from './exchange.ts';

/** Part of a deadline that a message carries itself which is kept for the way back. */
const marginShare = 0.05;
const marginMsMin = 10;
const marginMsMax = 50;

/**
 * How long the upstream may take. RPC: the smaller one of the route's timeout and the one in the message. The latter runs
 * since the request came, and a little less than all of it is used, so that the caller is answered in its own protocol
 * before it gives up by itself. HTTP: the route's, unless it lets the request's `grpc-timeout` decide, or somebody
 * internal asks for another one. 0: no limit; negative: the time is up.
 */
export function requestTimeoutMs(routeMs: number, exchange: ActiveExchange): number {
  if (exchange.proxy.edge !== undefined) return httpTimeoutMs(routeMs, exchange);
  const messageMs = exchange.request.timeoutMs;
  if (messageMs <= 0) return routeMs;
  const marginMs = Math.min(Math.max(messageMs * marginShare, marginMsMin), marginMsMax, messageMs / 2);
  // No filter that could have waited: it came just now.
  const spentMs = exchange.walk === undefined ? 0 : exchange.proxy.clock.now() - exchange.startMs;
  const leftMs = messageMs - marginMs - spentMs;
  if (leftMs <= 0) return -1;
  return routeMs > 0 ? Math.min(routeMs, leftMs) : leftMs;
}

const askedTimeout = 'x-envoy-upstream-rq-timeout-ms';

function httpTimeoutMs(routeMs: number, exchange: ActiveExchange): number {
  const { request } = exchange;
  if (exchange.internal) {
    const asked = request.get(askedTimeout);
    if (asked !== undefined) {
      request.remove(askedTimeout);
      if (/^\d{1,9}$/.test(asked)) return Number(asked);
    }
  }
  const action = exchange.route?.config.action;
  const grpc = action?.kind === 'forward' ? action.grpcTimeout : undefined;
  return grpc === undefined || !isGrpc(request) ? routeMs : ofGrpc(request, grpc.longestMs, grpc.offsetMs);
}

/** Envoy: max_grpc_timeout, grpc_timeout_offset. */
function ofGrpc(request: RequestHead, longestMs: number, offsetMs: number): number {
  const askedMs = grpcTimeoutMs(request) ?? 0;
  const timeoutMs = offsetMs < askedMs ? askedMs - offsetMs : askedMs;
  return longestMs > 0 && (timeoutMs === 0 || timeoutMs > longestMs) ? longestMs : timeoutMs;
}

/** Where `grpc-timeout` decides, the upstream is told what came of it. `expectedMs` 0: there is no limit. */
export function passOnGrpcTimeout(request: RequestHead, action: RouteConfig['action'], expectedMs: number): void {
  if (expectedMs <= 0 || action.kind !== 'forward' || action.grpcTimeout === undefined) return;
  if (isGrpc(request)) lowerGrpcTimeout(request, expectedMs);
}

/** Somebody internal may ask for 204 when the time is up. */
export function timeoutReply({ internal, request }: ActiveExchange, reply: LocalReply): LocalReply {
  const asked = internal && request.get('x-envoy-upstream-rq-timeout-alt-response') !== undefined;
  return asked ? { ...reply, status: 204, body: '' } : reply;
}

/**
 * What the upstream is told that it may take, whole milliseconds: its own try's timeout where there is one, and no more than
 * is left of the route's. 0: there is no limit.
 */
export function expectedTimeoutMs(routeMs: number, perTryMs: number, spentMs: number): number {
  if (routeMs <= 0) return Math.ceil(perTryMs);
  // 0 would mean for ever.
  const leftMs = Math.max(routeMs - spentMs, 1);
  return Math.ceil(perTryMs > 0 ? Math.min(perTryMs, leftMs) : leftMs);
}
