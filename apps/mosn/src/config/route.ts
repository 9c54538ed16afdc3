import {
  type Route,
  VirtualHost_TlsRequirementType as TlsRequirement,
  type VirtualHost,
} from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import type { MirrorConfig, RouteConfig, RouteTableConfig, VirtualHostConfig } from '@sofamesh/proxy/config/route';
import type { RouteContext } from './context.ts';
import { dataOf, FieldError, mapAt, present, shown, snake } from './fields.ts';
import { readMutations } from './header-mutation.ts';
import { readRetry } from './retry.ts';
import { readForward, readMirrors, readRedirect, warnOfHedging } from './route-action.ts';
import { readFilterConfigs } from './route-filters.ts';
import { readMatch } from './route-match.ts';

/** Envoy's default; a body that is held in memory for as long as the route is there should not be large. */
const directResponseBytesMax = 4096;

/** What holds for all routes of a table, or of a virtual host. */
interface TableContext extends RouteContext {
  readonly mirrors: readonly MirrorConfig[];
  /** Of a direct response. */
  readonly bodyBytesMax: number;
}

/** Reads `envoy.config.route.v3.RouteConfiguration`. Throws a FieldError for the first field that cannot be used. */
export function readRouteTable(message: RouteConfiguration, version: string, context: RouteContext): RouteTableConfig {
  if (message.vhds !== undefined) throw new FieldError('vhds', present, 'is not supported');
  if (message.ignorePathParametersInPathMatching) {
    throw new FieldError('ignore_path_parameters_in_path_matching', 'true', 'is not supported');
  }
  const bodyBytesMax = message.maxDirectResponseBodySizeBytes ?? directResponseBytesMax;
  const mirrors = readMirrors(message.requestMirrorPolicies, 'request_mirror_policies');
  return {
    name: message.name,
    version,
    virtualHosts: mapAt(message.virtualHosts, 'virtual_hosts', (host, at) =>
      readVirtualHost(host, at, { ...context, mirrors, bodyBytesMax }),
    ),
    headers: readMutations(message, ''),
    filterConfigs: readFilterConfigs(message.typedPerFilterConfig, context.extensions, ''),
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

function readVirtualHost(host: VirtualHost, path: string, table: TableContext): VirtualHostConfig {
  if (host.domains.length === 0) throw new FieldError(`${path}.domains`, '[]', 'must not be empty');
  for (const field of refused) {
    if (host[field] !== undefined) throw new FieldError(`${path}.${snake(field)}`, present, 'is not supported');
  }
  warnOfHedging(host.hedgePolicy, path, table);
  const own = readMirrors(host.requestMirrorPolicies, `${path}.request_mirror_policies`);
  const context = own.length > 0 ? { ...table, mirrors: own } : table;
  const requireTls = tlsRequirements[host.requireTls];
  return {
    name: host.name,
    domains: host.domains,
    routes: mapAt(host.routes, `${path}.routes`, (route, at) => readRoute(route, at, context)),
    headers: readMutations(host, path),
    filterConfigs: readFilterConfigs(host.typedPerFilterConfig, context.extensions, path),
    retry: readRetry(host.retryPolicy, `${path}.retry_policy`, table),
    ...(requireTls && { requireTls }),
    ...(host.includeRequestAttemptCount && { countsAttempts: true }),
    ...(host.includeAttemptCountInResponse && { tellsAttempts: true }),
  };
}

function readRoute(route: Route, path: string, context: TableContext): RouteConfig {
  if (route.match === undefined) throw new FieldError(`${path}.match`, undefined, 'is required');
  if (route.tracing !== undefined) context.ignored(`${path}.tracing`);
  const { operation = '', propagate = true } = route.decorator ?? {};
  return {
    name: route.name,
    match: readMatch(route.match, `${path}.match`),
    action: readAction(route, path, context),
    headers: readMutations(route, path),
    filterConfigs: readFilterConfigs(route.typedPerFilterConfig, context.extensions, path),
    ...(operation !== '' && { operation: { name: operation, propagates: propagate } }),
  };
}

function readAction(route: Route, path: string, context: TableContext): RouteConfig['action'] {
  const { action } = route;
  switch (action.case) {
    case 'route': {
      const forward = readForward(action.value, `${path}.route`, context);
      const { mirrors } = context;
      return mirrors.length > 0 && forward.mirrors === undefined ? { ...forward, mirrors } : forward;
    }
    case 'redirect':
      return readRedirect(action.value, `${path}.redirect`);
    case 'directResponse': {
      const { status, body } = action.value;
      if (status < 200 || status > 599)
        throw new FieldError(`${path}.direct_response.status`, status, 'must be 200 to 599');
      const text = dataOf(body, `${path}.direct_response.body`) ?? '';
      const bytes = Buffer.byteLength(text);
      if (bytes > context.bodyBytesMax) {
        const limit = `must be at most ${context.bodyBytesMax} (max_direct_response_body_size_bytes)`;
        throw new FieldError(`${path}.direct_response.body`, shown(`${bytes} bytes`), limit);
      }
      return { kind: 'direct-response', status, body: text };
    }
    case 'nonForwardingAction':
      return { kind: 'direct-response', status: 500, body: '' };
    default:
      throw new FieldError(path, action.case, 'must have one of route, redirect, direct_response');
  }
}
