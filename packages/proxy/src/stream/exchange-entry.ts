import type { FilterChain } from '../chain/filter-chain.ts';
import type { ActiveExchange } from './exchange.ts';
import type { HttpEdge } from './http-edge.ts';
import { underscoreRefused, upgradeRefused } from './replies.ts';

/** What an HTTP request goes through before its filters: the filters that follow, or undefined when it was refused. */
export function admit(exchange: ActiveExchange): FilterChain | undefined {
  const { proxy, request } = exchange;
  const { edge, upgrades } = proxy;
  if (edge !== undefined && !passes(exchange, edge)) return undefined;
  if (upgrades === undefined || (request.upgrade === undefined && request.method !== 'CONNECT')) return proxy.filters;
  const chain = upgrades.chainFor(request, exchange.route);
  if (chain === undefined) {
    // Where no route leads, nothing can be forbidden: as in Envoy it is not found.
    if (request.method === 'CONNECT' && exchange.route === undefined) return proxy.filters;
    proxy.stats.rqUpgradeRefused.increment();
    exchange.reply(upgradeRefused);
  }
  return chain;
}

function passes(exchange: ActiveExchange, edge: HttpEdge): boolean {
  const { request, downstream } = exchange;
  const refusal = edge.onRequest(request, downstream);
  exchange.clientAddress = edge.identity.client;
  exchange.internal = edge.identity.internal;
  if (refusal === undefined) return true;
  exchange.details = refusal.details;
  // Envoy: an HTTP/2 client is not answered.
  if (refusal === underscoreRefused && request.protocol === 'HTTP/2') exchange.resetClient('protocol-error');
  else exchange.reply(refusal);
  return false;
}
