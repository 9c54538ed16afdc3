import {
  type Cluster,
  Cluster_ClusterProtocolSelection as ProtocolSelection,
} from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type {
  HttpProtocolOptions as CommonOptions,
  Http1ProtocolOptions,
  Http2ProtocolOptions,
  UpstreamHttpProtocolOptions,
} from '@sofamesh/api/gen/envoy/config/core/v3/protocol_pb';
import {
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from '@sofamesh/api/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import { defaultCodecLimits } from '@sofamesh/contract/protocol';
import type { AutoServerNameConfig, ClusterConfig, HttpCodecChoice } from '@sofamesh/proxy/config/cluster';
import type { ReadContext } from './context.ts';
import { decodeAny, typeNameOf } from './extensions.ts';
import { durationMs, FieldError, present, snake } from './fields.ts';
import { readHttp1Settings } from './http1.ts';
import { readHttp2Settings, readKeepalive } from './http2.ts';
import { rpcOptionsKey } from './upstream-rpc.ts';

const httpOptionsKey = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const defaultIdleTimeoutMs = 3_600_000;
/** Envoy's default for answers over HTTP/1; those over HTTP/2 have the limit of requests. */
const http1ResponseHeadBytesMax = 80 * 1024;

/** What a cluster says about HTTP towards its hosts. */
export type UpstreamHttp = Pick<
  ClusterConfig,
  | 'httpCodec'
  | 'codecSettings'
  | 'codecLimits'
  | 'keepalive'
  | 'autoServerName'
  | 'maxRequestsPerConnection'
  | 'idleTimeoutMs'
  | 'connectionDurationMs'
  | 'streamDurationMs'
>;

/**
 * Reads `envoy.extensions.upstreams.http.v3.HttpProtocolOptions`, else the deprecated fields of the cluster itself.
 * `secure`: connections to the hosts have TLS; without it there is no ALPN, and `auto_config` means HTTP/1.1.
 */
export function readUpstreamHttp(cluster: Cluster, secure: boolean, context: ReadContext): UpstreamHttp {
  const options = readOptions(cluster, context);
  const common = options?.message.commonHttpProtocolOptions ?? cluster.commonHttpProtocolOptions;
  const choice = options === undefined ? readDeprecated(cluster) : readChoice(options, secure, context);
  const http1 = readHttp1Settings(choice.http1, `${choice.path}http_protocol_options`, context);
  const http2 = readHttp2Settings(choice.http2, `${choice.path}http2_protocol_options`, context);
  const path = 'common_http_protocol_options';
  return {
    httpCodec: choice.codec,
    codecSettings: { ...(http1 && { http1 }), ...(http2 && { http2 }) },
    codecLimits: {
      ...defaultCodecLimits,
      http1ResponseHeadBytesMax,
      headerCountMax: readHeadersCount(common, `${path}.max_headers_count`),
      streamsMax: http2?.maxConcurrentStreams ?? defaultCodecLimits.streamsMax,
    },
    keepalive: readKeepalive(
      choice.http2?.connectionKeepalive,
      `${choice.path}http2_protocol_options.connection_keepalive`,
    ),
    autoServerName: readAutoServerName(
      options?.message.upstreamHttpProtocolOptions ?? cluster.upstreamHttpProtocolOptions,
    ),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? cluster.maxRequestsPerConnection ?? 0,
    idleTimeoutMs: durationMs(common?.idleTimeout, defaultIdleTimeoutMs, `${path}.idle_timeout`),
    connectionDurationMs: durationMs(common?.maxConnectionDuration, 0, `${path}.max_connection_duration`),
    streamDurationMs: durationMs(common?.maxStreamDuration, 0, `${path}.max_stream_duration`),
  };
}

interface Options {
  readonly message: HttpProtocolOptions;
  readonly path: string;
}

function readOptions(cluster: Cluster, context: ReadContext): Options | undefined {
  let options: Options | undefined;
  for (const [key, any] of Object.entries(cluster.typedExtensionProtocolOptions)) {
    const path = `typed_extension_protocol_options[${JSON.stringify(key)}]`;
    if (typeNameOf(any) !== HttpProtocolOptionsSchema.typeName) {
      if (key === httpOptionsKey)
        throw new FieldError(path, any.typeUrl, `must be ${HttpProtocolOptionsSchema.typeName}`);
      if (key !== rpcOptionsKey) context.ignored(path);
      continue;
    }
    const message = decodeAny(HttpProtocolOptionsSchema, any, path);
    if (message.httpFilters.some(({ name }) => name !== 'envoy.filters.http.upstream_codec'))
      throw new FieldError(`${path}.http_filters`, present, 'is not supported');
    options = { message, path };
  }
  return options;
}

interface Choice {
  readonly codec: HttpCodecChoice;
  readonly http1: Http1ProtocolOptions | undefined;
  readonly http2: Http2ProtocolOptions | undefined;
  /** Where the two were found, with a dot at its end. */
  readonly path: string;
}

const http1Codec: HttpCodecChoice = { kind: 'named', name: 'http1' };
const http2Codec: HttpCodecChoice = { kind: 'named', name: 'http2' };

function readChoice({ message, path }: Options, secure: boolean, context: ReadContext): Choice {
  const choice = message.upstreamProtocolOptions;
  const http3 = 'http3_protocol_options';
  switch (choice.case) {
    case undefined:
      return { codec: http1Codec, http1: undefined, http2: undefined, path: '' };
    case 'explicitHttpConfig': {
      const explicit = choice.value.protocolConfig;
      const at = `${path}.explicit_http_config.`;
      switch (explicit.case) {
        case 'http3ProtocolOptions':
          throw new FieldError(`${at}${http3}`, present, 'is not supported');
        case 'http2ProtocolOptions':
          return { codec: http2Codec, http1: undefined, http2: explicit.value, path: at };
        default:
          return { codec: http1Codec, http1: explicit.value, http2: undefined, path: at };
      }
    }
    default: {
      const at = `${path}.${snake(choice.case)}.`;
      const { value } = choice;
      // There, HTTP/3 is one more possibility, which a host has to offer first.
      if (value.http3ProtocolOptions !== undefined) context.ignored(`${at}${http3}`);
      const options = { http1: value.httpProtocolOptions, http2: value.http2ProtocolOptions, path: at };
      if (choice.case === 'useDownstreamProtocolConfig') return { codec: { kind: 'downstream' }, ...options };
      return { codec: secure ? { kind: 'alpn' } : http1Codec, ...options };
    }
  }
}

function readDeprecated(cluster: Cluster): Choice {
  const { httpProtocolOptions: http1, http2ProtocolOptions: http2, protocolSelection } = cluster;
  const fixed = http2 === undefined ? http1Codec : http2Codec;
  const codec: HttpCodecChoice =
    protocolSelection === ProtocolSelection.USE_DOWNSTREAM_PROTOCOL ? { kind: 'downstream' } : fixed;
  return { codec, http1, http2, path: '' };
}

function readHeadersCount(common: CommonOptions | undefined, path: string): number {
  const count = common?.maxHeadersCount ?? defaultCodecLimits.headerCountMax;
  if (count < 1) throw new FieldError(path, count, 'must be at least 1');
  return count;
}

function readAutoServerName(options: UpstreamHttpProtocolOptions | undefined): AutoServerNameConfig | undefined {
  if (options === undefined || !(options.autoSni || options.autoSanValidation)) return undefined;
  return {
    sni: options.autoSni,
    verify: options.autoSanValidation,
    header: options.overrideAutoSniHeader.toLowerCase(),
  };
}
