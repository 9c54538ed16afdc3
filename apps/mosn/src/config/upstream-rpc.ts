import type { Cluster } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import {
  RpcProtocolOptions_Carrier as Carrier,
  type RpcProtocolOptions_Conversion as Conversion,
  RpcProtocolOptions_Pooling as Pooling,
  RpcProtocolOptionsSchema,
} from '@sofamesh/api/gen/mosn/extensions/upstreams/rpc/v1/rpc_protocol_options_pb';
import { messageOf } from '@sofamesh/base/errors';
import { defaultCodecLimits } from '@sofamesh/contract/protocol';
import { type Direction, readMapping } from '@sofamesh/protocols/shared/conversion/mapping';
import { MappingError } from '@sofamesh/protocols/shared/conversion/mapping-fields';
import type { ConversionSettings } from '@sofamesh/protocols/shared/conversion/settings';
import type { ClusterConfig, RpcUpstreamConfig } from '@sofamesh/proxy/config/cluster';
import { decodeAny, typeNameOf } from './extensions.ts';
import { dataOf, FieldError, present, shown } from './fields.ts';
import { readKeepalive } from './http2.ts';
import { loadText } from './load-text.ts';

/** The key that users give `RpcProtocolOptions` in `typed_extension_protocol_options`. */
export const rpcOptionsKey = RpcProtocolOptionsSchema.typeName;

/** What a cluster says about RPC towards its hosts. */
export type UpstreamRpc = Pick<ClusterConfig, 'rpc' | 'multiplexedConnections'> &
  Partial<Pick<ClusterConfig, 'httpCodec' | 'codecSettings'>>;

const defaultConnections = 1;

/** Which codec converts to what the hosts speak. */
const converters: Readonly<Record<string, { readonly codec: string; readonly direction: Direction }>> = {
  bolt: { codec: 'json-to-rpc', direction: 'json-to-rpc' },
  dubbo: { codec: 'json-to-rpc', direction: 'json-to-rpc' },
  http1: { codec: 'rpc-to-json', direction: 'rpc-to-json' },
  http2: { codec: 'rpc-to-json-http2', direction: 'rpc-to-json' },
};

/** Codecs that no listener can have. */
export const hostCodecs: ReadonlySet<string> = new Set(Object.values(converters).map(({ codec }) => codec));

/**
 * Reads `mosn.extensions.upstreams.rpc.v1.RpcProtocolOptions`. A conversion takes the place of the codec that `http` has, and
 * joins its settings.
 */
export function readUpstreamRpc(
  cluster: Cluster,
  http: Pick<ClusterConfig, 'codecSettings' | 'codecLimits'>,
): UpstreamRpc {
  const path = `typed_extension_protocol_options[${JSON.stringify(rpcOptionsKey)}]`;
  const any = cluster.typedExtensionProtocolOptions[rpcOptionsKey];
  if (any === undefined) return { multiplexedConnections: defaultConnections };
  if (typeNameOf(any) !== RpcProtocolOptionsSchema.typeName) {
    throw new FieldError(path, any.typeUrl, `must be ${RpcProtocolOptionsSchema.typeName}`);
  }
  const options = decodeAny(RpcProtocolOptionsSchema, any, path);
  const connections = options.connectionsPerHost ?? defaultConnections;
  if (connections < 1) throw new FieldError(`${path}.connections_per_host`, connections, 'must be at least 1');
  const carrier = readCarrier(options.carrier, `${path}.carrier`);
  if (options.conversion !== undefined && carrier !== undefined)
    throw new FieldError(`${path}.conversion`, present, 'is not possible with carrier HTTP2');
  const conversion = options.conversion && readConversion(options.conversion, http, `${path}.conversion`);
  const converts = (direction: Direction) => conversion?.direction === direction;
  return {
    multiplexedConnections: connections,
    rpc: {
      codec: converts('rpc-to-json') ? conversion!.codec : carrier,
      bound: readPooling(options.pooling, `${path}.pooling`),
      heartbeat: readKeepalive(options.heartbeat, `${path}.heartbeat`),
      ...readLimits(options.maxFrameBytes, `${path}.max_frame_bytes`),
    },
    ...(converts('json-to-rpc') && { httpCodec: { kind: 'named' as const, name: conversion!.codec } }),
    ...(conversion && { codecSettings: { ...http.codecSettings, [conversion.codec]: conversion.settings } }),
  };
}

interface ReadConversion {
  readonly codec: string;
  readonly direction: Direction;
  readonly settings: ConversionSettings;
}

function readConversion(
  { protocol, mapping }: Conversion,
  { codecLimits: limits, codecSettings }: Pick<ClusterConfig, 'codecSettings' | 'codecLimits'>,
  path: string,
): ReadConversion {
  const converter = Object.hasOwn(converters, protocol) ? converters[protocol] : undefined;
  if (converter === undefined)
    throw new FieldError(`${path}.protocol`, protocol, 'must be bolt, dubbo, http1 or http2');
  const at = `${path}.mapping`;
  const text = dataOf(mapping, at);
  if (text === undefined) throw new FieldError(at, undefined, 'must be given');
  let value: unknown;
  try {
    value = loadText(text, 'mapping');
  } catch (thrown) {
    throw new FieldError(at, shown('a text'), messageOf(thrown), { cause: thrown });
  }
  try {
    const rules = { protocol, mapping: readMapping(value, at, converter.direction) };
    if (converter.direction === 'json-to-rpc') return { ...converter, settings: rules };
    return { ...converter, settings: { ...rules, http: { limits, settings: codecSettings[protocol] } } };
  } catch (thrown) {
    if (!(thrown instanceof MappingError)) throw thrown;
    const value = typeof thrown.value === 'object' ? shown(JSON.stringify(thrown.value)) : thrown.value;
    throw new FieldError(thrown.path, value, thrown.reason, { cause: thrown });
  }
}

function readLimits(frameBytesMax: number | undefined, path: string): Pick<RpcUpstreamConfig, 'codecLimits'> {
  if (frameBytesMax === undefined) return {};
  if (frameBytesMax < 1) throw new FieldError(path, frameBytesMax, 'must be at least 1');
  return { codecLimits: { ...defaultCodecLimits, frameBytesMax } };
}

function readCarrier(carrier: Carrier, path: string): string | undefined {
  switch (carrier) {
    case Carrier.FRAME:
      return undefined;
    case Carrier.HTTP2:
      return 'rpc-http2';
    default:
      throw new FieldError(path, carrier, 'must be FRAME or HTTP2');
  }
}

function readPooling(pooling: Pooling, path: string): boolean {
  if (pooling !== Pooling.PROTOCOL && pooling !== Pooling.BOUND)
    throw new FieldError(path, pooling, 'must be PROTOCOL or BOUND');
  return pooling === Pooling.BOUND;
}
