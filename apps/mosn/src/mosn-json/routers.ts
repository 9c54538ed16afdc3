import type { JsonObject } from '@bufbuild/protobuf';
import type { ClusterNames } from './cluster-names.ts';
import { optional } from './envoy-json.ts';
import { readHeaderEdits } from './header-edits.ts';
import type { JsonFields } from './json-fields.ts';
import { readFilterOverrides } from './per-filter-config.ts';
import { readRouteAction, type Traffic } from './route-action.ts';
import { readRouteMatch } from './route-match.ts';

/** Envoy's RouteConfiguration for an entry of `routers`, for the traffic of one filter chain. `name`: of the entry. */
export function readRouterConfig(
  config: JsonFields,
  virtualHosts: readonly JsonFields[],
  traffic: Traffic,
  clusters: ClusterNames,
): JsonObject {
  const hosts = virtualHosts.map((host, at) => readVirtualHost(host, at, traffic, clusters));
  return {
    ...optional('name', config.text('router_config_name')),
    virtual_hosts: hosts,
    ...readHeaderEdits(config),
  };
}

function readVirtualHost(host: JsonFields, at: number, traffic: Traffic, clusters: ClusterNames): JsonObject {
  const name = host.text('name') ?? `host-${at}`;
  const domains = host
    .texts('domains')
    .map((domain, index) => readDomain(domain, `${host.at('domains')}[${index}]`, host));
  const routes = host.objects('routers').flatMap((router) => readRouter(router, traffic, clusters));
  if (domains.length === 0) host.refuse('domains', 'must not be empty');
  host.ignore('require_tls', 'MOSN does not look at it either');
  const fields = { name, domains, routes, ...readHeaderEdits(host), ...readFilterOverrides(host) };
  host.end('a virtual host');
  return fields;
}

/** Host, `host:port`, `*.suffix`, `*`; Envoy's domains have no wildcard for the port. */
function readDomain(domain: string, path: string, host: JsonFields): string {
  if (domain === '*:*') return '*';
  if (domain.endsWith(':*'))
    host.report.refuse(path, domain, 'a wildcard for the port is not supported: name the ports');
  return domain.toLowerCase();
}

function readRouter(router: JsonFields, traffic: Traffic, clusters: ClusterNames): JsonObject[] {
  const matches = readRouteMatch(router, traffic.calls);
  const action = readAction(router, traffic, clusters);
  router.ignore('metadata', 'nothing reads it');
  const overrides = readFilterOverrides(router);
  router.end('a router');
  return action === undefined ? [] : matches.map((match) => ({ match, ...action, ...overrides }));
}

/** MOSN answers directly before it redirects, and redirects before it routes. */
function readAction(router: JsonFields, traffic: Traffic, clusters: ClusterNames): JsonObject | undefined {
  const direct = router.object('direct_response');
  const redirect = router.object('redirect');
  const mirrors = readMirrors(router, traffic, clusters);
  if (direct === undefined && redirect === undefined) {
    const route = readRouteAction(router, traffic, clusters);
    return route && { route: { ...route.action, ...optional('request_mirror_policies', mirrors) }, ...route.edits };
  }
  if (router.given('route')) router.warn('route', 'has no effect beside direct_response or redirect, as in MOSN');
  if (direct !== undefined) {
    if (redirect !== undefined) router.warn('redirect', 'has no effect beside direct_response, as in MOSN');
    const status = direct.count('status', 599) || 200;
    const body = direct.text('body');
    direct.end('a direct response');
    return { direct_response: { status, ...(body !== undefined && { body: { inline_string: body } }) } };
  }
  return redirect && readRedirect(redirect);
}

const redirectCodes: Readonly<Record<number, string>> = {
  301: 'MOVED_PERMANENTLY',
  302: 'FOUND',
  303: 'SEE_OTHER',
  307: 'TEMPORARY_REDIRECT',
  308: 'PERMANENT_REDIRECT',
};

function readRedirect(redirect: JsonFields): JsonObject {
  const code = redirectCodes[redirect.count('response_code') || 301];
  if (code === undefined) redirect.refuse('response_code', 'must be 301, 302, 303, 307 or 308');
  const fields = {
    ...optional('response_code', code),
    ...optional('path_redirect', redirect.text('path_redirect')),
    ...optional('host_redirect', redirect.text('host_redirect')),
    ...optional('scheme_redirect', redirect.text('scheme_redirect')?.toLowerCase()),
  };
  redirect.end('a redirect');
  return { redirect: fields };
}

function readMirrors(router: JsonFields, { mirrorCopies, use }: Traffic, clusters: ClusterNames): JsonObject[] {
  const policy = router.object('request_mirror_policies');
  if (policy === undefined) return [];
  const cluster = policy.text('cluster');
  const percent = policy.count('percent', 100) ?? 0;
  policy.ignore('trace_sampled', 'MOSN does not look at it either');
  policy.end('a mirror policy');
  if (mirrorCopies === 0) {
    router.warn('request_mirror_policies', 'has no effect without the stream filter mirror, as in MOSN');
    return [];
  }
  if (cluster === undefined || percent === 0) return [];
  const name = clusters.use(cluster, use, policy.at('cluster'));
  const share = { default_value: { numerator: percent, denominator: 'HUNDRED' } };
  return Array.from({ length: mirrorCopies }, () => ({ cluster: name, runtime_fraction: share }));
}
