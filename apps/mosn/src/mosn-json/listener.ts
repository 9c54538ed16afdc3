import type { JsonObject } from '@bufbuild/protobuf';
import { type ListenerFacts, readAccessLogs } from './access-log.ts';
import { parseHostPort, pipeAddress, socketAddress } from './envoy-json.ts';
import { type ChainContext, readFilterChains } from './filter-chains.ts';
import type { JsonFields } from './json-fields.ts';
import { readStreamFilters } from './stream-filters.ts';
import { readUdpProxy } from './stream-proxy.ts';

const idleDefaultMs = 90_000;

/** Envoy's Listener for an entry of `listeners`. Undefined: reported. */
export function readListener(listener: JsonFields, context: ChainContext): JsonObject | undefined {
  const place = readAddress(listener);
  const type = listener.text('type');
  if (type !== undefined && type !== 'ingress' && type !== 'egress') listener.refuse('type', 'must be ingress, egress');
  const name = listener.text('name') ?? listener.text('address') ?? '';
  const facts: ListenerFacts = { name, port: place?.port, type: type ?? '-' };
  const settings = {
    statPrefix: name,
    idleTimeoutMs: listener.durationMs('connection_idle_timeout') ?? idleDefaultMs,
    accessLogs: readAccessLogs(listener, facts),
    streamFilters: readStreamFilters(listener),
    ...context,
  };
  const destination = readOriginalDestination(listener);
  const inspector = listener.flag('inspector');
  const chains = listener.objects('filter_chains');
  if (chains.length !== 1) listener.refuse('filter_chains', 'must have exactly one');
  // Sockets are shared by the workers of this proxy whenever there are several.
  listener.value('reuseport');
  listener.ignore('default_read_buffer_size', 'all connections of a thread read into one buffer');
  const bound = listener.flag('bind_port');
  const [chain] = chains;
  const body =
    chain && (place?.udp ? readUdp(chain, settings) : readFilterChains(chain, { ...settings, inspector, destination }));
  listener.end('a listener');
  if (place === undefined || body === undefined) return undefined;
  return {
    name,
    address: place.address,
    ...(!bound && { bind_to_port: false }),
    ...(type !== undefined && { traffic_direction: type === 'ingress' ? 'INBOUND' : 'OUTBOUND' }),
    ...(destination !== undefined && { use_original_dst: true }),
    ...(destination === 'tproxy' && { transparent: true }),
    ...body,
  };
}

interface Place {
  readonly address: JsonObject;
  readonly port: number | undefined;
  readonly udp: boolean;
}

function readAddress(listener: JsonFields): Place | undefined {
  const text = listener.text('address');
  const network = (listener.text('network') ?? 'tcp').toLowerCase();
  if (text === undefined) {
    listener.refuse('address', 'is required');
    return undefined;
  }
  switch (network) {
    case 'unix':
      return { address: pipeAddress(text), port: undefined, udp: false };
    case 'tcp':
    case 'udp': {
      const parsed = parseHostPort(text);
      if (parsed === undefined) {
        listener.refuse('address', 'must be host:port');
        return undefined;
      }
      const udp = network === 'udp';
      const place = parsed.host === 'localhost' ? { ...parsed, host: '127.0.0.1' } : parsed;
      return { address: udp ? socketAddress(place, 'UDP') : socketAddress(place), port: place.port, udp };
    }
    default:
      listener.refuse('network', 'must be tcp, udp, unix');
      return undefined;
  }
}

/** Said in two places, of which one is enough; in files of old it is `true`. */
function readOriginalDestination(listener: JsonFields): 'redirect' | 'tproxy' | undefined {
  let found: 'redirect' | 'tproxy' | undefined;
  const own =
    listener.value('use_original_dst') === true
      ? 'redirect'
      : listener.given('use_original_dst') && listener.text('use_original_dst');
  if (own === 'redirect' || own === 'tproxy') found = own;
  else if (own !== false && own !== undefined) listener.refuse('use_original_dst', 'must be redirect, tproxy');
  for (const filter of listener.objects('listener_filters')) {
    const type = filter.text('type');
    const config = filter.object('config');
    const mode = config?.text('type') ?? 'redirect';
    config?.value('fallback_to_local');
    filter.value('go_plugin_config');
    filter.end('a listener filter');
    if (type !== 'original_dst') filter.refuse('type', 'must be original_dst');
    else if (mode === 'redirect' || mode === 'tproxy') found ??= mode;
    else config?.refuse('type', 'must be redirect, tproxy');
  }
  return found;
}

function readUdp(chain: JsonFields, settings: Parameters<typeof readUdpProxy>[1]): JsonObject | undefined {
  const [filter, ...rest] = chain.objects('filters');
  const type = filter?.text('type');
  const config = filter?.object('config');
  filter?.end('a network filter');
  for (const name of ['match', 'tls_context', 'tls_context_set']) chain.ignore(name, 'datagrams have none');
  chain.end('a filter chain');
  if (type !== 'udp_proxy' || config === undefined || rest.length > 0) {
    chain.refuse('filters', 'a UDP listener must have one udp_proxy with its config');
    return undefined;
  }
  const proxy = readUdpProxy(config, settings);
  return proxy && { listener_filters: [proxy] };
}
