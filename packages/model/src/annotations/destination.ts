import type { Report } from '../finding.ts';
import type { RawObject } from '../kind.ts';
import type { DestinationRuleSpec } from '../kinds/destination-rule/types.ts';
import { type Annotation, countAnnotation, wordAnnotation } from './annotation.ts';
import { checkScoped } from './scoped-value.ts';

/** What a call travels in towards the hosts; default frame. */
export const carrier = wordAnnotation('carrier', ['frame', 'http2']);
/** Whether callers share connections to a host as the protocol allows, or each has its own; default protocol. */
export const pooling = wordAnnotation('pooling', ['protocol', 'bound']);
/** Connections to each host, in each worker, that calls spread over; default 1. */
export const connectionsPerHost = countAnnotation('connections-per-host');

/** Of a DestinationRule: of the whole, and of subsets by name. */
export const destinationAnnotations: readonly Annotation[] = [carrier, pooling, connectionsPerHost];

/** `report` stands at `metadata.annotations`. */
export function checkDestinationAnnotations({ metadata, spec }: RawObject<DestinationRuleSpec>, report: Report): void {
  const subsets = (spec.subsets ?? []).map(({ name }) => name ?? '');
  for (const annotation of destinationAnnotations) {
    checkScoped(annotation, metadata.annotations, 'subset', subsets, report);
  }
}
