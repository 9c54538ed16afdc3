import type { RawObject } from '../../kind.ts';
import type { Labels } from '../../labels.ts';
import { withEndpointDefaults } from '../parts/endpoint.ts';
import type { ServiceEntrySpec } from './types.ts';

/** Fills in what is absent. Called with what the schema has accepted. */
export function applyDefaults({ spec }: RawObject<ServiceEntrySpec>): ServiceEntrySpec {
  return {
    hosts: spec.hosts!,
    addresses: spec.addresses ?? [],
    ports: (spec.ports ?? []).map((port) => ({
      number: port.number!,
      name: port.name!,
      protocol: port.protocol ?? '',
      targetPort: port.targetPort ?? port.number!,
    })),
    location: spec.location ?? 'MESH_EXTERNAL',
    resolution: spec.resolution ?? 'NONE',
    endpoints: (spec.endpoints ?? []).map((endpoint) => withEndpointDefaults(endpoint)),
    ...(spec.workloadSelector === undefined
      ? {}
      : { workloadSelector: { labels: (spec.workloadSelector.labels ?? {}) as Labels } }),
    exportTo: spec.exportTo ?? [],
    subjectAltNames: spec.subjectAltNames ?? [],
  };
}
