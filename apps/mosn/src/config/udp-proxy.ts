import type { UdpSocketConfig } from '@sofamesh/api/gen/envoy/config/core/v3/udp_socket_config_pb';
import type { Listener } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { RouteSchema } from '@sofamesh/api/gen/envoy/extensions/filters/udp/udp_proxy/v3/route_pb';
import {
  type UdpProxyConfig as UdpProxy,
  UdpProxyConfigSchema,
} from '@sofamesh/api/gen/envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy_pb';
import type { UdpListenerConfig, UdpProxyConfig } from '@sofamesh/proxy/config/listener';
import { readAccessLog } from './access-log.ts';
import type { ReadContext } from './context.ts';
import { decodeAny, typeNameOf } from './extensions.ts';
import { durationMs, FieldError, mapAt, present, snake } from './fields.ts';

export const udpSchemas = [UdpProxyConfigSchema, RouteSchema];

const defaultDatagramBytes = 1500;
const defaultIdleTimeoutMs = 60_000;
/** Sessions of one listener in one worker; each has a socket. Those of a cluster are bounded by its circuit breaker. */
const sessionsMax = 16_384;

/** The UDP proxy of a listener whose address has protocol UDP. */
export function readUdpListener(listener: Listener, context: ReadContext): UdpListenerConfig {
  const config = listener.udpListenerConfig;
  if (config?.quicOptions !== undefined) {
    throw new FieldError('udp_listener_config.quic_options', present, 'is not supported');
  }
  const [filter, ...rest] = listener.listenerFilters;
  if (filter === undefined) throw new FieldError('listener_filters', '[]', 'a UDP listener must have one');
  const { configType } = filter;
  const at = 'listener_filters[0].typed_config';
  if (configType.case !== 'typedConfig')
    throw new FieldError(at, configType.case && snake(configType.case), 'is required');
  if (typeNameOf(configType.value) !== UdpProxyConfigSchema.typeName) {
    throw new FieldError(at, configType.value.typeUrl, `no UDP filter of this proxy reads this (${filter.name})`);
  }
  if (rest.length > 0) {
    throw new FieldError('listener_filters[1]', rest[0]?.name, 'no filter can follow the UDP proxy');
  }
  return {
    datagramBytesMax: datagramBytes(
      config?.downstreamSocketConfig,
      'udp_listener_config.downstream_socket_config',
      context,
    ),
    proxy: readUdpProxy(decodeAny(UdpProxyConfigSchema, configType.value, at), at, context),
  };
}

function datagramBytes(config: UdpSocketConfig | undefined, path: string, context: ReadContext): number {
  if (config?.preferGro === true) context.ignored(`${path}.prefer_gro`);
  const bytes = Number(config?.maxRxDatagramSize ?? defaultDatagramBytes);
  if (bytes < 1 || bytes > 65_535)
    throw new FieldError(`${path}.max_rx_datagram_size`, bytes, 'must be from 1 to 65535');
  return bytes;
}

function readUdpProxy(message: UdpProxy, path: string, context: ReadContext): UdpProxyConfig {
  if (message.statPrefix === '') throw new FieldError(`${path}.stat_prefix`, '', 'must not be empty');
  if (message.useOriginalSrcIp) throw new FieldError(`${path}.use_original_src_ip`, 'true', 'is not supported');
  if (message.tunnelingConfig !== undefined)
    throw new FieldError(`${path}.tunneling_config`, present, 'is not supported');
  if (message.sessionFilters.length > 0) throw new FieldError(`${path}.session_filters`, present, 'is not supported');
  if (message.proxyAccessLog.length > 0) context.ignored(`${path}.proxy_access_log`);
  if (message.accessLogOptions !== undefined) context.ignored(`${path}.access_log_options`);
  const idleTimeoutMs = durationMs(message.idleTimeout, defaultIdleTimeoutMs, `${path}.idle_timeout`);
  if (idleTimeoutMs === 0) throw new FieldError(`${path}.idle_timeout`, '0s', 'must be above 0');
  return {
    statPrefix: message.statPrefix,
    cluster: readCluster(message, path),
    idleTimeoutMs,
    hashSourceIp: readHash(message, path),
    perPacket: message.usePerPacketLoadBalancing,
    upstreamDatagramBytesMax: datagramBytes(message.upstreamSocketConfig, `${path}.upstream_socket_config`, context),
    sessionsMax,
    accessLogs: mapAt(message.accessLog, `${path}.access_log`, readAccessLog),
  };
}

function readHash({ hashPolicies }: UdpProxy, path: string): boolean {
  const [policy, ...rest] = hashPolicies;
  if (rest.length > 0) throw new FieldError(`${path}.hash_policies[1]`, present, 'there can be only one');
  if (policy?.policySpecifier.case === 'key') {
    // One hash for all: every session would go to one host, which is what the field is for.
    throw new FieldError(`${path}.hash_policies[0].key`, policy.policySpecifier.value, 'is not supported');
  }
  return policy?.policySpecifier.case === 'sourceIp';
}

/** `cluster`, or a matcher that has nothing but an action for everything. */
function readCluster({ routeSpecifier }: UdpProxy, path: string): string {
  if (routeSpecifier.case === 'cluster' && routeSpecifier.value !== '') return routeSpecifier.value;
  if (routeSpecifier.case !== 'matcher') throw new FieldError(path, undefined, 'must have one of cluster, matcher');
  const { matcherType, onNoMatch } = routeSpecifier.value;
  const at = `${path}.matcher`;
  if (matcherType.case !== undefined) {
    throw new FieldError(
      `${at}.${snake(matcherType.case)}`,
      present,
      'is not supported: only on_no_match with an action is',
    );
  }
  const action = onNoMatch?.onMatch.case === 'action' ? onNoMatch.onMatch.value.typedConfig : undefined;
  if (action === undefined || typeNameOf(action) !== RouteSchema.typeName) {
    throw new FieldError(`${at}.on_no_match.action`, action?.typeUrl, `must be a ${RouteSchema.typeName}`);
  }
  const { cluster } = decodeAny(RouteSchema, action, `${at}.on_no_match.action.typed_config`);
  if (cluster === '') throw new FieldError(`${at}.on_no_match.action.typed_config.cluster`, '', 'must not be empty');
  return cluster;
}
