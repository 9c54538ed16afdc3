import type { HeaderValue } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import type { GrpcService } from '@sofamesh/api/gen/envoy/config/core/v3/grpc_service_pb';
import type { HttpService } from '@sofamesh/api/gen/envoy/config/core/v3/http_service_pb';
import type { Tracing_Http as ProviderMessage } from '@sofamesh/api/gen/envoy/config/trace/v3/http_tracer_pb';
import { OpenTelemetryConfigSchema } from '@sofamesh/api/gen/envoy/config/trace/v3/opentelemetry_pb';
import {
  ZipkinConfig_CollectorEndpointVersion as EndpointVersion,
  ZipkinConfigSchema,
} from '@sofamesh/api/gen/envoy/config/trace/v3/zipkin_pb';
import type { HttpConnectionManager_Tracing as TracingMessage } from '@sofamesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { CustomTag } from '@sofamesh/api/gen/envoy/type/tracing/v3/custom_tag_pb';
import type { Percent } from '@sofamesh/api/gen/envoy/type/v3/percent_pb';
import type { CustomTagConfig, TraceProviderConfig, TracingConfig } from '@sofamesh/proxy/config/tracing';
import type { ReadContext } from './context.ts';
import { decodeAny, typeNameOf } from './extensions.ts';
import { durationMs, FieldError, mapAt, present } from './fields.ts';

/** Tracers of this proxy; their messages belong in the JSON registry. */
export const tracerSchemas = [ZipkinConfigSchema, OpenTelemetryConfigSchema];

const defaultPathLength = 256;
const defaultTimeoutMs = 5000;

/** What the bootstrap says about tracing, for all listeners. */
export interface TracingDefaults {
  /** `node.cluster`: what this proxy is called by tracers that do not say themselves. */
  readonly service: string;
  /** The bootstrap's own `tracing`, where a listener names no provider. */
  readonly provider: Provider | undefined;
}

/** A provider, and whether it wants the spans of tries apart. */
interface Provider {
  readonly config: TraceProviderConfig;
  readonly splitsSpans: boolean;
}

export const noTracing: TracingDefaults = { service: '', provider: undefined };

/**
 * Reads `envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing`. Undefined: without a
 * provider nothing is traced.
 */
export function readTracing(
  message: TracingMessage | undefined,
  path: string,
  context: ReadContext,
): TracingConfig | undefined {
  if (message === undefined) return undefined;
  const defaults = context.tracing ?? noTracing;
  const provider =
    message.provider === undefined
      ? defaults.provider
      : readProvider(message.provider, `${path}.provider`, defaults.service, context.ignored);
  if (message.verbose) context.ignored(`${path}.verbose`);
  if (provider === undefined) {
    if (message.provider === undefined) context.ignored(`${path} (without a provider)`);
    return undefined;
  }
  return {
    provider: provider.config,
    kind: context.outbound === true ? 'client' : 'server',
    spansOfTries: message.spawnUpstreamSpan ?? provider.splitsSpans,
    clientPpm: partsPerMillion(message.clientSampling, `${path}.client_sampling`),
    randomPpm: partsPerMillion(message.randomSampling, `${path}.random_sampling`),
    overallPpm: partsPerMillion(message.overallSampling, `${path}.overall_sampling`),
    pathLengthMax: message.maxPathTagLength ?? defaultPathLength,
    tags: mapAt(message.customTags, `${path}.custom_tags`, (tag, at) => readTag(tag, at, context)).filter(
      (tag) => tag !== undefined,
    ),
  };
}

function partsPerMillion(percent: Percent | undefined, path: string): number {
  const value = percent?.value ?? 100;
  if (!(value >= 0 && value <= 100)) throw new FieldError(path, value, 'must be from 0 to 100');
  return Math.round(value * 10_000);
}

/** Undefined: it never has a value. */
function readTag({ tag: name, type }: CustomTag, path: string, context: ReadContext): CustomTagConfig | undefined {
  if (name === '') throw new FieldError(`${path}.tag`, '', 'must not be empty');
  switch (type.case) {
    case 'literal':
      return { kind: 'literal', name, value: type.value.value };
    case 'environment': {
      const value = process.env[type.value.name] ?? (type.value.defaultValue || undefined);
      return value === undefined ? undefined : { kind: 'literal', name, value };
    }
    case 'requestHeader': {
      const { name: header, defaultValue } = type.value;
      if (header === '') throw new FieldError(`${path}.request_header.name`, '', 'must not be empty');
      return { kind: 'header', name, header: header.toLowerCase(), fallback: defaultValue || undefined };
    }
    case 'metadata': {
      context.ignored(`${path}.metadata`);
      const { defaultValue } = type.value;
      return defaultValue === '' ? undefined : { kind: 'literal', name, value: defaultValue };
    }
    default:
      throw new FieldError(path, type.case, 'must have one of literal, environment, request_header');
  }
}

/**
 * Reads `envoy.config.trace.v3.Tracing.Http`; `node`: what this proxy is called. Undefined, and told as ignored: a tracer that is
 * not here. Traffic must not depend on who gets its traces.
 */
export function readProvider(
  { name, configType }: ProviderMessage,
  path: string,
  node: string,
  ignored: ReadContext['ignored'],
): Provider | undefined {
  const at = `${path}.typed_config`;
  if (configType.case !== 'typedConfig') throw new FieldError(at, undefined, `tracer ${name} needs one`);
  const any = configType.value;
  switch (typeNameOf(any)) {
    case ZipkinConfigSchema.typeName: {
      const message = decodeAny(ZipkinConfigSchema, any, at);
      const { collectorCluster: cluster, collectorEndpoint: endpoint, collectorHostname } = message;
      if (cluster === '') throw new FieldError(`${at}.collector_cluster`, '', 'must not be empty');
      if (!endpoint.startsWith('/')) throw new FieldError(`${at}.collector_endpoint`, endpoint, 'must begin with /');
      if (message.collectorEndpointVersion !== EndpointVersion.HTTP_JSON) {
        ignored(`${at} (collector_endpoint_version is not HTTP_JSON)`);
        return undefined;
      }
      return {
        splitsSpans: message.splitSpansForRequest,
        config: {
          format: 'zipkin',
          service: node || 'mosn',
          cluster,
          authority: collectorHostname || cluster,
          path: endpoint,
          headers: [],
          timeoutMs: defaultTimeoutMs,
          longTraceIds: message.traceId128bit,
          sharesSpanIds: message.sharedSpanContext ?? true,
        },
      };
    }
    case OpenTelemetryConfigSchema.typeName: {
      const message = decodeAny(OpenTelemetryConfigSchema, any, at);
      const { grpcService, httpService } = message;
      if (grpcService !== undefined && httpService !== undefined)
        throw new FieldError(`${at}.grpc_service`, present, 'is not possible with http_service');
      if (grpcService?.targetSpecifier.case === 'googleGrpc') {
        ignored(`${at} (with google_grpc)`);
        return undefined;
      }
      if (message.sampler !== undefined) ignored(`${at}.sampler`);
      if (message.resourceDetectors.length > 0) ignored(`${at}.resource_detectors`);
      return {
        splitsSpans: false,
        config: {
          ...(grpcService === undefined
            ? { ...readHttpService(httpService, `${at}.http_service`), format: 'opentelemetry' as const }
            : { ...readGrpcService(grpcService, `${at}.grpc_service`), format: 'opentelemetry-grpc' as const }),
          service: message.serviceName || 'unknown_service:mosn',
          longTraceIds: true,
          sharesSpanIds: false,
        },
      };
    }
    default:
      ignored(`${at} (${name})`);
      return undefined;
  }
}

type Collector = Pick<TraceProviderConfig, 'cluster' | 'authority' | 'path' | 'headers' | 'timeoutMs'>;

const exportPath = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

/** Reads `envoy.config.core.v3.GrpcService` with `envoy_grpc`. The cluster's hosts have to speak HTTP/2. */
function readGrpcService({ targetSpecifier: target, timeout, initialMetadata }: GrpcService, path: string): Collector {
  const cluster = target.case === 'envoyGrpc' ? target.value.clusterName : '';
  if (cluster === '') throw new FieldError(`${path}.envoy_grpc.cluster_name`, '', 'must not be empty');
  return {
    cluster,
    authority: (target.case === 'envoyGrpc' && target.value.authority) || cluster,
    path: exportPath,
    timeoutMs: durationMs(timeout, defaultTimeoutMs, `${path}.timeout`) || defaultTimeoutMs,
    headers: [
      ['te', 'trailers'],
      ...mapAt(initialMetadata, `${path}.initial_metadata`, (header, where) => readHeader(header, where)),
    ],
  };
}

/** Reads `envoy.config.core.v3.HttpService`. */
function readHttpService(service: HttpService | undefined, path: string): Collector {
  if (service === undefined) throw new FieldError(path, undefined, 'is required');
  const { httpUri, requestHeadersToAdd } = service;
  const at = `${path}.http_uri`;
  if (httpUri === undefined) throw new FieldError(at, undefined, 'is required');
  const { httpUpstreamType: upstream, uri } = httpUri;
  if (upstream.case !== 'cluster' || upstream.value === '') {
    throw new FieldError(`${at}.cluster`, upstream.value, 'must not be empty');
  }
  const url = /^https?:\/\//.test(uri) && URL.canParse(uri) ? new URL(uri) : undefined;
  if (url === undefined) throw new FieldError(`${at}.uri`, uri, 'must be an http or https URL');
  return {
    cluster: upstream.value,
    authority: url.host,
    path: `${url.pathname}${url.search}`,
    timeoutMs: durationMs(httpUri.timeout, defaultTimeoutMs, `${at}.timeout`) || defaultTimeoutMs,
    headers: mapAt(requestHeadersToAdd, `${path}.request_headers_to_add`, ({ header }, where) =>
      readHeader(header, `${where}.header`),
    ),
  };
}

function readHeader(header: HeaderValue | undefined, path: string): readonly [name: string, value: string] {
  const name = header?.key.toLowerCase() ?? '';
  const value = header?.value ?? '';
  if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) || framing.has(name)) {
    throw new FieldError(`${path}.key`, name, 'must be the name of a header that may be added');
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a value must not have
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
    // It may be a token, which is not for logs.
    throw new FieldError(`${path}.value`, present, 'must not have control characters');
  }
  return [name, value];
}

/** What says how a report is to be read is not for the configuration. */
const framing = new Set(['content-length', 'content-type', 'transfer-encoding', 'connection', 'host', 'te']);
