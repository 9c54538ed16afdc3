import type { Report } from '../../finding.ts';
import type { Input } from '../../kind.ts';
import type { Labels } from '../../labels.ts';
import { UNIX_PREFIX } from '../../rules/addresses.ts';
import { map, natural, portNumber, type Schema, string, text } from '../../schema/build.ts';
import type { Endpoint } from '../workload-entry/types.ts';
import { labels } from './schema.ts';

/** The fields that a WorkloadEntry and an endpoint of a ServiceEntry share. */
export const endpointFields: Readonly<Record<string, Schema>> = {
  address: text('endpointAddress'),
  ports: map(portNumber, 'portName'),
  labels,
  network: string,
  locality: string,
  weight: natural,
  serviceAccount: string,
};

export function checkEndpoint(endpoint: Input<Endpoint>, report: Report): void {
  const address = endpoint.address ?? '';
  if (address === '' && !endpoint.network) report.at('address').error('is required');
  if (address.startsWith(UNIX_PREFIX) && Object.keys(endpoint.ports ?? {}).length > 0) {
    report.at('ports').error('must be empty: a socket in the file system has no ports');
  }
}

/** Labels of the object around it win over those inside. */
export function withEndpointDefaults(given: Input<Endpoint>, outerLabels: Labels = {}): Endpoint {
  return {
    address: given.address ?? '',
    ports: (given.ports ?? {}) as Endpoint['ports'],
    labels: { ...(given.labels as Labels | undefined), ...outerLabels },
    network: given.network ?? '',
    locality: given.locality ?? '',
    weight: given.weight || 1,
    serviceAccount: given.serviceAccount ?? '',
  };
}
