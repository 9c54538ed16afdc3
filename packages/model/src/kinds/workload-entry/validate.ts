import type { Report } from '../../finding.ts';
import type { RawObject } from '../../kind.ts';
import { checkEndpoint } from '../parts/endpoint.ts';
import type { WorkloadEntrySpec } from './types.ts';

/** As Istio validates a workload entry; `report` stands at `spec`. */
export function validate({ spec }: RawObject<WorkloadEntrySpec>, report: Report): void {
  checkEndpoint(spec, report);
}
