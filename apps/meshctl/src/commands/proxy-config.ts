import { CodedError } from '@sofamesh/base/errors';
import { fetchPage, fetchSyncStatus } from '../meshd-client.ts';
import { type Column, type Output, type OutputFormat, print, renderTable } from '../output.ts';
import { adminPort } from '../up/sidecar-bootstrap.ts';

export const configKinds = ['all', 'bootstrap', 'clusters', 'endpoints', 'listeners', 'routes'] as const;
export type ConfigKind = (typeof configKinds)[number];

export interface ProxyConfigOptions {
  readonly kind: ConfigKind;
  /** As proxy-status prints it: `shopper.bookstore`; the part before the dot when that is unique. */
  readonly proxy: string;
  readonly meshd: string;
  /** Instead of asking meshd where the proxy is. */
  readonly admin: string | undefined;
  /** What meshd means the proxy to have, instead of what it has. */
  readonly intent: boolean;
}

/** The parts of `/config_dump` that tables are made of: Envoy's JSON, snake case. */
interface Dump {
  readonly configs: readonly Section[];
}

type Resource = { readonly name?: string } & Readonly<Record<string, unknown>>;

interface Section {
  readonly '@type': string;
  readonly [field: string]: unknown;
}

/** Where resources of a kind are in a dump: the section's message and the paths to them. */
const places: Readonly<
  Record<Exclude<ConfigKind, 'all' | 'bootstrap'>, { section: string; paths: readonly string[] }>
> = {
  clusters: {
    section: 'ClustersConfigDump',
    paths: ['static_clusters.cluster', 'dynamic_active_clusters.cluster', 'dynamic_warming_clusters.cluster'],
  },
  endpoints: {
    section: 'EndpointsConfigDump',
    paths: ['static_endpoint_configs.endpoint_config', 'dynamic_endpoint_configs.endpoint_config'],
  },
  listeners: {
    section: 'ListenersConfigDump',
    paths: ['static_listeners.listener', 'dynamic_listeners.active_state.listener'],
  },
  routes: {
    section: 'RoutesConfigDump',
    paths: ['static_route_configs.route_config', 'dynamic_route_configs.route_config'],
  },
};

/** Prints the configuration of one proxy: what is, or with `intent` what should be. */
export async function proxyConfig(options: ProxyConfigOptions, format: OutputFormat, output: Output): Promise<number> {
  const dump = JSON.parse(await fetchDump(options)) as Dump;
  const { kind } = options;
  if (kind === 'all' || kind === 'bootstrap') {
    const data =
      kind === 'all' ? dump : dump.configs.find((section) => section['@type'].endsWith('BootstrapConfigDump'));
    // There is no table of everything.
    print(output, format === 'table' ? 'yaml' : format, data ?? {}, () => []);
    return 0;
  }
  const resources = resourcesOf(dump, kind);
  print(output, format, resources, () => tables[kind](resources));
  return 0;
}

async function fetchDump({ proxy, meshd, admin, intent }: ProxyConfigOptions): Promise<string> {
  if (admin !== undefined && !intent) return fetchPage(admin, '/config_dump?include_eds', `proxy ${proxy}`);
  const { proxy: name, address } = await findProxy(proxy, meshd);
  if (intent) return fetchPage(meshd, `/debug/config_dump?proxyID=${encodeURIComponent(name)}`, 'meshd');
  return fetchPage(`http://${address}:${adminPort}`, '/config_dump?include_eds', `proxy ${name}`);
}

async function findProxy(wanted: string, meshd: string) {
  const proxies = await fetchSyncStatus(meshd);
  const found =
    proxies.find(({ proxy }) => proxy === wanted) ??
    onlyOne(
      proxies.filter(({ proxy }) => proxy.split('.')[0] === wanted),
      wanted,
    );
  if (found !== undefined) return found;
  const names = proxies.map(({ proxy }) => proxy).join(', ');
  throw new CodedError('unknown_proxy', `no proxy ${wanted} is connected to meshd; there are: ${names || 'none'}`);
}

function onlyOne<T extends { readonly proxy: string }>(found: readonly T[], wanted: string): T | undefined {
  if (found.length <= 1) return found[0];
  throw new CodedError('ambiguous', `${wanted} may be ${found.map(({ proxy }) => proxy).join(' or ')}`);
}

function resourcesOf({ configs }: Dump, kind: keyof typeof places): Resource[] {
  const { section, paths } = places[kind];
  return configs
    .filter((config) => config['@type'].endsWith(section))
    .flatMap((config) => paths.flatMap((path) => valuesAt(config, path.split('.'))))
    .map((value) => value as Resource);
}

/** All values at a path in which lists are walked through. */
function valuesAt(value: unknown, path: readonly string[]): unknown[] {
  if (Array.isArray(value)) return value.flatMap((item) => valuesAt(item, path));
  const [field, ...rest] = path;
  if (field === undefined) return value === undefined ? [] : [value];
  if (typeof value !== 'object' || value === null) return [];
  return valuesAt((value as Record<string, unknown>)[field], rest);
}

function textAt(value: unknown, path: string): string {
  return valuesAt(value, path.split('.')).join(', ');
}

const clusterColumns: readonly Column<Resource>[] = [
  { title: 'SERVICE FQDN', value: ({ name = '' }) => name.split('|')[3] || name },
  { title: 'PORT', value: ({ name = '' }) => name.split('|')[1] || '-' },
  { title: 'SUBSET', value: ({ name = '' }) => name.split('|')[2] || '-' },
  { title: 'DIRECTION', value: ({ name = '' }) => (name.includes('|') ? name.split('|')[0]! : '-') },
  { title: 'TYPE', value: (cluster) => textAt(cluster, 'type') || 'STATIC' },
];

const listenerColumns: readonly Column<Resource>[] = [
  {
    title: 'ADDRESS',
    value: (listener) => textAt(listener, 'address.socket_address.address') || textAt(listener, 'address.pipe.path'),
  },
  { title: 'PORT', value: (listener) => textAt(listener, 'address.socket_address.port_value') },
  { title: 'FILTERS', value: (listener) => textAt(listener, 'filter_chains.filters.name') },
  {
    title: 'DESTINATION',
    value: (listener) => {
      const config = 'filter_chains.filters.typed_config';
      const route =
        textAt(listener, `${config}.rds.route_config_name`) || textAt(listener, `${config}.route_config.name`);
      return route === '' ? `Cluster: ${textAt(listener, `${config}.cluster`)}` : `Route: ${route}`;
    },
  },
];

interface RouteRow {
  readonly config: string;
  readonly host: Resource;
  readonly route: Resource;
}

const routeColumns: readonly Column<RouteRow>[] = [
  { title: 'NAME', value: ({ config }) => config },
  { title: 'VIRTUAL HOST', value: ({ host }) => host.name ?? '' },
  { title: 'ROUTE', value: ({ route }) => route.name ?? '' },
  { title: 'MATCH', value: ({ route }) => matchOf(route) },
  { title: 'DESTINATION', value: ({ route }) => destinationOf(route) },
];

function matchOf(route: Resource): string {
  for (const kind of ['path', 'prefix', 'path_separated_prefix']) {
    const value = textAt(route, `match.${kind}`);
    if (value !== '') return kind === 'path' ? value : `${value}*`;
  }
  return textAt(route, 'match.safe_regex.regex') || '/*';
}

function destinationOf(route: Resource): string {
  const weighted = valuesAt(route, ['route', 'weighted_clusters', 'clusters']) as { name: string; weight?: number }[];
  if (weighted.length > 0) return weighted.map(({ name, weight = 0 }) => `${name} ${weight}`).join(', ');
  return textAt(route, 'route.cluster') || ('redirect' in route ? 'redirect' : 'direct response');
}

interface EndpointRow {
  readonly cluster: string;
  readonly endpoint: unknown;
}

const endpointColumns: readonly Column<EndpointRow>[] = [
  {
    title: 'ENDPOINT',
    value: ({ endpoint }) => {
      const at = 'endpoint.address.socket_address';
      const host = textAt(endpoint, `${at}.address`);
      return host === ''
        ? textAt(endpoint, 'endpoint.address.pipe.path')
        : `${host}:${textAt(endpoint, `${at}.port_value`)}`;
    },
  },
  { title: 'STATUS', value: ({ endpoint }) => textAt(endpoint, 'health_status') || 'HEALTHY' },
  { title: 'WEIGHT', value: ({ endpoint }) => textAt(endpoint, 'load_balancing_weight') || '1' },
  { title: 'CLUSTER', value: ({ cluster }) => cluster },
];

const tables: Readonly<Record<keyof typeof places, (resources: readonly Resource[]) => string[]>> = {
  clusters: (clusters) => renderTable(clusterColumns, clusters),
  listeners: (listeners) => renderTable(listenerColumns, listeners),
  routes: (configs) =>
    renderTable(
      routeColumns,
      configs.flatMap((config) =>
        (valuesAt(config, ['virtual_hosts']) as Resource[]).flatMap((host) =>
          (valuesAt(host, ['routes']) as Resource[]).map((route) => ({ config: config.name ?? '', host, route })),
        ),
      ),
    ),
  endpoints: (assignments) =>
    renderTable(
      endpointColumns,
      assignments.flatMap((assignment) =>
        valuesAt(assignment, ['endpoints', 'lb_endpoints']).map((endpoint) => ({
          cluster: textAt(assignment, 'cluster_name'),
          endpoint,
        })),
      ),
    ),
};
