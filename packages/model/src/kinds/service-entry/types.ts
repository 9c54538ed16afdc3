import type { WorkloadSelector } from '../parts/types.ts';
import type { Endpoint } from '../workload-entry/types.ts';

/** A service that no platform's registry knows: its names, its ports and where its instances are. */
export interface ServiceEntrySpec {
  /** Host names, wildcards, or interface names of RPC services. At least one. */
  readonly hosts: readonly string[];
  /** Virtual addresses: IPs and CIDR ranges. */
  readonly addresses: readonly string[];
  /** Numbers and names are unique. */
  readonly ports: readonly ServiceEntryPort[];
  readonly location: 'MESH_EXTERNAL' | 'MESH_INTERNAL';
  readonly resolution: 'NONE' | 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN' | 'DYNAMIC_DNS';
  /** Empty if there is a selector. */
  readonly endpoints: readonly Endpoint[];
  /** Selects WorkloadEntries of the resource's namespace. */
  readonly workloadSelector?: WorkloadSelector;
  /** Empty: the mesh's default. */
  readonly exportTo: readonly string[];
  /** Not acted on. */
  readonly subjectAltNames: readonly string[];
}

export interface ServiceEntryPort {
  readonly number: number;
  /** `http`, `x-bolt`, … */
  readonly name: string;
  /** As written, upper or lower case (see `resolveIstioPort`); empty: the name says it. */
  readonly protocol: string;
  /** Of the instances; default: the number. */
  readonly targetPort: number;
}
