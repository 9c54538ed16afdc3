import type { JsonObject } from '@bufbuild/protobuf';
import { nearWord } from '../config/near-word.ts';
import { optional } from './envoy-json.ts';
import { inspectors } from './inspectors.ts';
import type { JsonFields } from './json-fields.ts';
import { type ProxyFilters, type ProxySettings, readProxy } from './proxy-filter.ts';
import { readTcpProxy, type StreamChain } from './stream-proxy.ts';
import { serverTransport } from './tls-context.ts';

/** What all listeners have in common. */
export type ChainContext = Pick<ProxySettings, 'clusters' | 'routers'>;

interface ListenerSettings extends ProxySettings {
  /** TLS and plain text on one port. */
  readonly inspector: boolean;
  readonly destination: 'redirect' | 'tproxy' | undefined;
}

const ignored: Readonly<Record<string, string>> = {
  fault_inject: 'new connections are not delayed',
};
const refused: Readonly<Record<string, string>> = {
  grpc: 'is a program inside of MOSN',
  tunnel: 'there are no reverse tunnels',
  rbac: 'is not supported, and without it more would get through than this file allows',
  rpc_proxy: 'is not in MOSN any more: use proxy',
  x_proxy: 'is not in MOSN any more: use proxy',
};
const known = [
  'proxy',
  'tcp_proxy',
  'udp_proxy',
  'connection_manager',
  ...Object.keys(ignored),
  ...Object.keys(refused),
];

/**
 * A TCP listener's filter chains and what finds out which one a connection takes: MOSN has one chain, whose proxy looks for
 * the protocol itself.
 */
export function readFilterChains(chain: JsonFields, settings: ListenerSettings): JsonObject | undefined {
  const { proxies, tcpProxies, others } = readFilters(chain);
  const tls = serverTransport(chain);
  chain.ignore('match', 'MOSN does not look at it either');
  chain.end('a filter chain');
  const [proxyConfig] = proxies;
  const [tcpConfig] = tcpProxies;
  const none = proxyConfig === undefined && tcpConfig === undefined;
  if (proxies.length > 1 || tcpProxies.length > 1 || (none && !others)) {
    chain.refuse('filters', 'must have one proxy or one tcp_proxy, or a tcp_proxy behind a proxy');
  }
  if (none) return undefined;
  const tcp = tcpConfig === undefined ? [] : readTcpProxy(tcpConfig, settings);
  if (proxyConfig === undefined) return bodyOf(tcp, undefined, tls, [], settings);
  const proxy = readProxy(proxyConfig, settings);
  if (proxy === undefined || (proxy.http === undefined && proxy.rpc === undefined)) return undefined;
  const fallback = proxy.fallback ? fallbackOf(tcp, tls, chain, settings) : undefined;
  return proxyBody(proxy, fallback, tls, settings);
}

interface NetworkFilters {
  readonly proxies: readonly JsonFields[];
  readonly tcpProxies: readonly JsonFields[];
  /** There are some that are reported. */
  readonly others: boolean;
}

function readFilters(chain: JsonFields): NetworkFilters {
  let others = false;
  const proxies: JsonFields[] = [];
  const tcpProxies: JsonFields[] = [];
  for (const filter of chain.objects('filters')) {
    const type = filter.text('type');
    const config = filter.object('config');
    filter.value('go_plugin_config');
    filter.end('a network filter');
    if (type === 'connection_manager') continue;
    if (type === 'proxy' || type === 'tcp_proxy') {
      if (config === undefined) filter.refuse('config', 'is required');
      else (type === 'proxy' ? proxies : tcpProxies).push(config);
    } else {
      others = true;
      reportFilter(filter, type);
    }
  }
  return { proxies, tcpProxies, others };
}

function reportFilter(filter: JsonFields, type = ''): void {
  if (Object.hasOwn(ignored, type)) filter.warn('type', `has no effect: ${ignored[type]}`);
  else if (Object.hasOwn(refused, type)) filter.refuse('type', refused[type]!);
  else {
    const near = nearWord(type, known);
    filter.refuse('type', near === undefined ? 'is no filter of this proxy' : `is no filter; did you mean ${near}?`);
  }
}

/** Where connections go whose protocol nobody knows. */
function fallbackOf(
  tcp: readonly StreamChain[],
  tls: JsonObject | undefined,
  chain: JsonFields,
  { inspector }: ListenerSettings,
): JsonObject | undefined {
  const [only, ...rest] = tcp;
  if (only === undefined) {
    chain.warn('filters', 'fallback_for_unknown_protocol has no effect without a tcp_proxy behind the proxy');
    return undefined;
  }
  if (tls !== undefined) {
    chain.warn('filters', 'fallback_for_unknown_protocol has no effect on connections with TLS');
    if (!inspector) return undefined;
  }
  if (rest.length > 0 || Object.keys(only.match).length > 0) {
    chain.refuse('filters', 'a tcp_proxy behind a proxy cannot choose by address');
    return undefined;
  }
  return only.filter;
}

/** What the inspectors call the versions of HTTP: by a connection's first bytes, and in a TLS handshake. */
const inspectedNames = { Http1: ['http/1.0', 'http/1.1'], Http2: ['h2c'] } as const;
const negotiatedNames = { Http1: ['http/1.0', 'http/1.1'], Http2: ['h2'] } as const;
const codecNames = { Http1: 'http1', Http2: 'http2' } as const;

function proxyBody(
  { http, httpProtocols, rpc, rpcProtocols }: ProxyFilters,
  fallback: JsonObject | undefined,
  tls: JsonObject | undefined,
  settings: ListenerSettings,
): JsonObject {
  const mixed = http !== undefined && rpc !== undefined;
  const detects = (mixed || fallback !== undefined) && (tls === undefined || settings.inspector);
  const of = (filter: JsonObject | undefined, protocols: readonly string[]): StreamChain[] =>
    filter === undefined ? [] : [{ match: optional('application_protocols', [...protocols]), filter }];
  const plain = detects
    ? [
        ...of(
          http,
          httpProtocols.flatMap((name) => inspectedNames[name]),
        ),
        ...of(rpc, rpcProtocols),
      ]
    : [...of(http, []), ...of(rpc, [])];
  // Behind TLS nobody looks at the first bytes: there HTTP is what names itself in the handshake.
  const secure = [...of(http, mixed ? httpProtocols.flatMap((name) => negotiatedNames[name]) : []), ...of(rpc, [])];
  const inspected = detects ? [...httpProtocols.map((name) => codecNames[name]), ...rpcProtocols] : [];
  return bodyOf(plain, fallback, tls, inspected, settings, secure);
}

function bodyOf(
  plain: readonly StreamChain[],
  fallback: JsonObject | undefined,
  tls: JsonObject | undefined,
  protocols: readonly string[],
  { inspector, destination }: ListenerSettings,
  secure: readonly StreamChain[] = plain,
): JsonObject {
  const both = tls !== undefined && inspector;
  const chains = [
    ...(tls === undefined ? [] : secure.map((each) => chainOf(each, both ? 'tls' : undefined, tls))),
    ...(tls === undefined || both
      ? plain.map((each) => chainOf(each, both ? 'raw_buffer' : undefined, undefined))
      : []),
  ];
  return {
    ...inspectors({
      destination: destination !== undefined,
      tls: both || (tls !== undefined && secure.length > 1),
      protocols,
    }),
    ...(fallback !== undefined && { continue_on_listener_filters_timeout: true }),
    filter_chains: chains,
    ...(fallback !== undefined && { default_filter_chain: { filters: [fallback] } }),
  };
}

function chainOf(
  { match, filter }: StreamChain,
  transport: string | undefined,
  tls: JsonObject | undefined,
): JsonObject {
  const all = { ...match, ...optional('transport_protocol', transport) };
  return {
    ...(Object.keys(all).length > 0 && { filter_chain_match: all }),
    filters: [filter],
    ...optional('transport_socket', tls),
  };
}
