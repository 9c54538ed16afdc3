import { HttpProtocolOptions_HeadersWithUnderscoresAction as Underscores } from '@sofamesh/api/gen/envoy/config/core/v3/protocol_pb';
import {
  HttpConnectionManager_CodecType as CodecType,
  type HttpConnectionManager,
  type HttpFilter,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
  type HttpConnectionManager_UpgradeConfig as UpgradeMessage,
} from '@sofamesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { UuidRequestIdConfigSchema } from '@sofamesh/api/gen/envoy/extensions/request_id/uuid/v3/uuid_pb';
import { defaultCodecLimits } from '@sofamesh/contract/protocol';
import type { FilterConfig } from '@sofamesh/proxy/config/extension';
import type { UpgradeConfig } from '@sofamesh/proxy/config/http-edge';
import type { HttpProxyConfig } from '@sofamesh/proxy/config/listener';
import { readAccessLog } from './access-log.ts';
import type { ReadContext } from './context.ts';
import { durationMs, FieldError, mapAt, present, snake } from './fields.ts';
import { readIdentity, readLocalReplies, readProxyStatus, readTargetForm } from './http-edge.ts';
import { readHttp1Settings } from './http1.ts';
import { readHttp2Settings, readKeepalive } from './http2.ts';
import { type RouteReference, readRouteSource } from './route-source.ts';
import { readTracing } from './tracing.ts';

const defaultIdleTimeoutMs = 3_600_000;
const defaultStreamIdleTimeoutMs = 300_000;
const defaultDrainTimeoutMs = 5_000;
const headersKbMax = 8192;
/** Bytes of messages that have begun and are not whole, of all connections of a listener together. */
export const heldBytesMax = 64 * 1024 * 1024;

/** Fields that decide about trust or answers: a listener that needs one must not run without it. */
const refused = ['earlyHeaderMutationExtensions', 'pathNormalizationOptions', 'typedHeaderValidationConfig'] as const;
const ignored = [
  'requestIdExtension',
  'accessLogFlushInterval',
  'accessLogOptions',
  'addProxyProtocolConnectionState',
] as const;

/** What istiod says of request ids; ours are UUIDs, too. Its message belongs in the JSON registry. */
export const requestIdSchemas = [UuidRequestIdConfigSchema];

/** Reads `envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`. */
export function readHttpProxy(
  message: HttpConnectionManager,
  path: string,
  context: ReadContext,
  routes: RouteReference[],
): HttpProxyConfig {
  if (message.statPrefix === '') throw new FieldError(`${path}.stat_prefix`, '', 'must not be empty');
  refuseUnsupported(message, path);
  for (const field of ignored) if (message[field] !== undefined) context.ignored(`${path}.${snake(field)}`);
  const common = message.commonHttpProtocolOptions;
  const http2 = message.http2ProtocolOptions;
  const at = (field: string) => `${path}.${field}`;
  const commonMs = (field: 'idleTimeout' | 'maxStreamDuration' | 'maxConnectionDuration', fallbackMs: number) =>
    durationMs(common?.[field], fallbackMs, at(`common_http_protocol_options.${snake(field)}`));
  const upgrades = readUpgrades(message.upgradeConfigs, at('upgrade_configs'), context);
  return {
    kind: 'http',
    statPrefix: message.statPrefix,
    codec: readCodec(message.codecType, at('codec_type')),
    routes: readRouteSource(message.routeSpecifier, path, context, routes),
    filters: readHttpFilters(message.httpFilters, at('http_filters'), context),
    accessLogs: mapAt(message.accessLog, at('access_log'), readAccessLog),
    tracing: readTracing(message.tracing, at('tracing'), context),
    limits: {
      headBytesMax: readHeadersKb(message, at('max_request_headers_kb')) * 1024,
      headerCountMax: common?.maxHeadersCount ?? defaultCodecLimits.headerCountMax,
      frameBytesMax: defaultCodecLimits.frameBytesMax,
      streamsMax: http2?.maxConcurrentStreams ?? defaultCodecLimits.streamsMax,
    },
    codecSettings: readCodecSettings(message, upgrades, path, context),
    idleTimeoutMs: commonMs('idleTimeout', defaultIdleTimeoutMs),
    streamIdleTimeoutMs: durationMs(message.streamIdleTimeout, defaultStreamIdleTimeoutMs, at('stream_idle_timeout')),
    messageProgressTimeoutMs: durationMs(message.requestHeadersTimeout, 0, at('request_headers_timeout')),
    heldBytesMax,
    requestTimeoutMs: durationMs(message.requestTimeout, 0, at('request_timeout')),
    maxStreamDurationMs: commonMs('maxStreamDuration', 0),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? 0,
    maxConnectionDurationMs: commonMs('maxConnectionDuration', 0),
    drainTimeoutMs: durationMs(message.drainTimeout, defaultDrainTimeoutMs, at('drain_timeout')),
    delayedCloseMs:
      message.delayedCloseTimeout && durationMs(message.delayedCloseTimeout, 0, at('delayed_close_timeout')),
    heartbeat: readKeepalive(http2?.connectionKeepalive, at('http2_protocol_options.connection_keepalive')),
    serverName: message.serverName || 'mosn',
    serverHeader: serverHeaders[message.serverHeaderTransformation] ?? 'overwrite',
    schemeOverwrite: readSchemeOverwrite(message, at('scheme_header_transformation')),
    schemeOfUpstream: readsSchemeOfUpstream(message),
    via: message.via,
    generateRequestId: message.generateRequestId ?? true,
    preserveExternalRequestId: message.preserveExternalRequestId,
    requestIdInResponse: message.alwaysSetRequestIdInResponse,
    userAgent: readUserAgent(message, context),
    ...readIdentity(message, path),
    ...readTargetForm(message, path),
    underscores: readUnderscores(message, at('common_http_protocol_options.headers_with_underscores_action')),
    upgrades,
    proxyStatus: readProxyStatus(message, at('proxy_status_config')),
    localReplies: message.localReplyConfig && readLocalReplies(message.localReplyConfig, at('local_reply_config')),
  };
}

function readUserAgent({ addUserAgent }: HttpConnectionManager, { node }: ReadContext): HttpProxyConfig['userAgent'] {
  if (addUserAgent !== true || node === undefined || node.cluster === '') return undefined;
  return { cluster: node.cluster, node: node.id };
}

/** Extended CONNECT is offered where a client may use it. */
function readCodecSettings(
  message: HttpConnectionManager,
  upgrades: readonly UpgradeConfig[],
  path: string,
  context: ReadContext,
): Record<string, unknown> {
  const http1 = readHttp1Settings(message.httpProtocolOptions, `${path}.http_protocol_options`, context);
  const http2 = readHttp2Settings(message.http2ProtocolOptions, `${path}.http2_protocol_options`, context);
  const allowConnect = upgrades.some(({ enabled }) => enabled);
  const { streamErrorOnInvalidHttpMessage: lenient } = message;
  const common = message.proxy100Continue ? { proxy100Continue: true } : {};
  return {
    http1: { ...common, ...http1 },
    http2: {
      ...common,
      ...(lenient !== undefined && { overrideStreamErrorOnInvalidHttpMessage: lenient }),
      ...http2,
      ...(allowConnect && { allowConnect }),
    },
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

function readSchemeOverwrite(
  { schemeHeaderTransformation: change }: HttpConnectionManager,
  path: string,
): HttpProxyConfig['schemeOverwrite'] {
  if (change?.transformation.case !== 'schemeToOverwrite') return undefined;
  const scheme = change.transformation.value;
  if (scheme === 'http' || scheme === 'https') return scheme;
  throw new FieldError(`${path}.scheme_to_overwrite`, scheme, 'must be http or https');
}

function readsSchemeOfUpstream({ schemeHeaderTransformation: change }: HttpConnectionManager): boolean {
  return change?.matchUpstream === true && change.transformation.case === undefined;
}

const underscores: Readonly<Record<number, HttpProxyConfig['underscores']>> = {
  [Underscores.ALLOW]: 'allow',
  [Underscores.REJECT_REQUEST]: 'reject',
  [Underscores.DROP_HEADER]: 'drop',
};

function readUnderscores(message: HttpConnectionManager, path: string): HttpProxyConfig['underscores'] {
  const given = message.commonHttpProtocolOptions?.headersWithUnderscoresAction ?? Underscores.ALLOW;
  const action = underscores[given];
  if (action === undefined) throw new FieldError(path, given, 'is not known');
  return action;
}

function readUpgrades(configs: readonly UpgradeMessage[], path: string, context: ReadContext): UpgradeConfig[] {
  return mapAt(configs, path, ({ upgradeType, enabled = true, filters }, at) => {
    if (upgradeType === '') throw new FieldError(`${at}.upgrade_type`, '', 'must not be empty');
    const own = filters.length > 0 ? readHttpFilters(filters, `${at}.filters`, context) : undefined;
    return { type: upgradeType.toLowerCase(), enabled, filters: own };
  });
}
