import type { RawObject } from '../../kind.ts';
import { withEndpointDefaults } from '../parts/endpoint.ts';
import type { WorkloadEntrySpec } from './types.ts';

/** As in Istio, the labels of the object itself are labels of the workload, and win. */
export function applyDefaults({ metadata, spec }: RawObject<WorkloadEntrySpec>): WorkloadEntrySpec {
  return withEndpointDefaults(spec, metadata.labels);
}
