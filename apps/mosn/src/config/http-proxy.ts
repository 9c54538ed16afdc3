import { HttpProtocolOptions_HeadersWithUnderscoresAction as Underscores } from '@sofamesh/api/gen/envoy/config/core/v3/protocol_pb';
import {
  HttpConnectionManager_CodecType as CodecType,
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  HttpConnectionManager_ForwardClientCertDetails as ForwardClientCert,
  type HttpConnectionManager,
  type HttpFilter,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
  type HttpConnectionManager_UpgradeConfig as UpgradeConfig,
} from '@sofamesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { defaultCodecLimits } from '@sofamesh/contract/protocol';
import type { FilterConfig } from '@sofamesh/proxy/config/extension';
import type { HttpProxyConfig } from '@sofamesh/proxy/config/listener';
import { readAccessLog } from './access-log.ts';
import type { ReadContext } from './context.ts';
import { durationMs, FieldError, mapAt, present, snake } from './fields.ts';
import { readHttp1Settings } from './http1.ts';
import { type RouteReference, readRouteSource } from './route-source.ts';

const defaultIdleTimeoutMs = 3_600_000;
const defaultStreamIdleTimeoutMs = 300_000;
const defaultDrainTimeoutMs = 5_000;
const headersKbMax = 8192;
/** Bytes of messages that have begun and are not whole, of all connections of a listener together. */
export const heldBytesMax = 64 * 1024 * 1024;

/** Fields that decide about trust or answers: a listener that needs one must not run without it. */
const refused = [
  'originalIpDetectionExtensions',
  'earlyHeaderMutationExtensions',
  'localReplyConfig',
  'pathNormalizationOptions',
] as const;
const ignored = [
  'tracing',
  'internalAddressConfig',
  'requestIdExtension',
  'proxyStatusConfig',
  'schemeHeaderTransformation',
] as const;

/** Reads `envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`. */
export function readHttpProxy(
  message: HttpConnectionManager,
  path: string,
  version: string,
  context: ReadContext,
  routes: RouteReference[],
): HttpProxyConfig {
  if (message.statPrefix === '') throw new FieldError(`${path}.stat_prefix`, '', 'must not be empty');
  refuseUnsupported(message, path);
  for (const field of ignored) if (message[field] !== undefined) context.ignored(`${path}.${snake(field)}`);
  const common = message.commonHttpProtocolOptions;
  const at = (field: string) => `${path}.${field}`;
  return {
    kind: 'http',
    statPrefix: message.statPrefix,
    codec: readCodec(message.codecType, at('codec_type')),
    routes: readRouteSource(message.routeSpecifier, path, version, context, routes),
    filters: readHttpFilters(message.httpFilters, at('http_filters'), context),
    accessLogs: mapAt(message.accessLog, at('access_log'), readAccessLog),
    limits: {
      headBytesMax: readHeadersKb(message, at('max_request_headers_kb')) * 1024,
      headerCountMax: common?.maxHeadersCount ?? defaultCodecLimits.headerCountMax,
      frameBytesMax: defaultCodecLimits.frameBytesMax,
      streamsMax: message.http2ProtocolOptions?.maxConcurrentStreams ?? defaultCodecLimits.streamsMax,
    },
    codecSettings: readHttp1Settings(message.httpProtocolOptions),
    idleTimeoutMs: durationMs(
      common?.idleTimeout,
      defaultIdleTimeoutMs,
      at('common_http_protocol_options.idle_timeout'),
    ),
    streamIdleTimeoutMs: durationMs(message.streamIdleTimeout, defaultStreamIdleTimeoutMs, at('stream_idle_timeout')),
    messageProgressTimeoutMs: durationMs(message.requestHeadersTimeout, 0, at('request_headers_timeout')),
    heldBytesMax,
    requestTimeoutMs: durationMs(message.requestTimeout, 0, at('request_timeout')),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? 0,
    serverName: message.serverName || 'mosn',
    serverHeader: serverHeaders[message.serverHeaderTransformation] ?? 'overwrite',
    generateRequestId: message.generateRequestId ?? true,
    preserveExternalRequestId: message.preserveExternalRequestId,
    useRemoteAddress: message.useRemoteAddress ?? false,
    skipXffAppend: message.skipXffAppend,
    xffTrustedHops: message.xffNumTrustedHops,
    normalizePath: message.normalizePath ?? false,
    mergeSlashes: message.mergeSlashes,
    upgrades: readUpgrades(message.upgradeConfigs, at('upgrade_configs')),
    via: message.via,
    drainTimeoutMs: durationMs(message.drainTimeout, defaultDrainTimeoutMs, at('drain_timeout')),
  };
}

/** Filters of a chain, those left out that are optional and unknown. */
export function readHttpFilters(filters: readonly HttpFilter[], path: string, context: ReadContext): FilterConfig[] {
  return mapAt(filters, path, ({ name, configType, isOptional: optional, disabled }, at) => {
    if (configType.case === 'configDiscovery')
      throw new FieldError(`${at}.config_discovery`, present, 'is not supported');
    const filter = context.extensions.filter({ name, config: configType.value, optional, disabled }, at);
    if (filter === undefined) context.ignored(`${at} (${name})`);
    return filter;
  }).filter((filter) => filter !== undefined);
}

function refuseUnsupported(message: HttpConnectionManager, path: string): void {
  const refuse = (field: string, value: unknown) => {
    throw new FieldError(`${path}.${field}`, value, 'is not supported');
  };
  for (const field of refused) {
    const value = message[field];
    if (Array.isArray(value) ? value.length > 0 : value !== undefined) refuse(snake(field), present);
  }
  if (message.pathWithEscapedSlashesAction > EscapedSlashes.KEEP_UNCHANGED) {
    refuse('path_with_escaped_slashes_action', nameOf(EscapedSlashes, message.pathWithEscapedSlashesAction));
  }
  if (message.forwardClientCertDetails !== ForwardClientCert.SANITIZE) {
    refuse('forward_client_cert_details', nameOf(ForwardClientCert, message.forwardClientCertDetails));
  }
  const common = message.commonHttpProtocolOptions;
  if (common === undefined) return;
  const at = 'common_http_protocol_options';
  if (common.headersWithUnderscoresAction !== Underscores.ALLOW) {
    refuse(`${at}.headers_with_underscores_action`, nameOf(Underscores, common.headersWithUnderscoresAction));
  }
  for (const field of ['maxStreamDuration', 'maxConnectionDuration'] as const) {
    if (durationMs(common[field], 0, `${path}.${at}.${snake(field)}`) > 0) refuse(`${at}.${snake(field)}`, present);
  }
}

function nameOf(names: Readonly<Record<string, unknown>>, value: number): string {
  return Object.entries(names).find(([, other]) => other === value)?.[0] ?? String(value);
}

/** What a listener serves must have a codec in the engine, which refuses `http2` as long as it has none. */
function readCodec(type: CodecType, path: string): string {
  switch (type) {
    case CodecType.AUTO:
      return 'auto';
    case CodecType.HTTP1:
      return 'http1';
    case CodecType.HTTP2:
      return 'http2';
    default:
      throw new FieldError(path, nameOf(CodecType, type), 'is not supported');
  }
}

function readHeadersKb({ maxRequestHeadersKb }: HttpConnectionManager, path: string): number {
  if (maxRequestHeadersKb === undefined) return defaultCodecLimits.headBytesMax / 1024;
  if (maxRequestHeadersKb < 1 || maxRequestHeadersKb > headersKbMax) {
    throw new FieldError(path, maxRequestHeadersKb, `must be 1 to ${headersKbMax}`);
  }
  return maxRequestHeadersKb;
}

const serverHeaders: Readonly<Record<number, HttpProxyConfig['serverHeader']>> = {
  [ServerHeader.OVERWRITE]: 'overwrite',
  [ServerHeader.APPEND_IF_ABSENT]: 'append-if-absent',
  [ServerHeader.PASS_THROUGH]: 'pass-through',
};

function readUpgrades(configs: readonly UpgradeConfig[], path: string): string[] {
  return mapAt(configs, path, ({ upgradeType, enabled, filters }, at) => {
    if (filters.length > 0) throw new FieldError(`${at}.filters`, present, 'is not supported');
    if (upgradeType === '') throw new FieldError(`${at}.upgrade_type`, '', 'must not be empty');
    return enabled === false ? undefined : upgradeType.toLowerCase();
  }).filter((upgrade) => upgrade !== undefined);
}
