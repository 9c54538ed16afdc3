import {
  XProxy_ServiceLevel as ServiceLevel,
  type XProxy,
} from '@sofamesh/api/gen/mosn/extensions/filters/network/x_proxy/v1/x_proxy_pb';
import { defaultCodecLimits } from '@sofamesh/contract/protocol';
import type { RpcProxyConfig } from '@sofamesh/proxy/config/listener';
import { readAccessLog } from './access-log.ts';
import type { ReadContext } from './context.ts';
import { durationMs, FieldError, mapAt } from './fields.ts';
import { heldBytesMax, readHttpFilters } from './http-proxy.ts';
import { type RouteReference, readRouteSource } from './route-source.ts';
import { readTracing } from './tracing.ts';
import { hostCodecs } from './upstream-rpc.ts';

const defaultFrameProgressMs = 10_000;
const defaultIdleTimeoutMs = 3_600_000;
/** A call that shows no sign of life: its own timeout, or the route's, normally ends it long before. */
const streamIdleTimeoutMs = 300_000;

/** Reads `mosn.extensions.filters.network.x_proxy.v1.XProxy`. */
export function readRpcProxy(
  message: XProxy,
  path: string,
  context: ReadContext,
  routes: RouteReference[],
): RpcProxyConfig {
  const serviceLevel = serviceLevels[message.serviceLevel];
  if (serviceLevel === undefined) throw new FieldError(`${path}.service_level`, message.serviceLevel, 'is not known');
  const relays = serviceLevel === 'relay';
  if (message.protocol === '' && !relays) throw new FieldError(`${path}.protocol`, '', 'must not be empty');
  if (hostCodecs.has(message.protocol))
    throw new FieldError(`${path}.protocol`, message.protocol, 'is for conversions towards hosts');
  const idleTimeoutMs = durationMs(message.idleTimeout, defaultIdleTimeoutMs, `${path}.idle_timeout`);
  const { limits } = message;
  const tracing = readTracing(message.tracing, `${path}.tracing`, context);
  for (const field of withoutEffect(message, serviceLevel)) context.ignored(`${path}.${field}`);
  return {
    kind: 'rpc',
    protocol: message.protocol,
    serviceLevel,
    methodStats: serviceLevel === 'full' && (message.methodStats ?? true),
    statPrefix: message.statPrefix,
    routes: readRouteSource(message.routeSpecifier, path, context, routes),
    filters: readHttpFilters(message.httpFilters, `${path}.http_filters`, context),
    accessLogs: mapAt(message.accessLog, `${path}.access_log`, readAccessLog),
    tracing: serviceLevel === 'full' ? tracing : undefined,
    limits: {
      ...defaultCodecLimits,
      frameBytesMax: atLeastOne(
        limits?.maxFrameBytes,
        defaultCodecLimits.frameBytesMax,
        `${path}.limits.max_frame_bytes`,
      ),
      streamsMax: atLeastOne(
        limits?.maxConcurrentCalls,
        defaultCodecLimits.streamsMax,
        `${path}.limits.max_concurrent_calls`,
      ),
    },
    codecSettings: readCodecSettings(message),
    idleTimeoutMs,
    // There a connection is the one stream that it has.
    streamIdleTimeoutMs: relays ? idleTimeoutMs : streamIdleTimeoutMs,
    messageProgressTimeoutMs: durationMs(
      limits?.frameProgressTimeout,
      defaultFrameProgressMs,
      `${path}.limits.frame_progress_timeout`,
    ),
    heldBytesMax,
  };
}

/** Fields that were given and mean nothing at the service level, or for the protocols. */
function withoutEffect(
  { bolt, dubbo, limits, methodStats, protocol, tracing }: XProxy,
  serviceLevel: RpcProxyConfig['serviceLevel'],
): string[] {
  const names = protocol.split(',').map((name) => name.trim());
  const speaks = (name: string) => serviceLevel !== 'relay' && (protocol === 'auto' || names.includes(name));
  // Without headers there is nothing that could carry a trace, or tell methods apart.
  const headless = serviceLevel !== 'full';
  const unframed = serviceLevel === 'relay';
  const fields: readonly (readonly [field: string, given: boolean])[] = [
    ['method_stats', headless && methodStats === true],
    ['tracing', headless && tracing !== undefined],
    ['limits.max_frame_bytes', unframed && limits?.maxFrameBytes !== undefined],
    ['limits.frame_progress_timeout', unframed && limits?.frameProgressTimeout !== undefined],
    ['limits.max_concurrent_calls', unframed && limits?.maxConcurrentCalls !== undefined],
    ['bolt', !speaks('bolt') && bolt !== undefined],
    ['dubbo', (headless || !speaks('dubbo')) && dubbo !== undefined],
  ];
  return fields.flatMap(([field, given]) => (given ? [field] : []));
}

/** Of the protocols that have such; what their codecs call them. */
function readCodecSettings({ bolt, dubbo }: XProxy): Readonly<Record<string, unknown>> {
  return {
    ...(bolt && { bolt: { goAwayFrame: bolt.sendGoaway } }),
    ...(dubbo && {
      dubbo: {
        timeoutScanBytesMax: dubbo.maxTimeoutScanBytes,
        attachmentScanBytesMax: dubbo.maxAttachmentScanBytes,
      },
    }),
  };
}

const serviceLevels: Readonly<Record<number, RpcProxyConfig['serviceLevel']>> = {
  [ServiceLevel.FULL]: 'full',
  [ServiceLevel.LIGHT]: 'light',
  [ServiceLevel.RELAY]: 'relay',
};

function atLeastOne(value: number | undefined, fallback: number, path: string): number {
  if (value === 0) throw new FieldError(path, 0, 'must be at least 1');
  return value ?? fallback;
}
