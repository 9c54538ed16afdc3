import type { Any } from '@bufbuild/protobuf/wkt';
import type { Filter } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_components_pb';
import { ConnectionLimitSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb';
import { ConfigSchema as DirectResponseSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/direct_response/v3/config_pb';
import { EchoSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/echo/v3/echo_pb';
import { SniClusterSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/sni_cluster/v3/sni_cluster_pb';
import type { ConnectionLimitConfig, DirectReplyConfig } from '@sofamesh/proxy/config/listener';
import { decodeAny, typeNameOf } from './extensions.ts';
import { durationMs, FieldError, snake } from './fields.ts';
import { bytesOf } from './tls-certificate.ts';

/** Network filters that answer a connection themselves, and those that stand before one that ends the chain. */
export const smallNetworkFilters = [
  { name: 'envoy.filters.network.echo', schema: EchoSchema },
  { name: 'envoy.filters.network.direct_response', schema: DirectResponseSchema },
  { name: 'envoy.filters.network.connection_limit', schema: ConnectionLimitSchema },
  { name: 'envoy.filters.network.sni_cluster', schema: SniClusterSchema },
] as const;

/** The filter's own message. Throws a FieldError. */
export function configOfFilter({ configType }: Filter, path: string): Any {
  if (configType.case !== 'typedConfig')
    throw new FieldError(path, configType.case && snake(configType.case), 'is required');
  return configType.value;
}

/** Undefined: it is none of these. */
export function readDirectReply(any: Any, path: string): DirectReplyConfig | undefined {
  switch (typeNameOf(any)) {
    case EchoSchema.typeName:
      return { kind: 'direct-reply', response: undefined };
    case DirectResponseSchema.typeName: {
      const { response } = decodeAny(DirectResponseSchema, any, path);
      return { kind: 'direct-reply', response: bytesOf(response, `${path}.response`) ?? new Uint8Array() };
    }
    default:
      return undefined;
  }
}

/** What filters do that stand before the one that ends the chain. */
export interface EarlyFilters {
  readonly connectionLimit: ConnectionLimitConfig | undefined;
  readonly clusterByServerName: boolean;
}

/** Of a chain's filters, all but the last. Throws a FieldError for one that cannot stand there, or twice. */
export function readEarlyFilters(filters: readonly Filter[], path: string): EarlyFilters {
  let connectionLimit: ConnectionLimitConfig | undefined;
  let clusterByServerName = false;
  for (const [index, filter] of filters.slice(0, -1).entries()) {
    const at = `${path}[${index}]`;
    const any = configOfFilter(filter, `${at}.typed_config`);
    switch (typeNameOf(any)) {
      case ConnectionLimitSchema.typeName:
        if (connectionLimit !== undefined) throw new FieldError(at, filter.name, 'is in the chain twice');
        connectionLimit = readConnectionLimit(any, `${at}.typed_config`);
        break;
      case SniClusterSchema.typeName:
        clusterByServerName = true;
        break;
      default:
        throw new FieldError(
          `${path}[${index + 1}]`,
          filters[index + 1]?.name,
          `no filter can follow ${filter.name}, which ends the chain`,
        );
    }
  }
  return { connectionLimit, clusterByServerName };
}

function readConnectionLimit(any: Any, path: string): ConnectionLimitConfig {
  const message = decodeAny(ConnectionLimitSchema, any, path);
  if (message.statPrefix === '') throw new FieldError(`${path}.stat_prefix`, '', 'must not be empty');
  const { maxConnections } = message;
  if (maxConnections === undefined || maxConnections < 1n) {
    throw new FieldError(`${path}.max_connections`, maxConnections, 'must be at least 1');
  }
  const enabled = message.runtimeEnabled?.defaultValue ?? true;
  return {
    statPrefix: message.statPrefix,
    connectionsMax: enabled ? Number(maxConnections) : Number.POSITIVE_INFINITY,
    delayMs: durationMs(message.delay, 0, `${path}.delay`),
  };
}
