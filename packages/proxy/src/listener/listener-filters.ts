import type { Protocol } from '@sofamesh/contract/protocol';
import type { Stats } from '@sofamesh/contract/stats';
import type { FilterChainMatch, ListenerConfig, ListenerFilterConfig } from '../config/listener.ts';
import type { InspectionPlan } from './connection-inspector.ts';
import { HttpInspector } from './http-inspector.ts';
import type { ListenerFilter } from './listener-filter.ts';
import { OriginalDestination } from './original-destination.ts';
import { ProtocolInspector } from './protocol-inspector.ts';
import { ProxyProtocol } from './proxy-protocol.ts';
import { TlsInspector } from './tls-inspector.ts';

/**
 * The listener filters of a listener; undefined when a chain can be chosen without them. The inspectors wait for first
 * bytes only where some chain, or a network filter (`readsServerName`), depends on what they find: a server that speaks
 * first would never be heard. A TLS inspector that a chain needs and that is not configured is added, as Envoy does.
 */
export function planInspection(
  config: ListenerConfig,
  stats: Stats,
  protocols: ReadonlyMap<string, Protocol>,
  readsServerName: boolean,
): InspectionPlan | undefined {
  const matches = config.filterChains.map(({ match }) => match);
  const asksProtocols = matches.some(({ applicationProtocols }) => applicationProtocols.length > 0);
  const asksTls = matches.some((match) => match.transportProtocol !== undefined || match.serverNames.length > 0);
  const wanted = config.listenerFilters.filter(({ kind }) => {
    if (kind === 'tls-inspector') return asksTls || asksProtocols || readsServerName;
    return asksProtocols || (kind !== 'http-inspector' && kind !== 'protocol-inspector');
  });
  const added: ListenerFilterConfig[] = [];
  if (config.useOriginalDst && !has(wanted, 'original-dst')) added.push({ kind: 'original-dst', disabled: undefined });
  if (matches.some(needsTlsInspector) && !has(wanted, 'tls-inspector')) {
    added.push({ kind: 'tls-inspector', disabled: undefined });
  }
  const filters = [...wanted, ...added].map((filter) => ({
    filter: create(filter, config, stats, protocols),
    disabled: filter.disabled,
  }));
  return filters.length === 0 ? undefined : { filters, continueOnTimeout: config.continueOnInspectTimeout };
}

/** Whether the system will be asked where connections wanted to go. */
export function asksOriginalDestination({ listenerFilters, useOriginalDst, transparent }: ListenerConfig): boolean {
  return !transparent && (useOriginalDst || has(listenerFilters, 'original-dst'));
}

function needsTlsInspector({ transportProtocol, serverNames, applicationProtocols }: FilterChainMatch): boolean {
  if (transportProtocol !== undefined) return transportProtocol === 'tls';
  return serverNames.length > 0 || applicationProtocols.length > 0;
}

function has(filters: readonly ListenerFilterConfig[], kind: ListenerFilterConfig['kind']): boolean {
  return filters.some((filter) => filter.kind === kind);
}

function create(
  filter: ListenerFilterConfig,
  config: ListenerConfig,
  stats: Stats,
  protocols: ReadonlyMap<string, Protocol>,
): ListenerFilter {
  switch (filter.kind) {
    case 'tls-inspector':
      return new TlsInspector(stats);
    case 'http-inspector':
      return new HttpInspector(stats);
    case 'protocol-inspector':
      return new ProtocolInspector(filter.protocols, protocols, stats);
    case 'original-dst':
      return new OriginalDestination(config);
    case 'proxy-protocol':
      return new ProxyProtocol(filter, stats);
  }
}
