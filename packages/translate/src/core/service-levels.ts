import type { ServicePort } from '@sofamesh/contract/registry';
import type { MeshSnapshot } from '../input.ts';

/** How much of a call a proxy reads: its head, the bounds of its frame, or nothing. */
export type ServiceLevel = NonNullable<ServicePort['serviceLevel']>;

const more: Readonly<Record<ServiceLevel, number>> = { relay: 0, light: 1, full: 2 };

/**
 * The levels of instances, by `ADDRESS PORT`; those that are not there have full. Of services that share a port of an
 * instance the one counts that needs most.
 */
export function serviceLevels(services: MeshSnapshot['services']): ReadonlyMap<string, ServiceLevel> {
  const levels = new Map<string, ServiceLevel>();
  // Mostly nobody asks, and then the instances are not looked at.
  if (!services.some(({ service }) => service.ports.some(isLower))) return levels;
  for (const { service, instances } of services) {
    for (const { name, number, serviceLevel = 'full' } of service.ports) {
      for (const { address, ports } of instances) {
        const place = `${address} ${ports[name] ?? number}`;
        const other = levels.get(place);
        if (other === undefined || more[other] < more[serviceLevel]) levels.set(place, serviceLevel);
      }
    }
  }
  return levels;
}

function isLower({ serviceLevel }: ServicePort): boolean {
  return serviceLevel !== undefined && serviceLevel !== 'full';
}
