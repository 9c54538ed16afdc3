import {
  type Route,
  VirtualHost_TlsRequirementType as TlsRequirement,
  type VirtualHost,
} from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import type { MirrorConfig, RouteConfig, RouteTableConfig, VirtualHostConfig } from '@sofamesh/proxy/config/route';
import type { Extensions } from './extensions.ts';
import { dataOf, FieldError, mapAt, present, snake } from './fields.ts';
import { readMutations } from './header-mutation.ts';
import { readRetry } from './retry.ts';
import { readForward, readMirrors, readRedirect } from './route-action.ts';
import { readFilterConfigs } from './route-filters.ts';
import { readMatch } from './route-match.ts';

/** Reads `envoy.config.route.v3.RouteConfiguration`. Throws a FieldError for the first field that cannot be used. */
export function readRouteTable(message: RouteConfiguration, version: string, extensions: Extensions): RouteTableConfig {
  if (message.vhds !== undefined) throw new FieldError('vhds', present, 'is not supported');
  if (message.ignorePathParametersInPathMatching) {
    throw new FieldError('ignore_path_parameters_in_path_matching', 'true', 'is not supported');
  }
  const mirrors = readMirrors(message.requestMirrorPolicies, 'request_mirror_policies');
  return {
    name: message.name,
    version,
    virtualHosts: mapAt(message.virtualHosts, 'virtual_hosts', (host, at) =>
      readVirtualHost(host, at, mirrors, extensions),
    ),
    headers: readMutations(message, ''),
    filterConfigs: readFilterConfigs(message.typedPerFilterConfig, extensions, ''),
    ignorePortInHost: message.ignorePortInHostMatching,
    ...(message.internalOnlyHeaders.length > 0 && {
      internalOnlyHeaders: message.internalOnlyHeaders.map((name) => name.toLowerCase()),
    }),
    ...(message.mostSpecificHeaderMutationsWins && { mostSpecificEditsLast: true }),
  };
}

const refused = ['matcher', 'retryPolicyTypedConfig'] as const;

const tlsRequirements: Readonly<Record<number, VirtualHostConfig['requireTls']>> = {
  [TlsRequirement.EXTERNAL_ONLY]: 'external',
  [TlsRequirement.ALL]: 'all',
};

function readVirtualHost(
  host: VirtualHost,
  path: string,
  ofTable: readonly MirrorConfig[],
  extensions: Extensions,
): VirtualHostConfig {
  if (host.domains.length === 0) throw new FieldError(`${path}.domains`, '[]', 'must not be empty');
  for (const field of refused) {
    if (host[field] !== undefined) throw new FieldError(`${path}.${snake(field)}`, present, 'is not supported');
  }
  const own = readMirrors(host.requestMirrorPolicies, `${path}.request_mirror_policies`);
  const mirrors = own.length > 0 ? own : ofTable;
  const requireTls = tlsRequirements[host.requireTls];
  return {
    name: host.name,
    domains: host.domains,
    routes: mapAt(host.routes, `${path}.routes`, (route, at) => readRoute(route, at, mirrors, extensions)),
    headers: readMutations(host, path),
    filterConfigs: readFilterConfigs(host.typedPerFilterConfig, extensions, path),
    retry: readRetry(host.retryPolicy, `${path}.retry_policy`),
    ...(requireTls && { requireTls }),
    ...(host.includeRequestAttemptCount && { countsAttempts: true }),
    ...(host.includeAttemptCountInResponse && { tellsAttempts: true }),
  };
}

function readRoute(route: Route, path: string, mirrors: readonly MirrorConfig[], extensions: Extensions): RouteConfig {
  if (route.match === undefined) throw new FieldError(`${path}.match`, undefined, 'is required');
  return {
    name: route.name,
    match: readMatch(route.match, `${path}.match`),
    action: readAction(route, path, mirrors, extensions),
    headers: readMutations(route, path),
    filterConfigs: readFilterConfigs(route.typedPerFilterConfig, extensions, path),
  };
}

function readAction(
  route: Route,
  path: string,
  mirrors: readonly MirrorConfig[],
  extensions: Extensions,
): RouteConfig['action'] {
  const { action } = route;
  switch (action.case) {
    case 'route': {
      const forward = readForward(action.value, `${path}.route`, extensions);
      return mirrors.length > 0 && forward.mirrors === undefined ? { ...forward, mirrors } : forward;
    }
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
