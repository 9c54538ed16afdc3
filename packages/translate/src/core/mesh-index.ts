import { isWildcardHost, resolveHost } from '@sofamesh/model/host';
import type { Labels } from '@sofamesh/model/labels';
import { type MeshObject, ofKind } from '@sofamesh/model/object';
import type { MeshSnapshot } from '../input.ts';
import { type ServiceLevel, serviceLevels } from './service-levels.ts';

export type VirtualService = MeshObject<'VirtualService'>;
export type DestinationRule = MeshObject<'DestinationRule'>;
export type Sidecar = MeshObject<'Sidecar'>;

/** A snapshot's rules, arranged for look-up. */
export interface MeshIndex {
  /** Of those for sidecars, the older first. */
  readonly virtualServices: readonly VirtualService[];
  readonly destinationRules: ReadonlyMap<string, RulesOfNamespace>;
  /** Per namespace; those with a selector first, then the older first. */
  readonly sidecars: ReadonlyMap<string, readonly Sidecar[]>;
  /** Every label selector that may make two proxies of one namespace see different things. */
  readonly selectors: readonly Labels[];
  /** Of instances whose services ask for another level than full, by `ADDRESS PORT`. */
  readonly serviceLevels: ReadonlyMap<string, ServiceLevel>;
}

export interface RulesOfNamespace {
  readonly exact: ReadonlyMap<string, readonly DestinationRule[]>;
  /** By pattern, the more specific first. */
  readonly wildcards: readonly (readonly [pattern: string, rules: readonly DestinationRule[]])[];
}

const indexes = new WeakMap<MeshSnapshot, MeshIndex>();

export function meshIndex(snapshot: MeshSnapshot): MeshIndex {
  let index = indexes.get(snapshot);
  if (index === undefined) indexes.set(snapshot, (index = build(snapshot)));
  return index;
}

function build({ objects, services, mesh }: MeshSnapshot): MeshIndex {
  const virtualServices = ofKind(objects, 'VirtualService').filter(isForMesh).sort(olderFirst);
  const rules = ofKind(objects, 'DestinationRule').sort(olderFirst);
  const sidecars = ofKind(objects, 'Sidecar').sort((a, b) => selectorFirst(a, b) || olderFirst(a, b));
  const byNamespace = new Map<string, Map<string, DestinationRule[]>>();
  for (const rule of rules) {
    const { namespace } = rule.metadata;
    const hosts = getOrAdd(byNamespace, namespace, () => new Map<string, DestinationRule[]>());
    getOrAdd(hosts, resolveHost(rule.spec.host, namespace, mesh.domain), () => []).push(rule);
  }
  return {
    virtualServices,
    destinationRules: new Map([...byNamespace].map(([namespace, hosts]) => [namespace, rulesOfNamespace(hosts)])),
    sidecars: Map.groupBy(sidecars, ({ metadata }) => metadata.namespace),
    selectors: [
      ...rules.flatMap(({ spec }) => (spec.workloadSelector === undefined ? [] : [spec.workloadSelector.labels])),
      ...virtualServices.flatMap(({ spec }) =>
        [...spec.http, ...spec.tcp].flatMap(({ match }) => match.map(({ sourceLabels }) => sourceLabels)),
      ),
    ].filter((labels) => Object.keys(labels).length > 0),
    serviceLevels: serviceLevels(services),
  };
}

/** A virtual service's gateways may be replaced by those of a single match. */
function isForMesh({ spec }: VirtualService): boolean {
  return (
    spec.gateways.includes('mesh') ||
    [...spec.http, ...spec.tcp].some(({ match }) => match.some(({ gateways }) => gateways.includes('mesh')))
  );
}

function rulesOfNamespace(hosts: ReadonlyMap<string, readonly DestinationRule[]>): RulesOfNamespace {
  return {
    exact: new Map([...hosts].filter(([host]) => !isWildcardHost(host))),
    wildcards: [...hosts].filter(([host]) => isWildcardHost(host)).sort(([a], [b]) => b.length - a.length),
  };
}

function selectorFirst(a: Sidecar, b: Sidecar): number {
  return Number(a.spec.workloadSelector === undefined) - Number(b.spec.workloadSelector === undefined);
}

/** The age that Kubernetes knows; resources from files have none and are taken in order of their names. */
function olderFirst({ metadata: a }: MeshObject, { metadata: b }: MeshObject): number {
  return (
    compare(a.creationTimestamp ?? '', b.creationTimestamp ?? '') ||
    compare(a.namespace, b.namespace) ||
    compare(a.name, b.name)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function getOrAdd<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
