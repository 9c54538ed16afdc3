import type { RequestHead } from '@sofamesh/contract/message';
import type { Route } from '../route/route.ts';
import { rawTcp } from './connect-terminator.ts';
import type { ActiveExchange } from './exchange.ts';
import { LocalResponseHead } from './local-response.ts';
import { protocolUnknown, routeNotFound, routeTableMissing } from './replies.ts';
import { UpstreamCall } from './upstream-call.ts';

/** What the router filter does: answers what the route itself answers, else begins the call to the upstream. */
export function routeToUpstream(exchange: ActiveExchange, end: boolean, suppressHeaders: boolean): void {
  const { proxy, route, request } = exchange;
  const { stats } = proxy;
  if (route === undefined) {
    stats.noRoute.increment();
    exchange.reply(proxy.routes.table === undefined ? routeTableMissing : routeNotFound);
    return;
  }
  stats.routed.increment();
  const direct = route.reply(request);
  if (direct !== undefined) {
    const { kind } = route.config.action;
    exchange.status = direct.status;
    exchange.details = direct.details;
    exchange.showReply(direct);
    (kind === 'direct-response' ? stats.directResponse : stats.redirect).increment();
    const head = new LocalResponseHead(direct);
    if (kind !== 'forward') route.applyResponse(head, undefined, exchange);
    exchange.reply(head.toReply());
    return;
  }
  const { target } = exchange;
  const cluster = target && proxy.clusters.get(target.name);
  if (target === undefined || cluster === undefined) {
    stats.noCluster.increment();
    exchange.upstreamCluster = target?.name ?? '';
    exchange.reply(route.clusterMissing);
    return;
  }
  exchange.upstreamCluster = cluster.name;
  const protocol = terminatesHere(request, route) ? rawTcp : proxy.upstreamProtocol(cluster, request);
  if (protocol === undefined) {
    exchange.reply(protocolUnknown);
    return;
  }
  exchange.call = new UpstreamCall(exchange, route, target, cluster, protocol, suppressHeaders);
  exchange.call.begin(end);
}

/** `connect_config`: what the request carries goes on as plain bytes. */
function terminatesHere({ method }: RequestHead, route: Route): boolean | undefined {
  if (method === 'CONNECT') return route.upgrade('connect')?.terminates;
  return method === 'POST' && route.upgrade('connect')?.terminatesPost;
}
