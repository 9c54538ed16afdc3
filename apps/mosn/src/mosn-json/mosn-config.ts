import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { BootstrapError } from '../config/bootstrap.ts';
import { readCluster } from './cluster.ts';
import { ClusterNames } from './cluster-names.ts';
import { ConfigFolders, type ReadFolder, readFolder } from './config-folders.ts';
import { type HostPort, optional, socketAddress } from './envoy-json.ts';
import { isMosnConfig } from './is-mosn-config.ts';
import { JsonFields } from './json-fields.ts';
import { readListener } from './listener.ts';
import { readMetrics } from './metrics.ts';
import { ignoreProcessSettings, ignoreServerSettings } from './process-settings.ts';
import { Report } from './report.ts';
import { RouterConfigs } from './router-configs.ts';

export interface ConvertedConfig {
  /** `envoy.config.bootstrap.v3.Bootstrap`, as JSON. */
  readonly bootstrap: JsonObject;
  /** Fields that have no effect, a line each: path, value, why. */
  readonly warnings: readonly string[];
}

/**
 * Turns MOSN's configuration (`mosn_config.json`) into an Envoy bootstrap that does the
 * same. Throws a {@link BootstrapError} with a line for each field that cannot be used. Reads nothing but the folders that
 * `clusters_configs` and `router_configs` name.
 */
export function convertMosnConfig(json: JsonValue, readFolder: ReadFolder): ConvertedConfig {
  const report = new Report();
  const root = JsonFields.of(json, '', report);
  const bootstrap = root === undefined ? {} : new MosnConfig(root, new ConfigFolders(readFolder)).convert();
  if (report.problems.length > 0) throw new BootstrapError(report.problems);
  return { bootstrap, warnings: report.warnings };
}

/** Of a file that is MOSN's; any other stays what it is. */
export function translateMosnConfig(json: JsonValue, warnings: string[]): JsonValue {
  if (!isMosnConfig(json)) return json;
  const converted = convertMosnConfig(json, readFolder);
  warnings.push(...converted.warnings);
  return converted.bootstrap;
}

class MosnConfig {
  readonly #root: JsonFields;
  readonly #folders: ConfigFolders;
  readonly #routers: RouterConfigs;

  constructor(root: JsonFields, folders: ConfigFolders) {
    this.#root = root;
    this.#folders = folders;
    this.#routers = new RouterConfigs(folders, root.given('dynamic_resources'));
  }

  convert(): JsonObject {
    const root = this.#root;
    const manager = root.object('cluster_manager');
    const clusters = manager === undefined ? [] : this.#folders.objects(manager, 'clusters', 'clusters_configs');
    const names = new ClusterNames(namesOf(clusters), this.#isOpen(), root.report);
    const listeners = this.#listeners(names);
    const admin = readAdmin(root);
    const page = readMetrics(root.object('metrics'), admin);
    const managerTls = manager?.object('tls_context');
    const converted = clusters.flatMap((cluster) => {
      const name = cluster.text('name');
      if (name !== undefined) return readCluster(cluster, managerTls, names.uses.variants(name));
      cluster.refuse('name', 'is required');
      return [];
    });
    manager?.value('cluster_pool_enable');
    if (!clusters.some((cluster) => cluster.flag('cluster_manager_tls'))) {
      manager?.ignore('tls_context', 'no cluster has cluster_manager_tls');
    }
    manager?.end('cluster_manager');
    const envoy = root.object('static_resources');
    const node = root.value('node');
    const dynamic = root.value('dynamic_resources');
    ignoreProcessSettings(root);
    root.end('this file');
    return {
      ...optional('node', node),
      ...(admin !== undefined && { admin: { address: socketAddress(admin) } }),
      static_resources: staticResources(
        envoy,
        [...listeners, ...(page === undefined ? [] : [page.listener])],
        [...converted, ...(page === undefined ? [] : [page.cluster])],
      ),
      ...optional('dynamic_resources', dynamic),
    };
  }

  /** Clusters that this file does not name may still come. */
  #isOpen(): boolean {
    return this.#root.given('dynamic_resources') || this.#root.given('static_resources');
  }

  #listeners(clusters: ClusterNames): JsonObject[] {
    const servers = this.#root.objects('servers');
    if (servers.length > 1) this.#root.refuse('servers', 'must have one');
    const [server] = servers;
    if (server === undefined) return [];
    for (const config of server.objects('routers')) this.#routers.add(config);
    const listeners = server.objects('listeners');
    for (const config of listeners.flatMap(connectionManagers)) this.#routers.add(config);
    const converted = listeners
      .map((each) => readListener(each, { clusters, routers: this.#routers }))
      .filter((each) => each !== undefined);
    warnOfUnreachable(listeners);
    this.#routers.warnOfUnused();
    ignoreServerSettings(server);
    server.end('a server');
    return converted;
  }
}

/** What is written in Envoy's form beside MOSN's is kept. */
function staticResources(
  envoy: JsonFields | undefined,
  listeners: readonly JsonValue[],
  clusters: readonly JsonValue[],
): JsonObject {
  return {
    listeners: [...listeners, ...(envoy?.list('listeners') ?? [])],
    clusters: [...clusters, ...(envoy?.list('clusters') ?? [])],
    ...optional('secrets', [...(envoy?.list('secrets') ?? [])]),
  };
}

function namesOf(clusters: readonly JsonFields[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const cluster of clusters) {
    const name = cluster.text('name');
    if (name === undefined) continue;
    if (names.has(name)) cluster.refuse('name', 'is the name of another cluster, too');
    names.add(name);
  }
  return names;
}

/** The deprecated carriers of router configurations. */
function connectionManagers(listener: JsonFields): JsonFields[] {
  return listener
    .objects('filter_chains')
    .flatMap((chain) => chain.objects('filters'))
    .filter((filter) => filter.text('type') === 'connection_manager')
    .flatMap((filter) => filter.object('config') ?? []);
}

/** As in MOSN, a listener without `bind_port` gets connections from another one only. */
function warnOfUnreachable(listeners: readonly JsonFields[]): void {
  const handsOver = listeners.some((each) => each.given('use_original_dst') || each.given('listener_filters'));
  if (handsOver) return;
  for (const each of listeners) {
    if (!each.flag('bind_port')) each.warn('bind_port', 'no connection can reach this listener: it must be true');
  }
}

function readAdmin(root: JsonFields): HostPort | undefined {
  const admin = root.object('admin');
  const address = admin?.object('address')?.object('socket_address');
  if (admin === undefined || address === undefined) return undefined;
  const host = address.text('address') ?? '0.0.0.0';
  // This part has Envoy's form, in which numbers may be texts.
  const text = address.value('port_value');
  const isText = typeof text === 'string' && /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
  const port = isText ? Number(text) : (address.count('port_value', 65_535) ?? 0);
  address.end('an address');
  admin.end('admin');
  return { host, port };
}
