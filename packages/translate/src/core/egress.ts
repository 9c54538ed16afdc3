import type { Service } from '@sofamesh/contract/registry';
import { hostCovers, hostsOverlap } from '@sofamesh/model/host';
import { labelsMatch } from '@sofamesh/model/labels';
import type { MeshSettings, ProxyNode } from '../input.ts';
import type { MeshIndex, Sidecar } from './mesh-index.ts';
import type { ScopedPort } from './scope.ts';

/** The Sidecar that holds for a proxy: one that selects it, else its namespace's, else the root namespace's. */
export function sidecarOf(proxy: ProxyNode, { sidecars }: MeshIndex, rootNamespace: string): Sidecar | undefined {
  const own = sidecars
    .get(proxy.namespace)
    ?.find(
      ({ spec }) => spec.workloadSelector === undefined || labelsMatch(spec.workloadSelector.labels, proxy.labels),
    );
  return own ?? withoutSelector(sidecars, rootNamespace);
}

/** What a proxy imports. A Sidecar that does not say inherits from its namespace's, then from the root namespace's. */
export function egressOf(
  sidecar: Sidecar | undefined,
  namespace: string,
  index: MeshIndex,
  rootNamespace: string,
): Imports {
  for (const candidate of inheritance(sidecar, namespace, index, rootNamespace)) {
    if (candidate.spec.egress.length > 0) return importsOf(candidate, namespace);
  }
  return everything;
}

export function outboundPolicyOf(
  sidecar: Sidecar | undefined,
  namespace: string,
  index: MeshIndex,
  mesh: MeshSettings,
): MeshSettings['outboundTrafficPolicy'] {
  for (const { spec } of inheritance(sidecar, namespace, index, mesh.rootNamespace)) {
    if (spec.outboundTrafficPolicy !== undefined) return spec.outboundTrafficPolicy.mode;
  }
  return mesh.outboundTrafficPolicy;
}

function* inheritance(
  sidecar: Sidecar | undefined,
  namespace: string,
  { sidecars }: MeshIndex,
  rootNamespace: string,
): Generator<Sidecar> {
  for (const candidate of [sidecar, withoutSelector(sidecars, namespace), withoutSelector(sidecars, rootNamespace)]) {
    if (candidate !== undefined) yield candidate;
  }
}

function withoutSelector(sidecars: MeshIndex['sidecars'], namespace: string): Sidecar | undefined {
  return sidecars.get(namespace)?.find(({ spec }) => spec.workloadSelector === undefined);
}

/** Which services and rules are imported. */
export interface Imports {
  /** Where the proxy listens for a service; empty if it is not imported. */
  listens(service: Service): readonly ScopedPort[];
  /** Whether rules of a namespace for these hosts are taken into account. */
  hasRule(namespace: string, hosts: readonly string[]): boolean;
}

const everything: Imports = {
  listens: (service) => service.ports.map((port) => ({ port, bind: '' })),
  hasRule: () => true,
};

interface Import {
  readonly namespace: string;
  readonly host: string;
  /** Undefined: all ports. */
  readonly port: number | undefined;
  readonly bind: string;
}

const imports = new WeakMap<Sidecar, Map<string, Imports>>();

function importsOf(sidecar: Sidecar, namespace: string): Imports {
  let byNamespace = imports.get(sidecar);
  if (byNamespace === undefined) imports.set(sidecar, (byNamespace = new Map()));
  let found = byNamespace.get(namespace);
  if (found === undefined) byNamespace.set(namespace, (found = new SidecarImports(sidecar, namespace)));
  return found;
}

class SidecarImports implements Imports {
  readonly #imports: readonly Import[];

  constructor({ spec }: Sidecar, ownNamespace: string) {
    this.#imports = spec.egress.flatMap(({ hosts, port, bind }) =>
      hosts.flatMap((text): Import[] => {
        const slash = text.indexOf('/');
        const namespace = slash < 0 ? '*' : text.slice(0, slash);
        if (namespace === '~') return [];
        return [
          {
            namespace: namespace === '.' ? ownNamespace : namespace,
            host: text.slice(slash + 1),
            port: port?.number,
            // A socket in the file system is no address that services could share.
            bind: bind.startsWith('unix:') ? '' : bind,
          },
        ];
      }),
    );
  }

  listens({ host, aliases, namespace, ports }: Service): readonly ScopedPort[] {
    const names = [host, ...aliases];
    const found = new Map<string, ScopedPort>();
    for (const one of this.#imports) {
      if (one.namespace !== '*' && one.namespace !== namespace) continue;
      if (!names.some((name) => hostCovers(one.host, name))) continue;
      for (const port of ports) {
        if (one.port !== undefined && one.port !== port.number) continue;
        const bind = one.port === undefined ? '' : one.bind;
        found.set(`${port.number} ${bind}`, { port, bind });
      }
    }
    return [...found.values()];
  }

  hasRule(namespace: string, hosts: readonly string[]): boolean {
    return this.#imports.some(
      (one) =>
        (one.namespace === '*' || one.namespace === namespace) && hosts.some((host) => hostsOverlap(one.host, host)),
    );
  }
}
