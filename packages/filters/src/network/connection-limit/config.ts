import { fromBinary } from '@bufbuild/protobuf';
import { ConnectionLimitSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb';
import { FieldError } from '@sofamesh/base/field-error';
import type { NetworkFilterReader } from '@sofamesh/contract/network-filter';
import { durationMs } from '../../shared/duration.ts';
import type { ConnectionLimitConfig } from './connection-limit.ts';

/** Reads `envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit`; of `runtime_enabled` its default. */
export const reader: NetworkFilterReader<ConnectionLimitConfig> = {
  name: 'envoy.filters.network.connection_limit',
  terminal: false,
  schemas: [ConnectionLimitSchema],
  read(_typeName, value) {
    const { statPrefix, maxConnections, delay, runtimeEnabled } = fromBinary(ConnectionLimitSchema, value);
    if (statPrefix === '') throw new FieldError('stat_prefix', '', 'must not be empty');
    if (maxConnections === undefined || maxConnections < 1n) {
      throw new FieldError('max_connections', maxConnections, 'must be at least 1');
    }
    const enabled = runtimeEnabled?.defaultValue ?? true;
    return {
      statPrefix,
      connectionsMax: enabled ? Number(maxConnections) : Number.POSITIVE_INFINITY,
      delayMs: delay === undefined ? 0 : durationMs(delay, 'delay'),
    };
  },
};
