import type { PortPolicy, Subset } from '@sofamesh/model/kinds/destination-rule/types';
import type { DestinationRule } from './mesh-index.ts';

/** The subsets of all rules for a host; of two with one name the older rule's. */
export function subsetsOf(rules: readonly DestinationRule[]): readonly Subset[] {
  const byName = new Map<string, Subset>();
  for (const { spec } of rules) {
    for (const subset of spec.subsets) if (!byName.has(subset.name)) byName.set(subset.name, subset);
  }
  return [...byName.values()];
}

/**
 * What holds for a port: what is said for the port alone replaces all the rest; else what the subset says wins, field by
 * field, over what is said for the whole.
 */
export function policyFor(
  rules: readonly DestinationRule[],
  subset: Subset | undefined,
  portNumber: number,
): PortPolicy {
  const whole = rules.find(({ spec }) => spec.trafficPolicy !== undefined)?.spec.trafficPolicy;
  for (const policy of [subset?.trafficPolicy, whole]) {
    const ofPort = policy?.portLevelSettings.find(({ port }) => port.number === portNumber);
    if (ofPort !== undefined) return ofPort;
  }
  return { ...whole, ...subset?.trafficPolicy };
}
