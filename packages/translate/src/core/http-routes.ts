import { create } from '@bufbuild/protobuf';
import {
  type Route,
  type RouteAction,
  RouteActionSchema,
  RouteSchema,
  WeightedCluster_ClusterWeightSchema,
  WeightedClusterSchema,
} from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { HttpMatch, HttpRoute } from '@sofamesh/model/kinds/virtual-service/types';
import type { Labels } from '@sofamesh/model/labels';
import type { Notes } from '../notes.ts';
import { FAULT_FILTER, faultConfigOf } from '../policies/fault/fault.ts';
import { authorityOf, headerFieldsOf } from '../policies/headers/headers.ts';
import { directResponseOf, redirectOf } from '../policies/redirect/redirect.ts';
import { retryPolicyOf } from '../policies/retry/retry.ts';
import { applyRewrite } from '../policies/rewrite/rewrite.ts';
import { timeoutOf } from '../policies/timeout/timeout.ts';
import { clusterOf } from './destinations.ts';
import type { VirtualService } from './mesh-index.ts';
import { matchesEverything, routeMatch } from './route-match.ts';
import type { Scope } from './scope.ts';

export interface RouteContext {
  readonly scope: Pick<Scope, 'byName' | 'mesh' | 'namespace' | 'hasLabels'>;
  /** Of the listener. */
  readonly port: number;
  /** Calls that look like requests: they cannot be redirected. */
  readonly rpc: boolean;
  readonly notes: Notes;
}

/** The routes of a virtual service that hold for a port, in order. Empty: it has none for it. */
export function routesOf(virtualService: VirtualService, context: RouteContext): Route[] {
  const routes: Route[] = [];
  for (const [index, route] of virtualService.spec.http.entries()) {
    const matches: readonly (HttpMatch | undefined)[] = route.match.length === 0 ? [undefined] : route.match;
    for (const match of matches) {
      if (!appliesTo(match, virtualService, context)) continue;
      const message = routeOf(route, match, virtualService, index, context);
      if (message === undefined) continue;
      routes.push(message);
      if (matchesEverything(message.match!)) return routes;
    }
  }
  return routes;
}

/** The route of a service that no virtual service speaks of. */
export function defaultRoute(cluster: string, rpc: boolean): Route {
  const retryPolicy = retryPolicyOf(undefined, rpc);
  return create(RouteSchema, {
    name: 'default',
    match: routeMatch(undefined),
    action: {
      case: 'route',
      value: create(RouteActionSchema, {
        clusterSpecifier: { case: 'cluster', value: cluster },
        timeout: timeoutOf({}),
        ...(retryPolicy && { retryPolicy }),
      }),
    },
  });
}

interface CallerMatch {
  readonly gateways: readonly string[];
  readonly port?: number;
  readonly sourceLabels: Labels;
  readonly sourceNamespace?: string;
}

/** Conditions on the caller and the port are decided here; the proxy never sees them. */
export function appliesTo(
  match: CallerMatch | undefined,
  { spec }: VirtualService,
  { scope, port }: Pick<RouteContext, 'scope' | 'port'>,
): boolean {
  const gateways = match === undefined || match.gateways.length === 0 ? spec.gateways : match.gateways;
  if (!gateways.includes('mesh')) return false;
  if (match === undefined) return true;
  return (
    (match.port === undefined || match.port === port) &&
    (!match.sourceNamespace || match.sourceNamespace === scope.namespace) &&
    scope.hasLabels(match.sourceLabels)
  );
}

function routeOf(
  route: HttpRoute,
  match: HttpMatch | undefined,
  virtualService: VirtualService,
  index: number,
  context: RouteContext,
): Route | undefined {
  const action = actionOf(route, virtualService, index, context);
  if (action === undefined) return undefined;
  const fault = faultConfigOf(route.fault);
  // A single destination is no choice, and its headers are the route's: they take effect first, as Envoy orders them.
  const only = onlyDestination(route);
  return create(RouteSchema, {
    name: routeName(route, match, virtualService, index),
    match: routeMatch(match),
    action,
    ...headerFieldsOf(...(only === undefined ? [] : [only.headers]), route.headers),
    ...(fault && { typedPerFilterConfig: { [FAULT_FILTER]: fault } }),
  });
}

/** The author's name for it, or one that stays the same while the order does. */
function routeName(
  route: HttpRoute,
  match: HttpMatch | undefined,
  { metadata }: VirtualService,
  index: number,
): string {
  const name = route.name === '' ? `${metadata.name}-${index}` : route.name;
  return match === undefined || match.name === '' ? name : `${name}.${match.name}`;
}

function actionOf(
  route: HttpRoute,
  virtualService: VirtualService,
  index: number,
  context: RouteContext,
): Route['action'] | undefined {
  const { rpc, notes, port } = context;
  const leftOut = (reason: string) => notes.add(virtualService, `http[${index}] is left out: ${reason}`);
  if (route.redirect !== undefined) {
    if (!rpc) return { case: 'redirect', value: redirectOf(route.redirect, port) };
    leftOut('a call cannot be redirected');
    return undefined;
  }
  if (route.directResponse !== undefined) {
    return { case: 'directResponse', value: directResponseOf(route.directResponse) };
  }
  if (route.delegate !== undefined) {
    leftOut('delegates are not supported yet');
    return undefined;
  }
  if (route.route.length === 0) return undefined;
  if (route.mirrors.length > 0) notes.add(virtualService, `http[${index}].mirrors has no effect yet`);
  return { case: 'route', value: forward(route, virtualService, context) };
}

function forward(route: HttpRoute, virtualService: VirtualService, context: RouteContext): RouteAction {
  const retryPolicy = retryPolicyOf(route.retries, context.rpc);
  const action = create(RouteActionSchema, {
    clusterSpecifier: target(route, virtualService, context),
    timeout: timeoutOf(route),
    ...(retryPolicy && { retryPolicy }),
  });
  applyRewrite(action, route, onlyDestination(route)?.headers);
  return action;
}

function target(
  route: HttpRoute,
  virtualService: VirtualService,
  { scope, port, notes }: RouteContext,
): RouteAction['clusterSpecifier'] {
  const destinations = positive(route).map(({ destination, weight, headers }) => ({
    name: clusterOf(destination, virtualService, scope, port, notes),
    weight,
    headers,
  }));
  if (destinations.length === 1) return { case: 'cluster', value: destinations[0]!.name };
  return {
    case: 'weightedClusters',
    value: create(WeightedClusterSchema, {
      clusters: destinations.map(({ name, weight, headers }) => {
        const authority = authorityOf(headers);
        return create(WeightedCluster_ClusterWeightSchema, {
          name,
          weight,
          ...headerFieldsOf(headers),
          ...(authority !== undefined && {
            hostRewriteSpecifier: { case: 'hostRewriteLiteral' as const, value: authority },
          }),
        });
      }),
    }),
  };
}

/** Destinations that get anything at all. */
function positive({ route }: HttpRoute): HttpRoute['route'] {
  const some = route.filter(({ weight }) => weight > 0);
  return some.length === 0 ? route.slice(0, 1) : some;
}

function onlyDestination(route: HttpRoute): HttpRoute['route'][number] | undefined {
  const some = positive(route);
  return some.length === 1 ? some[0] : undefined;
}
