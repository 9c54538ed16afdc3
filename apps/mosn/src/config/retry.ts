import type { RetryPolicy } from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RetryConfig } from '@sofamesh/proxy/config/route';
import { durationMs } from './fields.ts';

/** Reads `envoy.config.route.v3.RetryPolicy`. */
export function readRetry(policy: RetryPolicy | undefined, path: string): RetryConfig | undefined {
  if (policy === undefined) return undefined;
  const base = durationMs(policy.retryBackOff?.baseInterval, 25, `${path}.retry_back_off.base_interval`);
  return {
    on: policy.retryOn.split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()])),
    retriesMax: policy.numRetries ?? 1,
    perTryTimeoutMs: durationMs(policy.perTryTimeout, 0, `${path}.per_try_timeout`),
    retriableStatuses: policy.retriableStatusCodes,
    backOffBaseMs: base,
    backOffMaxMs: durationMs(policy.retryBackOff?.maxInterval, base * 10, `${path}.retry_back_off.max_interval`),
  };
}
