import type { RouteDestination } from '@sofamesh/model/kinds/virtual-service/types';
import type { Notes } from '../notes.ts';
import { tcpIdleTimeoutMs } from '../policies/connection-pool/connection-pool.ts';
import { policyFor } from './destination-policy.ts';
import { clusterOf } from './destinations.ts';
import { appliesTo } from './http-routes.ts';
import type { TcpTarget } from './listener-filters.ts';
import { outboundClusterName } from './names.ts';
import type { Member } from './outbound-groups.ts';
import type { Scope } from './scope.ts';

/**
 * Where the connections to a service go: the virtual service's first TCP route for the port. RPC calls that a proxy cannot
 * tell apart all take the route that has no conditions.
 */
export function tcpTargets({ entry, port }: Member, scope: Scope, isRpc: boolean, notes: Notes): readonly TcpTarget[] {
  const { service, virtualService } = entry;
  const own = [{ cluster: outboundClusterName(port.number, '', service.host), weight: 1 }];
  if (virtualService === undefined) return own;
  const context = { scope, port: port.number };
  const applies = (match: Parameters<typeof appliesTo>[0]) => appliesTo(match, virtualService, context);
  const { tcp, http } = virtualService.spec;
  const tcpRoute = tcp.find(({ match }) => (match.length === 0 ? applies(undefined) : match.some(applies)));
  const route = tcpRoute ?? (isRpc && applies(undefined) ? http.find(({ match }) => match.length === 0) : undefined);
  const destinations: readonly RouteDestination[] = route?.route.filter(({ weight }) => weight > 0) ?? [];
  if (destinations.length === 0) return own;
  return destinations.map(({ destination, weight }) => ({
    cluster: clusterOf(destination, virtualService, scope, port.number, notes),
    weight,
  }));
}

/** Of connections to a service that are proxied as TCP; undefined: the proxy's own. */
export function tcpIdleTimeout({ entry, port }: Member): number | undefined {
  return tcpIdleTimeoutMs(policyFor(entry.rules, undefined, port.number).connectionPool);
}
