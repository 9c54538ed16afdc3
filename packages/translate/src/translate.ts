import { TranslationCache } from './cache.ts';
import { outboundClusters } from './core/clusters.ts';
import { inboundPorts } from './core/inbound-ports.ts';
import { inboundResources } from './core/listeners-inbound.ts';
import { outboundListeners } from './core/listeners-outbound.ts';
import { meshIndex } from './core/mesh-index.ts';
import { outboundRoutes } from './core/routes.ts';
import { scopeOf } from './core/scope.ts';
import type { MeshSnapshot, NamedResource, ProxyNode, ProxyResources } from './input.ts';
import { Notes } from './notes.ts';
import { RPC_OPTIONS_TYPE_URL } from './policies/rpc/rpc.ts';

/**
 * Everything that a proxy is told, made from the mesh as it is. A pure function: equal input gives equal bytes, and the
 * cache only saves work. Keep one cache for all proxies and all snapshots.
 */
export function translate(
  proxy: ProxyNode,
  snapshot: MeshSnapshot,
  cache: TranslationCache = new TranslationCache(),
): ProxyResources {
  const { scope, sidecar } = scopeOf(proxy, snapshot, cache);
  const notes = new Notes();
  const {
    clusters,
    endpoints,
    notes: clusterNotes,
  } = outboundClusters(scope, proxy.typeUrls.has(RPC_OPTIONS_TYPE_URL), cache);
  notes.addAll(scope.notes);
  notes.addAll(clusterNotes);
  const unsupported = whyWithoutListeners(proxy);
  if (unsupported !== undefined) {
    notes.add(`Proxy ${proxy.id}`, unsupported);
    return { clusters, endpoints, listeners: [], routes: [], notes: notes.list() };
  }
  const ports = inboundPorts(proxy, sidecar, meshIndex(snapshot), notes);
  const inbound = ports.map((port) => inboundResources(port, proxy, snapshot.mesh, cache));
  const routes = outboundRoutes(scope, cache);
  notes.addAll(routes.notes);
  const outbound = outboundListeners(proxy, scope, ports, cache, notes);
  return {
    clusters: inbound.length === 0 ? clusters : [...clusters, ...inbound.map(({ cluster }) => cluster)],
    endpoints,
    listeners: [...outbound.listeners, ...inbound.map(({ listener }) => listener)],
    routes: [
      ...outbound.routeNames.map((name) => routes.byName.get(name)!),
      ...inbound.map(({ route }) => route).filter((route): route is NamedResource => route !== undefined),
    ],
    notes: notes.list(),
  };
}

function whyWithoutListeners({ type, interceptionMode }: ProxyNode): string | undefined {
  if (type === 'router') return 'gateways get no listeners yet';
  if (interceptionMode === 'NONE') return undefined;
  return `INTERCEPTION_MODE ${interceptionMode} is not supported yet, so there are no listeners; NONE is`;
}
