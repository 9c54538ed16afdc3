import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningProcess } from '../../peers/process.ts';
import { fetchText, launchProxy, readStats } from './proxy.ts';

/** A workload whose sidecar is a stock Envoy that takes everything from meshd. */
export interface EnvoyWorkload {
  name: string;
  namespace: string;
  address: string;
  labels: Record<string, string>;
}

interface DynamicListener {
  name: string;
  active_state?: { version_info?: string; listener?: ListenerConfig };
  warming_state?: object;
  error_state?: object;
}

export interface ListenerConfig {
  name: string;
  address: { socket_address: { address: string; port_value: number } };
  filter_chains?: { filters: { name: string; typed_config: Record<string, unknown> }[] }[];
}

interface ConfigSection {
  '@type': string;
  version_info?: string;
  dynamic_listeners?: DynamicListener[];
  dynamic_active_clusters?: { version_info?: string; cluster: { name: string }; error_state?: object }[];
  dynamic_warming_clusters?: object[];
  dynamic_route_configs?: { version_info?: string; route_config: { name: string }; error_state?: object }[];
}

/** A stock Envoy on meshd's ADS. */
export class XdsEnvoy {
  readonly process: RunningProcess;
  readonly admin: string;

  constructor(process: RunningProcess, admin: string) {
    this.process = process;
    this.admin = admin;
  }

  async sections(): Promise<ConfigSection[]> {
    const text = await fetchText(`${this.admin}/config_dump`);
    if (text === undefined) throw new Error(`no config dump\n${this.process.tail()}`);
    return (JSON.parse(text) as { configs: ConfigSection[] }).configs;
  }

  /** The listeners that serve, by "address:port". */
  async listeners(): Promise<Map<string, ListenerConfig>> {
    const found = new Map<string, ListenerConfig>();
    for (const { dynamic_listeners = [] } of await this.sections())
      for (const { active_state } of dynamic_listeners) {
        const listener = active_state?.listener;
        const at = listener?.address.socket_address;
        if (listener && at) found.set(`${at.address}:${at.port_value}`, listener);
      }
    return found;
  }

  /** Everything that is not as it should be in what it was sent: rejections, things without a version or still warming. */
  async complaints(): Promise<string[]> {
    const complaints: string[] = [];
    for (const [name, value] of await readStats(
      this.admin,
      /update_rejected$|lds\.update_failure$|cds\.update_failure$/,
    ))
      if (value > 0) complaints.push(`${name}: ${value}`);
    for (const section of await this.sections()) complaints.push(...complaintsAbout(section));
    return complaints;
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }
}

function complaintsAbout(section: ConfigSection): string[] {
  const complaints: string[] = [];
  const check = (kind: string, name: string, version: string | undefined, error: object | undefined) => {
    if (!version) complaints.push(`${kind} ${name} has no version`);
    if (error) complaints.push(`${kind} ${name}: ${JSON.stringify(error)}`);
  };
  for (const { name, active_state, warming_state, error_state } of section.dynamic_listeners ?? []) {
    check('listener', name, active_state?.version_info, error_state);
    if (warming_state) complaints.push(`listener ${name} is warming`);
  }
  for (const { cluster, version_info, error_state } of section.dynamic_active_clusters ?? [])
    check('cluster', cluster.name, version_info, error_state);
  for (const { route_config, version_info, error_state } of section.dynamic_route_configs ?? [])
    check('route', route_config.name, version_info, error_state);
  for (const warming of section.dynamic_warming_clusters ?? []) complaints.push(`warming: ${JSON.stringify(warming)}`);
  return complaints;
}

/** Starts an Envoy whose node is the workload; resolves when it is ready, with all that meshd had for it. */
export async function startXdsEnvoy(workload: EnvoyWorkload, meshdPort: number): Promise<XdsEnvoy> {
  const folder = mkdtempSync(join(tmpdir(), 'xds-envoy-'));
  const config = join(folder, 'bootstrap.json');
  writeFileSync(config, JSON.stringify(adsBootstrap(workload, meshdPort), null, 2));
  const { running, admin } = await launchProxy('envoy', config, folder);
  await running.until('ready', async () => (await fetchText(`${admin}/ready`))?.trim() === 'LIVE');
  return new XdsEnvoy(running, admin);
}

function adsBootstrap({ name, namespace, address, labels }: EnvoyWorkload, meshdPort: number): object {
  const at = (host: string, port: number) => ({ socket_address: { address: host, port_value: port } });
  const fromAds = { ads: {}, resource_api_version: 'V3' };
  return {
    node: {
      id: `sidecar~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`,
      cluster: `${labels['app'] ?? name}.${namespace}`,
      metadata: { NAMESPACE: namespace, WORKLOAD_NAME: name, LABELS: labels, INTERCEPTION_MODE: 'NONE' },
    },
    admin: { address: at('127.0.0.1', 0) },
    dynamic_resources: {
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
      lds_config: fromAds,
      cds_config: fromAds,
    },
    static_resources: {
      clusters: [
        {
          name: 'xds-grpc',
          type: 'STATIC',
          connect_timeout: '1s',
          load_assignment: {
            cluster_name: 'xds-grpc',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: at('127.0.0.1', meshdPort) } }] }],
          },
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        },
      ],
    },
  };
}
