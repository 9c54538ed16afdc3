import { resolveHost } from '@sofamesh/model/host';
import type { Destination } from '@sofamesh/model/kinds/parts/types';
import type { Notes } from '../notes.ts';
import { subsetsOf } from './destination-policy.ts';
import type { VirtualService } from './mesh-index.ts';
import { BLACK_HOLE_CLUSTER, outboundClusterName } from './names.ts';
import { portKind } from './port-kind.ts';
import type { Scope, ScopedService } from './scope.ts';

export function serviceOf(
  { host }: Destination,
  { metadata }: VirtualService,
  scope: Pick<Scope, 'byName' | 'mesh'>,
): ScopedService | undefined {
  return scope.byName.get(resolveHost(host, metadata.namespace, scope.mesh.domain));
}

/**
 * The cluster of a destination, for a route on `listenerPort`. A destination that does not exist gets the cluster without
 * hosts, so that its share of the traffic fails and no other one does.
 */
export function clusterOf(
  destination: Destination,
  virtualService: VirtualService,
  scope: Pick<Scope, 'byName' | 'mesh'>,
  listenerPort: number,
  notes: Notes,
): string {
  const missing = (what: string): string => {
    notes.add(virtualService, `a route goes to ${what}, so its requests fail`);
    return BLACK_HOLE_CLUSTER;
  };
  const found = serviceOf(destination, virtualService, scope);
  if (found === undefined) return missing(`${destination.host}, which is no service that is visible here`);
  const { service, rules } = found;
  const ports = service.ports.filter((port) => portKind(port).kind !== 'udp');
  const number = destination.port?.number ?? (ports.length === 1 ? ports[0]!.number : listenerPort);
  if (!ports.some((port) => port.number === number))
    return missing(`port ${number} of ${service.host}, which it lacks`);
  const { subset } = destination;
  if (subset !== undefined && subset !== '' && !subsetsOf(rules).some(({ name }) => name === subset)) {
    return missing(`subset ${subset} of ${service.host}, which no DestinationRule defines`);
  }
  return outboundClusterName(number, subset ?? '', service.host);
}
