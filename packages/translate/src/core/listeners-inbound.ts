import { create, toBinary } from '@bufbuild/protobuf';
import { type Cluster, Cluster_DiscoveryType } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '@sofamesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import {
  RetryPolicySchema,
  RouteActionSchema,
  RouteSchema,
} from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import { type RouteConfiguration, RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import type { TranslationCache } from '../cache.ts';
import type { MeshSettings, NamedResource, ProxyNode } from '../input.ts';
import { timeoutOf } from '../policies/timeout/timeout.ts';
import { draftCluster, encodeCluster } from './cluster-draft.ts';
import { addressOf } from './endpoints.ts';
import type { InboundPort, Target } from './inbound-ports.ts';
import { encodeListener, httpManager, tcpProxy, X_PROXY_TYPE_URL, xProxy } from './listener-filters.ts';
import { inboundClusterName, inboundRpcRouteName, statPrefix } from './names.ts';
import { routeMatch } from './route-match.ts';

export interface InboundResources {
  readonly listener: NamedResource;
  readonly cluster: NamedResource;
  /** Of RPC: its routes come by RDS as the outbound ones do. */
  readonly route: NamedResource | undefined;
}

export function inboundResources(
  port: InboundPort,
  { typeUrls }: ProxyNode,
  mesh: MeshSettings,
  cache: TranslationCache,
): InboundResources {
  const speaksRpc = typeUrls.has(X_PROXY_TYPE_URL);
  const key = `inbound ${JSON.stringify(port)} ${speaksRpc} ${mesh.connectTimeoutMs} ${mesh.accessLogFile}\n${mesh.accessLogFormat}`;
  return cache.memoText(key, () => build(port, speaksRpc, mesh));
}

function build({ address, port, kind, target }: InboundPort, speaksRpc: boolean, mesh: MeshSettings): InboundResources {
  const name = inboundClusterName(port);
  const prefix = statPrefix('inbound', address, port);
  const draft = draftCluster(name, '', kind, mesh.connectTimeoutMs);
  pointAt(draft.cluster, target);
  const cluster = encodeCluster(draft);
  const withFilter = (filter: Parameters<typeof encodeListener>[3]) => encodeListener('inbound', address, port, filter);
  if (kind.kind === 'http') {
    const routes = allTo(name, name, `inbound|http|${port}`, 'reset-before-request');
    return { cluster, listener: withFilter(httpManager('inbound', prefix, routes, mesh)), route: undefined };
  }
  if (kind.kind === 'tcp' || !speaksRpc) {
    const targets = [{ cluster: name, weight: 1 }];
    return { cluster, listener: withFilter(tcpProxy(name, targets, undefined, mesh)), route: undefined };
  }
  const routeName = inboundRpcRouteName(port);
  const routes = allTo(routeName, name, routeName, undefined);
  return {
    cluster,
    listener: withFilter(xProxy('inbound', kind, prefix, routeName, mesh)),
    route: { name: routeName, bytes: toBinary(RouteConfigurationSchema, routes) },
  };
}

function pointAt(cluster: Cluster, { address, port }: Target): void {
  cluster.clusterDiscoveryType = { case: 'type', value: Cluster_DiscoveryType.STATIC };
  cluster.loadAssignment = create(ClusterLoadAssignmentSchema, {
    clusterName: cluster.name,
    endpoints: [
      { lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address: addressOf(address, port) } } }] },
    ],
  });
}

/** Deadlines and retries are the caller's business; here a request is tried again only if it surely did not arrive. */
function allTo(name: string, cluster: string, virtualHost: string, retryOn: string | undefined): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name,
    validateClusters: false,
    virtualHosts: [
      {
        name: virtualHost,
        domains: ['*'],
        routes: [
          create(RouteSchema, {
            name: 'default',
            match: routeMatch(undefined),
            action: {
              case: 'route',
              value: create(RouteActionSchema, {
                clusterSpecifier: { case: 'cluster', value: cluster },
                timeout: timeoutOf({}),
                ...(retryOn !== undefined && { retryPolicy: create(RetryPolicySchema, { retryOn, numRetries: 2 }) }),
              }),
            },
          }),
        ],
      },
    ],
  });
}
