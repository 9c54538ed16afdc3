import type { Input, RawObject } from '../../kind.ts';
import type { Destination, StringMatch } from '../parts/types.ts';
import type {
  ConnectionMatch,
  CorsPolicy,
  HeaderOperations,
  Headers,
  HttpFault,
  HttpMatch,
  HttpMirror,
  HttpRoute,
  RouteDestination,
  VirtualServiceSpec,
} from './types.ts';

/** Fills in what is absent; older spellings are turned into the newer ones. Called with what the schema has accepted. */
export function applyDefaults({ spec }: RawObject<VirtualServiceSpec>): VirtualServiceSpec {
  return {
    hosts: spec.hosts ?? [],
    gateways: spec.gateways !== undefined && spec.gateways.length > 0 ? spec.gateways : ['mesh'],
    http: (spec.http ?? []).map(httpRoute),
    tls: (spec.tls ?? []).map((route) => ({
      match: (route.match ?? []).map((match) => ({ ...connectionMatch(match), sniHosts: match.sniHosts ?? [] })),
      route: weighted(route.route),
    })),
    tcp: (spec.tcp ?? []).map((route) => ({
      match: (route.match ?? []).map(connectionMatch),
      route: weighted(route.route),
    })),
    exportTo: spec.exportTo ?? [],
  };
}

function httpRoute(route: Input<HttpRoute>): HttpRoute {
  const { redirect, fault, corsPolicy } = route;
  return {
    ...(route as HttpRoute),
    name: route.name ?? '',
    match: (route.match ?? []).map(httpMatch),
    route: weighted(route.route).map((entry, index) => ({ ...entry, headers: headers(route.route?.[index]?.headers) })),
    headers: headers(route.headers),
    mirrors: mirrors(route),
    ...(redirect === undefined ? {} : { redirect: { ...redirect, redirectCode: redirect.redirectCode || 301 } }),
    ...(fault === undefined ? {} : { fault: httpFault(fault) }),
    ...(corsPolicy === undefined ? {} : { corsPolicy: cors(corsPolicy) }),
  };
}

function httpMatch(match: Input<HttpMatch>): HttpMatch {
  const withoutHeaders: [string, StringMatch][] = [];
  for (const [name, value] of Object.entries(match.withoutHeaders ?? {})) {
    withoutHeaders.push([name, value === null || value?.regex === '*' ? {} : (value ?? {})]);
  }
  return {
    ...match,
    name: match.name ?? '',
    headers: (match.headers ?? {}) as HttpMatch['headers'],
    withoutHeaders: Object.fromEntries(withoutHeaders),
    queryParams: (match.queryParams ?? {}) as HttpMatch['queryParams'],
    ignoreUriCase: match.ignoreUriCase ?? false,
    sourceLabels: (match.sourceLabels ?? {}) as HttpMatch['sourceLabels'],
    gateways: match.gateways ?? [],
  };
}

function connectionMatch<Match extends ConnectionMatch>(match: Input<Match>): ConnectionMatch {
  const given = match as Input<ConnectionMatch>;
  return {
    ...given,
    destinationSubnets: given.destinationSubnets ?? [],
    sourceLabels: (given.sourceLabels ?? {}) as ConnectionMatch['sourceLabels'],
    gateways: given.gateways ?? [],
  };
}

/** The only destination takes everything, whatever its weight; among several, one without a weight takes nothing. */
function weighted(route: readonly Input<RouteDestination>[] | undefined): RouteDestination[] {
  const entries = route ?? [];
  return entries.map((entry) => ({
    destination: entry.destination as Destination,
    weight: entries.length === 1 ? 100 : (entry.weight ?? 0),
  }));
}

function headers(given: Input<Headers> | undefined): Headers {
  return { request: operations(given?.request), response: operations(given?.response) };
}

function operations(given: Input<HeaderOperations> | undefined): HeaderOperations {
  return {
    set: (given?.set ?? {}) as HeaderOperations['set'],
    add: (given?.add ?? {}) as HeaderOperations['add'],
    remove: given?.remove ?? [],
  };
}

function mirrors(route: Input<HttpRoute>): HttpMirror[] {
  if (route.mirror !== undefined) {
    const value = route.mirrorPercentage?.value ?? route.mirrorPercent ?? route.mirror_percent ?? 100;
    return [{ destination: route.mirror as Destination, percentage: { value } }];
  }
  return (route.mirrors ?? []).map((mirror) => ({
    destination: mirror.destination as Destination,
    percentage: { value: mirror.percentage === undefined ? 100 : (mirror.percentage.value ?? 0) },
  }));
}

/** An empty `percentage` is zero, as in protobuf; none at all is everything. */
function httpFault({ delay, abort }: Input<HttpFault>): HttpFault {
  return {
    ...(delay === undefined
      ? {}
      : {
          delay: {
            ...delay,
            percentage: { value: delay.percentage ? (delay.percentage.value ?? 0) : (delay.percent ?? 100) },
          },
        }),
    ...(abort === undefined
      ? {}
      : { abort: { ...abort, percentage: { value: abort.percentage ? (abort.percentage.value ?? 0) : 100 } } }),
  };
}

function cors(policy: Input<CorsPolicy>): CorsPolicy {
  const origins = (policy.allowOrigin ?? []).map((origin) => (origin === '*' ? { regex: '.*' } : { exact: origin }));
  return {
    ...policy,
    allowOrigins: policy.allowOrigins ?? origins,
    allowMethods: policy.allowMethods ?? [],
    allowHeaders: policy.allowHeaders ?? [],
    exposeHeaders: policy.exposeHeaders ?? [],
    unmatchedPreflights: policy.unmatchedPreflights ?? 'UNSPECIFIED',
  };
}
