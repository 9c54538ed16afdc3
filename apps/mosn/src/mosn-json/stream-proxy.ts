import type { JsonObject } from '@bufbuild/protobuf';
import type { ClusterNames } from './cluster-names.ts';
import { extension, optional } from './envoy-json.ts';
import { secondsText } from './go-duration.ts';
import type { JsonFields } from './json-fields.ts';

/** MOSN tries at most so many hosts. */
const connectAttempts = 3;
const udpIdleMs = 5000;
const tcpProxy = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
const udpProxy = 'envoy.extensions.filters.udp.udp_proxy.v3';

export interface StreamChain {
  readonly match: JsonObject;
  readonly filter: JsonObject;
}

interface StreamSettings {
  readonly statPrefix: string;
  /** Of the listener. */
  readonly idleTimeoutMs: number;
  readonly accessLogs: readonly JsonObject[];
  readonly clusters: ClusterNames;
}

/** `tcp_proxy`: a chain for each of its routes, or one. */
export function readTcpProxy(config: JsonFields, settings: StreamSettings): StreamChain[] {
  const { statPrefix, clusters, accessLogs } = settings;
  const cluster = config.text('cluster');
  const attempts = config.count('max_connect_attempts') || connectAttempts;
  const idleMs = config.durationMs('idle_timeout') || settings.idleTimeoutMs;
  const routes = config.objects('routes').flatMap((route) => readRoute(route));
  config.ignore('stat_prefix', 'metrics have the name of the listener');
  const filter = (name: string, path: string) =>
    extension('envoy.filters.network.tcp_proxy', tcpProxy, {
      stat_prefix: statPrefix,
      cluster: clusters.plain(name, path),
      idle_timeout: secondsText(idleMs),
      max_connect_attempts: attempts,
      ...optional('access_log', [...accessLogs]),
    });
  const chains = routes.map((route) => ({ match: route.match, filter: filter(route.cluster, route.path) }));
  const last = routes.at(-1);
  if (cluster !== undefined && (last === undefined || Object.keys(last.match).length > 0)) {
    chains.push({ match: {}, filter: filter(cluster, config.at('cluster')) });
  }
  if (chains.length === 0) config.refuse('cluster', 'cluster or routes is required');
  config.end('a TCP proxy');
  return chains;
}

interface StreamRoute {
  readonly cluster: string;
  readonly path: string;
  readonly match: JsonObject;
}

function readRoute(route: JsonFields): StreamRoute[] {
  const cluster = route.text('cluster');
  const match = {
    ...optional('source_prefix_ranges', readRanges(route, 'source_addrs')),
    ...optional('prefix_ranges', readRanges(route, 'destination_addrs')),
  };
  for (const name of ['source_port', 'destination_port']) route.refuseGiven(name, 'is not supported');
  route.end('a route');
  if (cluster !== undefined) return [{ cluster, path: route.at('cluster'), match }];
  route.refuse('cluster', 'is required');
  return [];
}

function readRanges(route: JsonFields, name: string): JsonObject[] {
  return route.texts(name).flatMap((range, at) => {
    const match = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(range);
    if (match !== null) return [{ address_prefix: match[1]!, prefix_len: Number(match[2]) }];
    route.report.refuse(`${route.at(name)}[${at}]`, range, 'must be an address with its prefix length: 10.0.0.0/8');
    return [];
  });
}

/** `udp_proxy`, the only filter of a UDP listener. */
export function readUdpProxy(config: JsonFields, settings: StreamSettings): JsonObject | undefined {
  const routes = config.objects('routes').flatMap((route) => readRoute(route));
  const cluster = config.text('cluster');
  const [only] = routes;
  const name = only?.cluster ?? cluster;
  const idleMs = config.durationMs('idle_timeout') || udpIdleMs;
  config.ignore('stat_prefix', 'metrics have the name of the listener');
  config.ignore('max_connect_attempts', 'there is nothing to connect');
  if (routes.length > 1 || routes.some(({ match }) => Object.keys(match).length > 0)) {
    config.refuse('routes', 'datagrams are not chosen by address: give one cluster');
  }
  config.end('a UDP proxy');
  if (name === undefined) {
    config.refuse('cluster', 'is required');
    return undefined;
  }
  const path = only?.path ?? config.at('cluster');
  const action = extension('route', `${udpProxy}.Route`, { cluster: settings.clusters.plain(name, path) });
  return extension('envoy.filters.udp_listener.udp_proxy', `${udpProxy}.UdpProxyConfig`, {
    stat_prefix: settings.statPrefix,
    idle_timeout: secondsText(idleMs),
    matcher: { on_no_match: { action } },
    ...optional('access_log', [...settings.accessLogs]),
  });
}
