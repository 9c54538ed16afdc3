import type {
  HedgePolicy,
  RedirectAction,
  RouteAction,
  RouteAction_MaxStreamDuration,
  RouteAction_RequestMirrorPolicy,
  RouteAction_UpgradeConfig,
  WeightedCluster_ClusterWeight,
} from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import {
  RouteAction_ClusterNotFoundResponseCode as ClusterMissing,
  RouteAction_InternalRedirectAction as InternalRedirect,
  RedirectAction_RedirectResponseCode as RedirectCode,
} from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import type {
  ForwardConfig,
  MirrorConfig,
  RedirectConfig,
  RouteUpgradeConfig,
  StreamDurationConfig,
  WeightedClusterConfig,
} from '@sofamesh/proxy/config/route';
import type { RouteContext } from './context.ts';
import { durationMs, FieldError, mapAt, present, snake } from './fields.ts';
import { readHashPolicy, readRegexRewrite } from './hash-policy.ts';
import { readMutations } from './header-mutation.ts';
import { readInternalRedirect } from './internal-redirect.ts';
import { readRetry } from './retry.ts';
import { readFilterConfigs } from './route-filters.ts';
import { partsPerMillion } from './route-match.ts';

const defaultTimeoutMs = 15_000;

/** They change where a request goes: a route that needs one must not do without. */
const refused = ['pathRewritePolicy', 'retryPolicyTypedConfig'] as const;

/** Reads `envoy.config.route.v3.RouteAction`. */
export function readForward(action: RouteAction, path: string, context: RouteContext): ForwardConfig {
  const { clusterSpecifier: target } = action;
  for (const field of refused) {
    if (action[field] !== undefined) throw new FieldError(`${path}.${snake(field)}`, present, 'is not supported');
  }
  if (action.internalRedirectAction === InternalRedirect.HANDLE_INTERNAL_REDIRECT) {
    throw new FieldError(`${path}.internal_redirect_action`, 'HANDLE_INTERNAL_REDIRECT', 'is not supported');
  }
  warnOfHedging(action.hedgePolicy, path, context);
  return {
    kind: 'forward',
    clusters: readClusters(action, path, context),
    clusterHeader: target.case === 'clusterHeader' ? target.value.toLowerCase() : undefined,
    // Envoy: a limit on the whole stream stands in for the timeout.
    timeoutMs: action.maxStreamDuration ? 0 : durationMs(action.timeout, defaultTimeoutMs, `${path}.timeout`),
    idleTimeoutMs: action.idleTimeout && durationMs(action.idleTimeout, 0, `${path}.idle_timeout`),
    retry: readRetry(action.retryPolicy, `${path}.retry_policy`, context),
    prefixRewrite: action.prefixRewrite === '' ? undefined : action.prefixRewrite,
    regexRewrite: action.regexRewrite && readRegexRewrite(action.regexRewrite, `${path}.regex_rewrite`),
    hostRewrite: readHostRewrite(action.hostRewriteSpecifier, path),
    hashPolicy: mapAt(action.hashPolicy, `${path}.hash_policy`, readHashPolicy),
    ...(action.appendXForwardedHost && { appendForwardedHost: true }),
    ...readClusterMissing(action, path),
    ...(action.maxStreamDuration && {
      streamDuration: readStreamDuration(action.maxStreamDuration, `${path}.max_stream_duration`),
    }),
    ...(action.maxStreamDuration === undefined &&
      action.maxGrpcTimeout && {
        grpcTimeout: {
          longestMs: durationMs(action.maxGrpcTimeout, 0, `${path}.max_grpc_timeout`),
          offsetMs: durationMs(action.grpcTimeoutOffset, 0, `${path}.grpc_timeout_offset`),
        },
      }),
    ...(action.upgradeConfigs.length > 0 && {
      upgrades: mapAt(action.upgradeConfigs, `${path}.upgrade_configs`, readUpgrade),
    }),
    ...(action.internalRedirectPolicy && {
      internalRedirect: readInternalRedirect(action.internalRedirectPolicy, `${path}.internal_redirect_policy`),
    }),
    ...(action.requestMirrorPolicies.length > 0 && {
      mirrors: readMirrors(action.requestMirrorPolicies, `${path}.request_mirror_policies`),
    }),
  };
}

/** A try that is given up for its timeout is reset before the next one begins: slower, and with the same answer. */
export function warnOfHedging(policy: HedgePolicy | undefined, path: string, { ignored }: RouteContext): void {
  if (policy?.hedgeOnPerTryTimeout) ignored(`${path}.hedge_policy.hedge_on_per_try_timeout`);
}

const missingStatus: Readonly<Record<number, number>> = {
  [ClusterMissing.SERVICE_UNAVAILABLE]: 503,
  [ClusterMissing.NOT_FOUND]: 404,
  [ClusterMissing.INTERNAL_SERVER_ERROR]: 500,
};

function readClusterMissing({ clusterNotFoundResponseCode: code }: RouteAction, path: string) {
  const status = missingStatus[code];
  if (status === undefined) throw new FieldError(`${path}.cluster_not_found_response_code`, code, 'is not known');
  return status === 503 ? undefined : { clusterMissingStatus: status };
}

function readHostRewrite(host: RouteAction['hostRewriteSpecifier'], path: string): ForwardConfig['hostRewrite'] {
  switch (host.case) {
    case undefined:
      return undefined;
    case 'hostRewriteLiteral':
      return { literal: host.value };
    case 'hostRewriteHeader':
      return { header: host.value.toLowerCase() };
    case 'hostRewritePathRegex':
      return { path: readRegexRewrite(host.value, `${path}.host_rewrite_path_regex`) };
    case 'autoHostRewrite':
      return host.value ? 'auto' : undefined;
  }
}

function readStreamDuration(limits: RouteAction_MaxStreamDuration, path: string): StreamDurationConfig {
  const { maxStreamDuration, grpcTimeoutHeaderMax, grpcTimeoutHeaderOffset } = limits;
  return {
    durationMs: maxStreamDuration && durationMs(maxStreamDuration, 0, `${path}.max_stream_duration`),
    grpcLongestMs: grpcTimeoutHeaderMax && durationMs(grpcTimeoutHeaderMax, 0, `${path}.grpc_timeout_header_max`),
    grpcOffsetMs: durationMs(grpcTimeoutHeaderOffset, 0, `${path}.grpc_timeout_header_offset`),
  };
}

function readUpgrade(
  { upgradeType, enabled, connectConfig }: RouteAction_UpgradeConfig,
  path: string,
): RouteUpgradeConfig {
  if (upgradeType === '') throw new FieldError(`${path}.upgrade_type`, '', 'must not be empty');
  const type = upgradeType.toLowerCase();
  if (connectConfig !== undefined) {
    const at = `${path}.connect_config`;
    if (type !== 'connect') throw new FieldError(at, upgradeType, 'is for upgrade_type CONNECT only');
    if (connectConfig.proxyProtocolConfig !== undefined) {
      throw new FieldError(`${at}.proxy_protocol_config`, present, 'is not supported');
    }
  }
  return {
    type,
    enabled: enabled ?? true,
    terminates: connectConfig !== undefined,
    ...(connectConfig?.allowPost && { terminatesPost: true }),
  };
}

/** Reads `envoy.config.route.v3.RouteAction.RequestMirrorPolicy`, of a route or of all routes of a host or table. */
export function readMirrors(policies: readonly RouteAction_RequestMirrorPolicy[], path: string): MirrorConfig[] {
  return mapAt(policies, path, ({ cluster, clusterHeader, runtimeFraction, disableShadowHostSuffixAppend }, at) => {
    if (clusterHeader !== '') throw new FieldError(`${at}.cluster_header`, clusterHeader, 'is not supported');
    if (cluster === '') throw new FieldError(`${at}.cluster`, '', 'must not be empty');
    const share = runtimeFraction?.defaultValue;
    return {
      cluster,
      ppm: share === undefined ? 1_000_000 : partsPerMillion(share),
      marksHost: !disableShadowHostSuffixAppend,
    };
  });
}

function readClusters(action: RouteAction, path: string, context: RouteContext): WeightedClusterConfig[] {
  const target = action.clusterSpecifier;
  switch (target.case) {
    case 'cluster':
      checkCluster(target.value, `${path}.cluster`, context);
      return [{ name: target.value, weight: 1, headers: readMutations(undefined, path), filterConfigs: {} }];
    case 'clusterHeader':
      return [];
    case 'weightedClusters': {
      const at = `${path}.weighted_clusters.clusters`;
      if (target.value.randomValueSpecifier.case !== undefined) {
        const field = snake(target.value.randomValueSpecifier.case);
        throw new FieldError(`${path}.weighted_clusters.${field}`, present, 'is not supported');
      }
      const clusters = mapAt(target.value.clusters, at, (cluster, where) => readWeighted(cluster, where, context));
      if (!clusters.some(({ weight }) => weight > 0)) throw new FieldError(at, 0, 'the sum of weights must be above 0');
      return clusters;
    }
    default:
      throw new FieldError(path, target.case, 'must have one of cluster, weighted_clusters, cluster_header');
  }
}

function checkCluster(name: string, path: string, { clusters }: RouteContext): void {
  if (clusters?.has(name) !== false) return;
  throw new FieldError(path, name, 'is not a cluster of this configuration (validate_clusters: false allows it)');
}

function readWeighted(
  cluster: WeightedCluster_ClusterWeight,
  path: string,
  context: RouteContext,
): WeightedClusterConfig {
  if (cluster.name === '') throw new FieldError(`${path}.name`, '', 'must not be empty');
  checkCluster(cluster.name, `${path}.name`, context);
  const { hostRewriteSpecifier: host } = cluster;
  return {
    name: cluster.name,
    weight: cluster.weight ?? 0,
    headers: readMutations(cluster, path),
    filterConfigs: readFilterConfigs(cluster.typedPerFilterConfig, context.extensions, path),
    ...(host.case === 'hostRewriteLiteral' && { hostRewrite: host.value }),
  };
}

/** Reads `envoy.config.route.v3.RedirectAction`. */
export function readRedirect(action: RedirectAction, path: string): RedirectConfig {
  const { schemeRewriteSpecifier: scheme, pathRewriteSpecifier: rewrite } = action;
  const status = redirectStatus[action.responseCode];
  if (status === undefined) throw new FieldError(`${path}.response_code`, action.responseCode, 'is not known');
  return {
    kind: 'redirect',
    status,
    scheme: scheme.case === 'schemeRedirect' ? scheme.value : scheme.value ? 'https' : undefined,
    host: action.hostRedirect || undefined,
    port: action.portRedirect || undefined,
    path: rewrite.case === 'pathRedirect' ? rewrite.value : undefined,
    prefixRewrite: rewrite.case === 'prefixRewrite' ? rewrite.value : undefined,
    ...(rewrite.case === 'regexRewrite' && {
      regexRewrite: readRegexRewrite(rewrite.value, `${path}.regex_rewrite`),
    }),
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
