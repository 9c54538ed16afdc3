import type { RetryPolicy } from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RetryConfig } from '@sofamesh/proxy/config/route';
import type { RouteContext } from './context.ts';
import { durationMs, snake } from './fields.ts';
import { readHeaderMatch } from './route-match.ts';

/** Conditions that Envoy knows, HTTP's and gRPC's; others mean nothing to it, and are most likely spelled wrong. */
const conditions: ReadonlySet<string> = new Set([
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'envoy-ratelimited',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  // There is no HTTP/3 here, and nothing that could fail behind its handshake.
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]);

const ignored = ['retryPriority', 'rateLimitedRetryBackOff', 'perTryIdleTimeout'] as const;
const ignoredLists = ['retryHostPredicate', 'retryOptionsPredicates', 'retriableRequestHeaders'] as const;

/** Reads `envoy.config.route.v3.RetryPolicy`. */
export function readRetry(
  policy: RetryPolicy | undefined,
  path: string,
  context: RouteContext,
): RetryConfig | undefined {
  if (policy === undefined) return undefined;
  for (const field of ignored) if (policy[field] !== undefined) context.ignored(`${path}.${snake(field)}`);
  for (const field of ignoredLists) if (policy[field].length > 0) context.ignored(`${path}.${snake(field)}`);
  const on = policy.retryOn.split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]));
  for (const word of on) if (!conditions.has(word)) context.ignored(`${path}.retry_on (${word})`);
  const base = durationMs(policy.retryBackOff?.baseInterval, 25, `${path}.retry_back_off.base_interval`);
  return {
    on,
    retriesMax: policy.numRetries ?? 1,
    perTryTimeoutMs: durationMs(policy.perTryTimeout, 0, `${path}.per_try_timeout`),
    retriableStatuses: policy.retriableStatusCodes,
    ...(policy.retriableHeaders.length > 0 && {
      retriableHeaders: policy.retriableHeaders.map((each, at) =>
        readHeaderMatch(each, `${path}.retriable_headers[${at}]`),
      ),
    }),
    backOffBaseMs: base,
    backOffMaxMs: durationMs(policy.retryBackOff?.maxInterval, base * 10, `${path}.retry_back_off.max_interval`),
  };
}
