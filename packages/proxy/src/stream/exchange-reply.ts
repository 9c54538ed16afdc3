import type { LocalReply } from '@sofamesh/contract/message';
import { grpcReply, isGrpc } from '../route/grpc.ts';
import type { ActiveExchange } from './exchange.ts';
import { LocalResponseHead } from './local-response.ts';

/**
 * An answer of the proxy's own as it goes out. HTTP: with what the route adds to answers, changed as configured mappers
 * want it, and in a gRPC client's form. Logs see this one.
 */
export function prepareReply(exchange: ActiveExchange, reply: LocalReply): LocalReply {
  const { proxy, request } = exchange;
  let answer = reply;
  exchange.status = reply.status;
  exchange.showReply(reply);
  if (proxy.edge === undefined) return reply;
  const route = exchange.matchedRoute;
  if (route?.editsReplies) {
    const head = new LocalResponseHead(reply);
    route.applyResponse(head, exchange.target, exchange);
    answer = head.toReply();
  }
  if (route?.tellsAttempts && exchange.attempts > 0) {
    answer = { ...answer, headers: [...(answer.headers ?? []), ['x-envoy-attempt-count', String(exchange.attempts)]] };
  }
  if (proxy.localReplies !== undefined) {
    exchange.showReply(answer);
    answer = proxy.localReplies.rewrite(answer, exchange);
  }
  if (isGrpc(request)) answer = grpcReply(answer);
  if (answer !== reply) {
    exchange.status = answer.status;
    exchange.showReply(answer);
  }
  return answer;
}
