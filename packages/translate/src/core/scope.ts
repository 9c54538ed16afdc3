import type { Service, ServicePort } from '@sofamesh/contract/registry';
import { isVisible } from '@sofamesh/model/export-to';
import { compareHosts, hostCovers, resolveHost } from '@sofamesh/model/host';
import { type Labels, labelsMatch } from '@sofamesh/model/labels';
import type { TranslationCache } from '../cache.ts';
import type { MeshSettings, MeshSnapshot, ProxyNode, ServiceWithInstances, TranslationNote } from '../input.ts';
import { Notes } from '../notes.ts';
import { egressOf, type Imports, outboundPolicyOf, sidecarOf } from './egress.ts';
import { type DestinationRule, type MeshIndex, meshIndex, type Sidecar, type VirtualService } from './mesh-index.ts';

/** What proxies of one namespace see of the mesh: proxies with equal scopes share all that is made of it. */
export interface Scope {
  readonly namespace: string;
  readonly mesh: MeshSettings;
  readonly outboundPolicy: MeshSettings['outboundTrafficPolicy'];
  /** In the snapshot's order; one per host name. */
  readonly services: readonly ScopedService[];
  /** By host name and alias. */
  readonly byName: ReadonlyMap<string, ScopedService>;
  /** Virtual services whose hosts are no service: names that exist in rules only. */
  readonly virtualHosts: readonly { readonly host: string; readonly virtualService: VirtualService }[];
  /** Whether the proxies of this scope have these labels. Only for selectors of the snapshot's rules. */
  readonly hasLabels: (selector: Labels) => boolean;
  readonly notes: readonly TranslationNote[];
}

export interface ScopedService extends ServiceWithInstances {
  /** Its destination rules; the first one's policy counts, and the subsets of all. */
  readonly rules: readonly DestinationRule[];
  readonly virtualService: VirtualService | undefined;
  /** Where the proxy listens for it. */
  readonly listens: readonly ScopedPort[];
}

export interface ScopedPort {
  readonly port: ServicePort;
  /** IP address that a Sidecar's egress asks for; empty: the proxy's usual one. */
  readonly bind: string;
}

/** The scope of a proxy, and the Sidecar that is the proxy's own. */
export function scopeOf(
  proxy: ProxyNode,
  snapshot: MeshSnapshot,
  cache: TranslationCache,
): { readonly scope: Scope; readonly sidecar: Sidecar | undefined } {
  const index = meshIndex(snapshot);
  const sidecar = sidecarOf(proxy, index, snapshot.mesh.rootNamespace);
  const imports = egressOf(sidecar, proxy.namespace, index, snapshot.mesh.rootNamespace);
  const policy = outboundPolicyOf(sidecar, proxy.namespace, index, snapshot.mesh);
  const traits = index.selectors.map((selector) => (labelsMatch(selector, proxy.labels) ? '1' : '0')).join('');
  const scope = cache.memo('scope', [snapshot, proxy.namespace, imports, policy, traits], () =>
    buildScope(proxy, snapshot, index, imports, policy),
  );
  return { scope, sidecar };
}

function buildScope(
  { namespace, labels }: ProxyNode,
  { services, mesh }: MeshSnapshot,
  index: MeshIndex,
  imports: Imports,
  outboundPolicy: Scope['outboundPolicy'],
): Scope {
  const notes = new Notes();
  const hasLabels = (selector: Labels) => labelsMatch(selector, labels);
  const virtualServices = new VirtualServices(
    index.virtualServices.filter(
      ({ metadata, spec }) =>
        isVisible(spec.exportTo, metadata.namespace, namespace) &&
        imports.hasRule(
          metadata.namespace,
          spec.hosts.map((host) => resolveHost(host, metadata.namespace, mesh.domain)),
        ),
    ),
    mesh.domain,
    notes,
  );
  const visible = visibleServices(services, namespace, imports, notes);
  const scoped: ScopedService[] = [];
  const destinations = virtualServices.destinations();
  for (const entry of visible) {
    const { service } = entry;
    const names = [service.host, ...service.aliases];
    const listens = imports.listens(service);
    if (listens.length === 0 && !names.some((name) => destinations.has(name))) continue;
    scoped.push({
      ...entry,
      rules: rulesFor(names, service.namespace, namespace, labels, index, mesh.rootNamespace),
      virtualService: virtualServices.of(names),
      listens,
    });
  }
  const byName = new Map(scoped.map((one) => [one.service.host, one]));
  for (const one of scoped) {
    for (const alias of one.service.aliases) if (!byName.has(alias)) byName.set(alias, one);
  }
  return {
    namespace,
    mesh,
    outboundPolicy,
    services: scoped,
    byName,
    virtualHosts: virtualServices.withoutService(byName),
    hasLabels,
    notes: notes.list(),
  };
}

/** One service per host name: the namespace's own before others'. */
function visibleServices(
  services: readonly ServiceWithInstances[],
  namespace: string,
  imports: Imports,
  notes: Notes,
): Iterable<ServiceWithInstances> {
  const byHost = new Map<string, ServiceWithInstances>();
  for (const entry of services) {
    const { service } = entry;
    if (!isVisible(service.exportTo, service.namespace, namespace)) continue;
    const other = byHost.get(service.host)?.service;
    if (other === undefined) byHost.set(service.host, entry);
    else if (isCloser(service, other, namespace, imports)) byHost.set(service.host, entry);
    else if (other.namespace !== namespace) {
      notes.add(`Service ${service.namespace}/${service.host}`, `hidden by the one of namespace ${other.namespace}`);
    }
  }
  return byHost.values();
}

function isCloser(service: Service, other: Service, namespace: string, imports: Imports): boolean {
  const rank = (one: Service) => Number(imports.listens(one).length > 0) * 2 + Number(one.namespace === namespace);
  return rank(service) > rank(other);
}

/** From the client's namespace, else the service's, else the root namespace: the first that has any for the host. */
function rulesFor(
  names: readonly string[],
  serviceNamespace: string,
  clientNamespace: string,
  clientLabels: Labels,
  { destinationRules }: MeshIndex,
  rootNamespace: string,
): readonly DestinationRule[] {
  for (const namespace of new Set([clientNamespace, serviceNamespace, rootNamespace])) {
    const rules = destinationRules.get(namespace);
    if (rules === undefined) continue;
    const applies = ({ spec }: DestinationRule) =>
      isVisible(spec.exportTo, namespace, clientNamespace) &&
      (spec.workloadSelector === undefined ||
        (namespace === clientNamespace && labelsMatch(spec.workloadSelector.labels, clientLabels)));
    for (const name of names) {
      const found = rules.exact.get(name)?.filter(applies) ?? [];
      if (found.length > 0) return found;
    }
    for (const [pattern, candidates] of rules.wildcards) {
      if (!names.some((name) => hostCovers(pattern, name))) continue;
      const found = candidates.filter(applies);
      if (found.length > 0) return found;
    }
  }
  return [];
}

/** Virtual services by the hosts they are for. Of two for one host the older wins. */
class VirtualServices {
  readonly #exact = new Map<string, VirtualService>();
  readonly #wildcards = new Map<string, VirtualService>();
  readonly #all: readonly VirtualService[];
  readonly #domain: string;

  constructor(all: readonly VirtualService[], domain: string, notes: Notes) {
    this.#all = all;
    this.#domain = domain;
    for (const one of all) {
      for (const written of one.spec.hosts) {
        const host = resolveHost(written, one.metadata.namespace, domain);
        const map = host.startsWith('*') ? this.#wildcards : this.#exact;
        const winner = map.get(host);
        if (winner === undefined) map.set(host, one);
        else if (winner !== one) {
          notes.add(
            one,
            `not used for ${host}: VirtualService ${winner.metadata.namespace}/${winner.metadata.name} is`,
          );
        }
      }
    }
  }

  /** That of the most specific host that covers one of the names. */
  of(names: readonly string[]): VirtualService | undefined {
    for (const name of names) {
      const found = this.#exact.get(name);
      if (found !== undefined) return found;
    }
    let best: string | undefined;
    for (const pattern of this.#wildcards.keys()) {
      if (!names.some((name) => hostCovers(pattern, name))) continue;
      if (best === undefined || compareHosts(pattern, best) < 0) best = pattern;
    }
    return best === undefined ? undefined : this.#wildcards.get(best);
  }

  /** Every host that a route goes to. */
  destinations(): ReadonlySet<string> {
    const hosts = new Set<string>();
    for (const { spec, metadata } of this.#all) {
      for (const { route } of [...spec.http, ...spec.tcp]) {
        for (const { destination } of route) hosts.add(resolveHost(destination.host, metadata.namespace, this.#domain));
      }
    }
    return hosts;
  }

  withoutService(services: ReadonlyMap<string, ScopedService>): Scope['virtualHosts'] {
    return [...this.#exact]
      .filter(([host, { spec }]) => !services.has(host) && spec.http.length > 0)
      .map(([host, virtualService]) => ({ host, virtualService }));
  }
}
