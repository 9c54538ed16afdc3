import type { Any } from '@bufbuild/protobuf/wkt';
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
} from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import {
  FilterConfigSchema,
  type HeaderMatcher,
  type QueryParameterMatcher,
  type RedirectAction,
  RedirectAction_RedirectResponseCode as RedirectCode,
  type RetryPolicy,
  type Route,
  type RouteAction,
  type RouteMatch,
  type VirtualHost,
  type WeightedCluster_ClusterWeight,
} from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import type { StringMatcher } from '@sofamesh/api/gen/envoy/type/matcher/v3/string_pb';
import {
  FractionalPercent_DenominatorType as Denominator,
  type FractionalPercent,
} from '@sofamesh/api/gen/envoy/type/v3/percent_pb';
import type {
  DirectResponseConfig,
  ForwardConfig,
  HeaderAction,
  HeaderMatchConfig,
  HeaderMutation,
  HeaderMutations,
  PathMatchConfig,
  QueryMatchConfig,
  RedirectConfig,
  RetryConfig,
  RouteConfig,
  RouteMatchConfig,
  RouteTableConfig,
  StringMatchConfig,
  VirtualHostConfig,
  WeightedClusterConfig,
} from '@sofamesh/proxy/config/route';
import { decodeAny, type Extensions, typeNameOf } from './extensions.ts';
import { dataOf, durationMs, FieldError, mapAt, present, snake } from './fields.ts';

const defaultTimeoutMs = 15_000;

/** Reads `envoy.config.route.v3.RouteConfiguration`. Throws a FieldError for the first field that cannot be used. */
export function readRouteTable(message: RouteConfiguration, version: string, extensions: Extensions): RouteTableConfig {
  if (message.vhds !== undefined) throw new FieldError('vhds', present, 'is not supported');
  return {
    name: message.name,
    version,
    virtualHosts: mapAt(message.virtualHosts, 'virtual_hosts', (host, at) => readVirtualHost(host, at, extensions)),
    headers: readMutations(message, ''),
    filterConfigs: readFilterConfigs(message.typedPerFilterConfig, extensions, ''),
    ignorePortInHost: message.ignorePortInHostMatching,
  };
}

function readVirtualHost(host: VirtualHost, path: string, extensions: Extensions): VirtualHostConfig {
  if (host.domains.length === 0) throw new FieldError(`${path}.domains`, '[]', 'must not be empty');
  return {
    name: host.name,
    domains: host.domains,
    routes: mapAt(host.routes, `${path}.routes`, (route, at) => readRoute(route, at, extensions)),
    headers: readMutations(host, path),
    filterConfigs: readFilterConfigs(host.typedPerFilterConfig, extensions, path),
    retry: readRetry(host.retryPolicy, `${path}.retry_policy`),
  };
}

function readRoute(route: Route, path: string, extensions: Extensions): RouteConfig {
  if (route.match === undefined) throw new FieldError(`${path}.match`, undefined, 'is required');
  return {
    name: route.name,
    match: readMatch(route.match, `${path}.match`),
    action: readAction(route, path, extensions),
    headers: readMutations(route, path),
    filterConfigs: readFilterConfigs(route.typedPerFilterConfig, extensions, path),
  };
}

function readAction(
  route: Route,
  path: string,
  extensions: Extensions,
): ForwardConfig | RedirectConfig | DirectResponseConfig {
  const { action } = route;
  switch (action.case) {
    case 'route':
      return readForward(action.value, `${path}.route`, extensions);
    case 'redirect':
      return readRedirect(action.value, `${path}.redirect`);
    case 'directResponse': {
      const { status, body } = action.value;
      if (status < 200 || status > 599)
        throw new FieldError(`${path}.direct_response.status`, status, 'must be 200 to 599');
      return { kind: 'direct-response', status, body: dataOf(body, `${path}.direct_response.body`) ?? '' };
    }
    case 'nonForwardingAction':
      return { kind: 'direct-response', status: 500, body: '' };
    default:
      throw new FieldError(path, action.case, 'must have one of route, redirect, direct_response');
  }
}

function readMatch(match: RouteMatch, path: string): RouteMatchConfig {
  const { runtimeFraction } = match;
  if (match.tlsContext !== undefined) throw new FieldError(`${path}.tls_context`, present, 'is not supported');
  const grpcOnly: HeaderMatchConfig[] =
    match.grpc === undefined
      ? []
      : [
          {
            name: 'content-type',
            match: { kind: 'prefix', value: 'application/grpc', ignoreCase: true },
            invert: false,
            treatMissingAsEmpty: false,
          },
        ];
  return {
    path: readPath(match, path),
    headers: [...grpcOnly, ...mapAt(match.headers, `${path}.headers`, readHeaderMatch)],
    queryParameters: mapAt(match.queryParameters, `${path}.query_parameters`, readQueryMatch),
    fractionPpm: runtimeFraction?.defaultValue && partsPerMillion(runtimeFraction.defaultValue),
  };
}

function readPath({ pathSpecifier, caseSensitive }: RouteMatch, path: string): PathMatchConfig {
  const ignoreCase = caseSensitive === false;
  switch (pathSpecifier.case) {
    case 'prefix':
      return { kind: 'prefix', value: pathSpecifier.value, ignoreCase };
    case 'path':
      return { kind: 'exact', value: pathSpecifier.value, ignoreCase };
    case 'pathSeparatedPrefix':
      return { kind: 'separated-prefix', value: pathSpecifier.value, ignoreCase };
    case 'safeRegex':
      return { kind: 'regex', value: pathSpecifier.value.regex, ignoreCase: false };
    default:
      throw new FieldError(
        path,
        pathSpecifier.case,
        'must have one of prefix, path, safe_regex, path_separated_prefix',
      );
  }
}

function readString({ matchPattern, ignoreCase }: StringMatcher, path: string): StringMatchConfig {
  switch (matchPattern.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains':
      return { kind: matchPattern.case, value: matchPattern.value, ignoreCase };
    case 'safeRegex':
      return { kind: 'regex', value: matchPattern.value.regex };
    default:
      throw new FieldError(path, matchPattern.case, 'must have one of exact, prefix, suffix, contains, safe_regex');
  }
}

function readHeaderMatch(matcher: HeaderMatcher, path: string): HeaderMatchConfig {
  if (matcher.name === '') throw new FieldError(`${path}.name`, '', 'must not be empty');
  return {
    name: matcher.name.toLowerCase(),
    match: readHeaderCondition(matcher, path),
    invert: matcher.invertMatch,
    treatMissingAsEmpty: matcher.treatMissingHeaderAsEmpty,
  };
}

function readHeaderCondition(
  { headerMatchSpecifier: condition }: HeaderMatcher,
  path: string,
): HeaderMatchConfig['match'] {
  const text = (kind: 'exact' | 'prefix' | 'suffix' | 'contains', value: string) => ({
    kind,
    value,
    ignoreCase: false,
  });
  switch (condition.case) {
    case 'exactMatch':
      return text('exact', condition.value);
    case 'prefixMatch':
      return text('prefix', condition.value);
    case 'suffixMatch':
      return text('suffix', condition.value);
    case 'containsMatch':
      return text('contains', condition.value);
    case 'safeRegexMatch':
      return { kind: 'regex', value: condition.value.regex };
    case 'stringMatch':
      return readString(condition.value, `${path}.string_match`);
    case 'rangeMatch':
      return { kind: 'range', start: Number(condition.value.start), end: Number(condition.value.end) };
    case 'presentMatch':
      return { kind: 'present', present: condition.value };
    case undefined:
      return { kind: 'present', present: true };
  }
}

function readQueryMatch(
  { name, queryParameterMatchSpecifier: condition }: QueryParameterMatcher,
  path: string,
): QueryMatchConfig {
  return {
    name,
    match: condition.case === 'stringMatch' ? readString(condition.value, `${path}.string_match`) : undefined,
  };
}

function readForward(action: RouteAction, path: string, extensions: Extensions): ForwardConfig {
  const { clusterSpecifier: target, hostRewriteSpecifier: host } = action;
  return {
    kind: 'forward',
    clusters: readClusters(action, path, extensions),
    clusterHeader: target.case === 'clusterHeader' ? target.value.toLowerCase() : undefined,
    timeoutMs: durationMs(action.timeout, defaultTimeoutMs, `${path}.timeout`),
    idleTimeoutMs: action.idleTimeout && durationMs(action.idleTimeout, 0, `${path}.idle_timeout`),
    retry: readRetry(action.retryPolicy, `${path}.retry_policy`),
    prefixRewrite: action.prefixRewrite === '' ? undefined : action.prefixRewrite,
    regexRewrite: action.regexRewrite && {
      pattern: action.regexRewrite.pattern?.regex ?? '',
      substitution: action.regexRewrite.substitution,
    },
    hostRewrite: readHostRewrite(host, path),
    hashPolicy: action.hashPolicy.flatMap(({ policySpecifier: policy }) =>
      policy.case === 'header' ? [{ header: policy.value.headerName.toLowerCase() }] : [],
    ),
  };
}

function readHostRewrite(host: RouteAction['hostRewriteSpecifier'], path: string): ForwardConfig['hostRewrite'] {
  switch (host.case) {
    case undefined:
      return undefined;
    case 'hostRewriteLiteral':
      return { literal: host.value };
    case 'autoHostRewrite':
      return host.value ? 'auto' : undefined;
    default:
      throw new FieldError(`${path}.${snake(host.case)}`, present, 'is not supported');
  }
}

function readClusters(action: RouteAction, path: string, extensions: Extensions): WeightedClusterConfig[] {
  const target = action.clusterSpecifier;
  switch (target.case) {
    case 'cluster':
      return [{ name: target.value, weight: 1, headers: readMutations(undefined, path), filterConfigs: {} }];
    case 'clusterHeader':
      return [];
    case 'weightedClusters': {
      const at = `${path}.weighted_clusters.clusters`;
      const clusters = mapAt(target.value.clusters, at, (cluster, where) => readWeighted(cluster, where, extensions));
      if (!clusters.some(({ weight }) => weight > 0)) throw new FieldError(at, 0, 'the sum of weights must be above 0');
      return clusters;
    }
    default:
      throw new FieldError(path, target.case, 'must have one of cluster, weighted_clusters, cluster_header');
  }
}

function readWeighted(
  cluster: WeightedCluster_ClusterWeight,
  path: string,
  extensions: Extensions,
): WeightedClusterConfig {
  if (cluster.name === '') throw new FieldError(`${path}.name`, '', 'must not be empty');
  return {
    name: cluster.name,
    weight: cluster.weight ?? 0,
    headers: readMutations(cluster, path),
    filterConfigs: readFilterConfigs(cluster.typedPerFilterConfig, extensions, path),
  };
}

function readRetry(policy: RetryPolicy | undefined, path: string): RetryConfig | undefined {
  if (policy === undefined) return undefined;
  const base = durationMs(policy.retryBackOff?.baseInterval, 25, `${path}.retry_back_off.base_interval`);
  return {
    on: policy.retryOn.split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()])),
    retriesMax: policy.numRetries ?? 1,
    perTryTimeoutMs: durationMs(policy.perTryTimeout, 0, `${path}.per_try_timeout`),
    retriableStatuses: policy.retriableStatusCodes,
    backOffBaseMs: base,
    backOffMaxMs: durationMs(policy.retryBackOff?.maxInterval, base * 10, `${path}.retry_back_off.max_interval`),
  };
}

function readRedirect(action: RedirectAction, path: string): RedirectConfig {
  const { schemeRewriteSpecifier: scheme, pathRewriteSpecifier: rewrite } = action;
  if (rewrite.case === 'regexRewrite') throw new FieldError(`${path}.regex_rewrite`, present, 'is not supported');
  return {
    kind: 'redirect',
    status: redirectStatus[action.responseCode] ?? 301,
    scheme: scheme.case === 'schemeRedirect' ? scheme.value : scheme.value ? 'https' : undefined,
    host: action.hostRedirect || undefined,
    port: action.portRedirect || undefined,
    path: rewrite.case === 'pathRedirect' ? rewrite.value : undefined,
    prefixRewrite: rewrite.case === 'prefixRewrite' ? rewrite.value : undefined,
    stripQuery: action.stripQuery,
  };
}

const redirectStatus: Readonly<Record<number, number>> = {
  [RedirectCode.MOVED_PERMANENTLY]: 301,
  [RedirectCode.FOUND]: 302,
  [RedirectCode.SEE_OTHER]: 303,
  [RedirectCode.TEMPORARY_REDIRECT]: 307,
  [RedirectCode.PERMANENT_REDIRECT]: 308,
};

/** A route configuration is a message of its own: its fields have no prefix. */
function below(path: string): string {
  return path === '' ? '' : `${path}.`;
}

interface MutationFields {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToRemove: readonly string[];
}

function readMutations(fields: MutationFields | undefined, path: string): HeaderMutations {
  return {
    request: readMutation(
      fields?.requestHeadersToAdd ?? [],
      fields?.requestHeadersToRemove ?? [],
      `${below(path)}request_headers_to_add`,
    ),
    response: readMutation(
      fields?.responseHeadersToAdd ?? [],
      fields?.responseHeadersToRemove ?? [],
      `${below(path)}response_headers_to_add`,
    ),
  };
}

function readMutation(add: readonly HeaderValueOption[], remove: readonly string[], path: string): HeaderMutation {
  return {
    add: mapAt(add, path, (option, at) => {
      const name = option.header?.key ?? '';
      if (name === '') throw new FieldError(`${at}.header.key`, '', 'must not be empty');
      return { name, value: option.header?.value ?? '', action: headerAction(option) };
    }),
    remove,
  };
}

const headerActions: Readonly<Record<number, HeaderAction>> = {
  [AppendAction.APPEND_IF_EXISTS_OR_ADD]: 'append',
  [AppendAction.ADD_IF_ABSENT]: 'add-if-absent',
  [AppendAction.OVERWRITE_IF_EXISTS_OR_ADD]: 'overwrite',
  [AppendAction.OVERWRITE_IF_EXISTS]: 'overwrite-if-exists',
};

/** The older field `append` counts when it is given. */
function headerAction({ append, appendAction }: HeaderValueOption): HeaderAction {
  if (append !== undefined) return append ? 'append' : 'overwrite';
  return headerActions[appendAction] ?? 'append';
}

function readFilterConfigs(
  configs: Readonly<Record<string, Any>>,
  extensions: Extensions,
  path: string,
): Record<string, unknown> {
  return extensions.perFilter(configs, unwrapFilterConfig, `${below(path)}typed_per_filter_config`);
}

/** `envoy.config.route.v3.FilterConfig` wraps a configuration to say that it is optional or disabled. */
function unwrapFilterConfig(any: Any): { readonly config: Any | undefined; readonly optional: boolean } {
  if (typeNameOf(any) !== FilterConfigSchema.typeName) return { config: any, optional: false };
  const { config, isOptional } = decodeAny(FilterConfigSchema, any, 'typed_per_filter_config');
  return { config, optional: isOptional };
}

const millionths: Readonly<Record<number, number>> = {
  [Denominator.HUNDRED]: 10_000,
  [Denominator.TEN_THOUSAND]: 100,
  [Denominator.MILLION]: 1,
};

function partsPerMillion({ numerator, denominator }: FractionalPercent): number {
  return numerator * (millionths[denominator] ?? 0);
}
