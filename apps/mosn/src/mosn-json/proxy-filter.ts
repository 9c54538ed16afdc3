import type { JsonObject } from '@bufbuild/protobuf';
import type { ClusterNames } from './cluster-names.ts';
import { extension, optional } from './envoy-json.ts';
import { secondsText } from './go-duration.ts';
import type { JsonFields } from './json-fields.ts';
import { allProtocols, type HttpProtocol, type ProtocolSet, readProtocols } from './protocols.ts';
import type { RouterConfigs } from './router-configs.ts';
import type { StreamFilters } from './stream-filters.ts';
import { httpUpstream, rpcUpstream, type UpstreamAnswer, type UpstreamUse } from './upstream-use.ts';

const httpHeadKb = 8;

/** What is common to everything behind one listener. */
export interface ProxySettings {
  readonly statPrefix: string;
  readonly idleTimeoutMs: number;
  readonly accessLogs: readonly JsonObject[];
  readonly streamFilters: StreamFilters;
  readonly clusters: ClusterNames;
  readonly routers: RouterConfigs;
}

/** Envoy's network filters for one `proxy`, and what tells their connections apart. */
export interface ProxyFilters {
  readonly http: JsonObject | undefined;
  /** Empty without `http`, as the names of RPC protocols without `rpc`. */
  readonly httpProtocols: readonly HttpProtocol[];
  readonly rpc: JsonObject | undefined;
  readonly rpcProtocols: readonly string[];
  /** Whether connections of other protocols go to the next filter. */
  readonly fallback: boolean;
}

/** The network filter `proxy`. Undefined: reported. */
export function readProxy(config: JsonFields, settings: ProxySettings): ProxyFilters | undefined {
  const extend = readExtendConfig(config);
  const downstream = readProtocols(config, 'downstream_protocol', extend.subProtocol) ?? unnamed(config);
  const upstream = readProtocols(config, 'upstream_protocol', extend.subProtocol);
  const routerName = config.text('router_config_name');
  const fallback = config.flag('fallback_for_unknown_protocol');
  config.ignore('concurrency_num', 'each connection belongs to one thread');
  config.refuseGiven('router_handler_name', 'is code of another program');
  for (const name of ['name', 'validate_clusters']) config.value(name);
  config.end('a proxy');
  if (downstream === undefined) return undefined;
  const router = settings.routers.find(routerName, config);
  if (router === undefined) return undefined;
  const routes = (calls: readonly string[], use: UpstreamUse) =>
    router.read({ calls, use, mirrorCopies: settings.streamFilters.mirrorCopies }, settings.clusters);
  const httpUse = useOf(httpUpstream(upstream), downstream.http, downstream, config);
  const rpcUse = useOf(rpcUpstream(downstream.rpc, upstream), downstream.rpc, downstream, config);
  return {
    http: httpUse && connectionManager(downstream.http, routes([], httpUse), extend, settings),
    rpc: rpcUse && rpcProxy(downstream.rpc, routes(downstream.rpc, rpcUse), extend, settings),
    httpProtocols: httpUse === undefined ? [] : downstream.http,
    rpcProtocols: rpcUse === undefined ? [] : downstream.rpc,
    fallback,
  };
}

/** MOSN takes any protocol where none is named. */
function unnamed(config: JsonFields): ProtocolSet | undefined {
  return config.given('downstream_protocol') ? undefined : allProtocols;
}

/** What `Auto` would let in and cannot be sent on is not let in; what is named must be possible. */
function useOf(
  answer: UpstreamAnswer,
  protocols: readonly string[],
  { auto }: ProtocolSet,
  config: JsonFields,
): UpstreamUse | undefined {
  if (protocols.length === 0) return undefined;
  if ('use' in answer) return answer.use;
  if (auto) config.warn('downstream_protocol', `accepts no ${protocols.join(', ')}: ${answer.reason}`);
  else config.refuse('upstream_protocol', answer.reason);
  return undefined;
}

interface ExtendConfig {
  readonly subProtocol: string | undefined;
  readonly headKb: number | undefined;
  readonly boltGoAway: boolean;
}

/** By protocol, or flat as in older files. */
function readExtendConfig(config: JsonFields): ExtendConfig {
  const extend = config.object('extend_config');
  const subProtocol = extend?.text('sub_protocol');
  const own = new Map(
    ['Http1', 'Http2', 'bolt', 'boltv2', 'dubbo', 'dubbo-thrift', 'tars'].map((name) => {
      const settings = extend?.object(name);
      return [name, settings && readSettings(settings)];
    }),
  );
  const flat = extend && readSettings(extend);
  const bytes = own.get('Http1')?.headBytes ?? flat?.headBytes;
  const bolt = [own.get('bolt'), own.get('boltv2'), flat];
  return {
    subProtocol,
    headKb: bytes === undefined ? undefined : Math.ceil(bytes / 1024),
    boltGoAway: bolt.some((settings) => settings?.boltGoAway),
  };
}

function readSettings(fields: JsonFields): { readonly headBytes: number | undefined; readonly boltGoAway: boolean } {
  const headBytes = fields.count('max_header_size') || undefined;
  fields.ignore('max_request_body_size', 'bodies are passed on as they come and are not held');
  const boltGoAway = fields.flag('enable_bolt_goaway');
  fields.value('http2_use_stream');
  fields.end('extend_config');
  return { headBytes, boltGoAway };
}

const router = extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router', {
  suppress_envoy_headers: true,
});

const codecs: Readonly<Record<HttpProtocol, string>> = { Http1: 'HTTP1', Http2: 'HTTP2' };

function connectionManager(
  protocols: readonly HttpProtocol[],
  routes: JsonObject,
  { headKb }: ExtendConfig,
  { statPrefix, idleTimeoutMs, accessLogs, streamFilters }: ProxySettings,
): JsonObject {
  const [only, ...rest] = protocols;
  const single = rest.length === 0 ? only : undefined;
  const kilobytes = headKb ?? (single === 'Http1' ? httpHeadKb : undefined);
  return extension(
    'envoy.filters.network.http_connection_manager',
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    {
      stat_prefix: statPrefix,
      codec_type: single === undefined ? 'AUTO' : codecs[single],
      ...optional('max_request_headers_kb', kilobytes),
      common_http_protocol_options: { idle_timeout: secondsText(idleTimeoutMs) },
      // MOSN passes requests and answers on without a word of its own.
      generate_request_id: false,
      server_header_transformation: 'PASS_THROUGH',
      ...routes,
      http_filters: [...streamFilters.forHttp, router],
      ...optional('access_log', [...accessLogs]),
    },
  );
}

function rpcProxy(
  protocols: readonly string[],
  routes: JsonObject,
  { boltGoAway }: ExtendConfig,
  { statPrefix, idleTimeoutMs, accessLogs, streamFilters }: ProxySettings,
): JsonObject {
  return extension('mosn.filters.network.x_proxy', 'mosn.extensions.filters.network.x_proxy.v1.XProxy', {
    protocol: protocols.join(','),
    stat_prefix: statPrefix,
    idle_timeout: secondsText(idleTimeoutMs),
    ...(boltGoAway && { bolt: { send_goaway: true } }),
    ...routes,
    http_filters: [...streamFilters.forCalls, router],
    ...optional('access_log', [...accessLogs]),
  });
}
