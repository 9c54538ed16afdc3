import { fromBinary } from '@bufbuild/protobuf';
import { LocalRateLimitSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb';
import { FieldError } from '@sofamesh/base/field-error';
import type { NetworkFilterReader } from '@sofamesh/contract/network-filter';
import { durationMs } from '../../shared/duration.ts';
import type { LocalRatelimitConfig } from './local-ratelimit.ts';

/** Envoy takes no shorter one either. */
const fillIntervalMsMin = 50;

/** Reads `envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit`; of `runtime_enabled` its default. */
export const reader: NetworkFilterReader<LocalRatelimitConfig> = {
  name: 'envoy.filters.network.local_ratelimit',
  terminal: false,
  schemas: [LocalRateLimitSchema],
  read(_typeName, value) {
    const { statPrefix, tokenBucket, shareKey, runtimeEnabled } = fromBinary(LocalRateLimitSchema, value);
    if (statPrefix === '') throw new FieldError('stat_prefix', '', 'must not be empty');
    if (tokenBucket === undefined) throw new FieldError('token_bucket', undefined, 'is required');
    const { maxTokens: tokensMax, tokensPerFill = 1, fillInterval } = tokenBucket;
    if (tokensPerFill < 1) throw new FieldError('token_bucket.tokens_per_fill', tokensPerFill, 'must be at least 1');
    if (fillInterval === undefined) throw new FieldError('token_bucket.fill_interval', undefined, 'is required');
    const fillIntervalMs = durationMs(fillInterval, 'token_bucket.fill_interval');
    if (fillIntervalMs < fillIntervalMsMin) {
      const reason = `must be at least ${fillIntervalMsMin} ms`;
      throw new FieldError('token_bucket.fill_interval', `${fillIntervalMs}ms`, reason);
    }
    const enabled = runtimeEnabled?.defaultValue ?? true;
    return { statPrefix, enabled, tokensMax, tokensPerFill, fillIntervalMs, shareKey };
  },
  sharesAs: ({ shareKey, tokensMax, tokensPerFill, fillIntervalMs }) =>
    shareKey === '' ? undefined : `${tokensMax} ${tokensPerFill} ${fillIntervalMs} ${shareKey}`,
};
