import type { RequestHead } from '@sofamesh/contract/message';
import type { RetryConfig } from '../config/route.ts';
import { RetryPolicy } from './retry-policy.ts';
import type { Route } from './route.ts';

const headers = [
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-retriable-status-codes',
  'x-envoy-upstream-rq-per-try-timeout-ms',
] as const;

const none: RetryConfig = {
  on: [],
  retriesMax: 1,
  perTryTimeoutMs: 0,
  retriableStatuses: [],
  backOffBaseMs: 25,
  backOffMaxMs: 250,
};

/**
 * The retry policy of a request from an internal address: the route's, and what the request's `x-envoy-…` headers add to
 * it. They end here.
 */
export function askedRetry(route: Route, head: RequestHead): RetryPolicy | undefined {
  const [on, grpcOn, most, statuses, perTry] = headers.map((name) => head.get(name));
  if ((on ?? grpcOn ?? most ?? statuses ?? perTry) === undefined) return route.retry;
  for (const name of headers) head.remove(name);
  const base = route.retryConfig ?? none;
  const config = {
    ...base,
    on: [...base.on, ...words(on), ...words(grpcOn)],
    retriesMax: count(most) ?? base.retriesMax,
    perTryTimeoutMs: count(perTry) ?? base.perTryTimeoutMs,
    retriableStatuses: [...base.retriableStatuses, ...words(statuses).flatMap((word) => count(word) ?? [])],
  };
  return new RetryPolicy(config, route.name);
}

function words(list: string | undefined): string[] {
  return (list ?? '').split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]));
}

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
