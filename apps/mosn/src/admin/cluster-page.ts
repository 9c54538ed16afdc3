import { formatAddress } from '@sofamesh/base/address';
import type { ClusterConfig, ClusterLimits } from '@sofamesh/proxy/config/cluster';
import type { ClusterStatus, EngineStatus, HostStatus } from '@sofamesh/proxy/engine-api';
import { addressJson } from './listener-page.ts';
import { type AdminPage, json, text } from './page.ts';

/** Where the page's facts come from. */
export interface ClusterFacts {
  readonly status: () => Promise<EngineStatus>;
  readonly config: (cluster: string) => ClusterConfig | undefined;
  /** Names from the bootstrap; the others came from a control plane. */
  readonly isStatic: (cluster: string) => boolean;
}

interface DescribedCluster {
  readonly status: ClusterStatus;
  readonly config: ClusterConfig | undefined;
  readonly addedViaApi: boolean;
}

/** `/clusters`, in Envoy's lines and Envoy's JSON. */
export function clusterPage({ status, config, isStatic }: ClusterFacts): AdminPage {
  return {
    path: '/clusters',
    help: 'upstream clusters and their hosts; ?format=json',
    answer: async ({ query }) => {
      const clusters = (await status()).clusters.map((one) => ({
        status: one,
        config: config(one.name),
        addedViaApi: !isStatic(one.name),
      }));
      if (query.get('format') === 'json') return json({ cluster_statuses: clusters.map(clusterJson) });
      return text(clusters.map(clusterLines).join(''));
    },
  };
}

/** Envoy's names of the circuit breakers, in its order. */
function limitsOf({ connectionsMax, pendingRequestsMax, requestsMax, retriesMax }: ClusterLimits) {
  return {
    max_connections: connectionsMax,
    max_pending_requests: pendingRequestsMax,
    max_requests: requestsMax,
    max_retries: retriesMax,
  };
}

function clusterLines({ status, config, addedViaApi }: DescribedCluster): string {
  const { name } = status;
  const facts: [string, string | number | boolean][] = [['observability_name', config?.statName ?? name]];
  for (const [limit, value] of Object.entries(config === undefined ? {} : limitsOf(config.limits))) {
    facts.push([`default_priority::${limit}`, value]);
  }
  facts.push(['added_via_api', addedViaApi]);
  if (config?.discovery.kind === 'eds') facts.push(['eds_service_name', config.discovery.serviceName]);
  for (const host of status.hosts) {
    const address = formatAddress(host.address);
    for (const [fact, value] of Object.entries(hostFacts(host))) facts.push([`${address}::${fact}`, value]);
  }
  return facts.map(([fact, value]) => `${name}::${fact}::${value}\n`).join('');
}

function countersOf(host: HostStatus) {
  return {
    cx_active: host.cxActive,
    cx_connect_fail: host.cxConnectFail,
    cx_total: host.cxTotal,
    rq_active: host.rqActive,
    rq_error: host.rqError,
    rq_success: host.rqSuccess,
    rq_timeout: host.rqTimeout,
    rq_total: host.rqTotal,
  };
}

function hostFacts(host: HostStatus): Record<string, string | number> {
  const { region, zone, subZone } = localityOf(host);
  return {
    ...countersOf(host),
    hostname: host.hostname,
    health_flags: host.healthy ? 'healthy' : '/failed_eds_health',
    weight: host.weight,
    region,
    zone,
    sub_zone: subZone,
    canary: 'false',
    priority: host.priority,
    success_rate: -1,
    local_origin_success_rate: -1,
  };
}

function localityOf({ locality }: HostStatus) {
  const [region = '', zone = '', subZone = ''] = locality.split('/');
  return { region, zone, subZone };
}

const gauges = new Set(['cx_active', 'rq_active']);

function clusterJson({ status, config, addedViaApi }: DescribedCluster): object {
  return {
    name: status.name,
    ...(addedViaApi && { added_via_api: true }),
    host_statuses: status.hosts.map(hostJson),
    ...(config !== undefined && { circuit_breakers: { thresholds: [limitsOf(config.limits)] } }),
    observability_name: config?.statName ?? status.name,
    ...(config?.discovery.kind === 'eds' && { eds_service_name: config.discovery.serviceName }),
  };
}

function hostJson(host: HostStatus): object {
  const { region, zone, subZone } = localityOf(host);
  return {
    address: addressJson(host.address),
    // 64-bit numbers are strings in the JSON of protobuf, and zeros are left out.
    stats: Object.entries(countersOf(host)).map(([name, value]) => ({
      ...(gauges.has(name) && { type: 'GAUGE' }),
      ...(value !== 0 && { value: String(value) }),
      name,
    })),
    health_status: { eds_health_status: host.healthy ? 'HEALTHY' : 'UNHEALTHY' },
    weight: host.weight,
    ...(host.hostname !== '' && { hostname: host.hostname }),
    ...(host.priority !== 0 && { priority: host.priority }),
    locality: {
      ...(region !== '' && { region }),
      ...(zone !== '' && { zone }),
      ...(subZone !== '' && { sub_zone: subZone }),
    },
  };
}
