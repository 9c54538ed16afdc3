import type { JsonObject } from '@bufbuild/protobuf';
import { extension, type HostPort, message, socketAddress } from './envoy-json.ts';
import type { JsonFields } from './json-fields.ts';

const clusterName = 'prometheus_stats';

/** What a Prometheus sink becomes: a listener that passes its page on to the admin server. */
export interface MetricsPage {
  readonly listener: JsonObject;
  readonly cluster: JsonObject;
}

/** `metrics`. `admin`: where the admin server listens. */
export function readMetrics(metrics: JsonFields | undefined, admin: HostPort | undefined): MetricsPage | undefined {
  if (metrics === undefined) return undefined;
  let page: MetricsPage | undefined;
  for (const sink of metrics.objects('sinks')) {
    const type = sink.text('type');
    const config = sink.object('config');
    sink.value('go_plugin_config');
    sink.end('a metrics sink');
    if (type !== 'prometheus')
      sink.warn('type', 'has no effect: metrics are at /stats and /stats/prometheus of the admin server');
    else if (page !== undefined) sink.warn('type', 'has no effect: one page is enough');
    else if (config !== undefined) page = readPrometheus(config, admin);
  }
  metrics.ignore('stats_matcher', 'all metrics are shown; ask for some with ?filter=');
  for (const name of ['shm_zone', 'shm_size', 'flush_mosn', 'lazy_flush', 'flush_interval'])
    metrics.ignore(name, 'metrics live in the memory of the process');
  for (const name of ['sample', 'ewma']) metrics.ignore(name, 'histograms have fixed buckets');
  metrics.end('metrics');
  return page;
}

function readPrometheus(config: JsonFields, admin: HostPort | undefined): MetricsPage | undefined {
  const port = config.count('port', 65_535);
  const path = config.text('endpoint') ?? '/metrics';
  config.value('percentiles');
  for (const name of ['disable_collect_process', 'disable_collect_go']) config.value(name);
  config.end('a Prometheus sink');
  if (port === undefined) {
    config.refuse('port', 'is required');
    return undefined;
  }
  if (admin === undefined || admin.port === 0) {
    config.warn('port', 'has no effect without admin on a port of its own, whose page it passes on');
    return undefined;
  }
  const rewrite = { match: { path }, route: { cluster: clusterName, prefix_rewrite: '/stats/prometheus' } };
  const router = extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router');
  const manager = message('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'metrics',
    route_config: { virtual_hosts: [{ name: 'metrics', domains: ['*'], routes: [rewrite] }] },
    http_filters: [router],
  });
  return {
    listener: {
      name: 'metrics',
      address: socketAddress({ host: '0.0.0.0', port }),
      filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
    },
    cluster: {
      name: clusterName,
      type: 'STATIC',
      load_assignment: {
        cluster_name: clusterName,
        endpoints: [
          { lb_endpoints: [{ endpoint: { address: socketAddress({ ...admin, host: reachable(admin.host) }) } }] },
        ],
      },
    },
  };
}

/** All addresses are not one that can be connected to. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
