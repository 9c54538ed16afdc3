import type { Kind } from '../kind.ts';
import { destinationRule } from './destination-rule/kind.ts';
import type { DestinationRuleSpec } from './destination-rule/types.ts';
import { service } from './service/kind.ts';
import type { ServiceSpec } from './service/types.ts';
import { serviceEntry } from './service-entry/kind.ts';
import type { ServiceEntrySpec } from './service-entry/types.ts';
import { sidecar } from './sidecar/kind.ts';
import type { SidecarSpec } from './sidecar/types.ts';
import { virtualService } from './virtual-service/kind.ts';
import type { VirtualServiceSpec } from './virtual-service/types.ts';
import { workloadEntry } from './workload-entry/kind.ts';
import type { WorkloadEntrySpec } from './workload-entry/types.ts';

/** The type of each kind's spec, defaults applied. */
export interface KindSpecs {
  readonly VirtualService: VirtualServiceSpec;
  readonly DestinationRule: DestinationRuleSpec;
  readonly ServiceEntry: ServiceEntrySpec;
  readonly WorkloadEntry: WorkloadEntrySpec;
  readonly Sidecar: SidecarSpec;
  readonly Service: ServiceSpec;
}

export type KindName = keyof KindSpecs;

const all: { readonly [Name in KindName]: Kind<KindSpecs[Name]> } = {
  VirtualService: virtualService,
  DestinationRule: destinationRule,
  ServiceEntry: serviceEntry,
  WorkloadEntry: workloadEntry,
  Sidecar: sidecar,
  Service: service,
};

/** Every kind of resource that a folder, or a cluster, may hold. */
export const kinds: ReadonlyMap<KindName, Kind> = new Map(Object.entries(all) as [KindName, Kind][]);
