import type { Instance, Service } from '@sofamesh/contract/registry';
import { ipFamily } from '@sofamesh/model/ip';
import type { Endpoint } from '@sofamesh/model/kinds/workload-entry/types';
import { describeObject, type MeshObject } from '@sofamesh/model/object';
import type { ResolvedPort } from '@sofamesh/model/port-protocol';
import { UNIX_PREFIX } from '@sofamesh/model/rules/addresses';
import type { ServiceWithInstances } from '@sofamesh/translate/input';

export interface BuildOptions {
  /** `cluster.local`. */
  readonly domain: string;
  /** RPC protocols that are known; a port `x-PROTOCOL` of another one is a TCP port. Absent: all are. */
  readonly xProtocols?: ReadonlySet<string>;
}

/** Something that was said of a service and is not used. */
export interface ServiceConflict {
  readonly host: string;
  readonly namespace: string;
  /** The end of the sentence "service HOST of namespace NAMESPACE …". */
  readonly reason: string;
}

/** What one resource means. */
export interface Built {
  readonly services: readonly ServiceWithInstances[];
  readonly conflicts: readonly ServiceConflict[];
}

/** The word that `ServicePort.protocol` has for it. A port of which nothing is said is a TCP port. */
export function protocolWord({ protocol, xProtocol }: ResolvedPort): string {
  if (protocol === 'X') return `x-${xProtocol}`;
  return protocol === 'unspecified' ? 'tcp' : protocol.toLowerCase();
}

/** The numbers that ports of the service have at an instance, where they are others than the service's own. */
export type PortsOf = (endpoint: Endpoint) => Instance['ports'];

export function instanceOf(endpoint: Endpoint, ports: Instance['ports'], workload: string): Instance {
  const { address, labels, weight, locality, serviceAccount } = endpoint;
  return { address, ports, labels, weight, locality, serviceAccount, healthy: true, workload };
}

/** Why an endpoint's address is of no use to a service that is resolved in this way, or undefined. */
export function addressFault(address: string, resolution: Service['resolution']): string | undefined {
  if (address === '') return 'has no address';
  if (resolution === 'static' && ipFamily(address) === 0 && !address.startsWith(UNIX_PREFIX)) {
    return `has the host name ${address} as its address, which the service does not resolve`;
  }
  if (resolution === 'dns' && address.startsWith(UNIX_PREFIX))
    return 'is a socket in the file system, which has no name to resolve';
  return undefined;
}

/** The instances that workloads are to a service; those that it cannot use are conflicts. */
export function instancesOfWorkloads(
  workloads: readonly MeshObject<'WorkloadEntry'>[],
  { host, namespace, resolution }: Service,
  portsOf: PortsOf,
  conflicts: ServiceConflict[],
): readonly Instance[] {
  const instances: Instance[] = [];
  for (const workload of workloads) {
    const fault = addressFault(workload.spec.address, resolution);
    if (fault === undefined) instances.push(instanceOf(workload.spec, portsOf(workload.spec), workload.metadata.name));
    else conflicts.push({ host, namespace, reason: `leaves out ${describeObject(workload)}, which ${fault}` });
  }
  return instances;
}
