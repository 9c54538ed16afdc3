import type { JsonObject } from '@bufbuild/protobuf';
import { optional } from './envoy-json.ts';
import { secondsText } from './go-duration.ts';
import type { JsonFields } from './json-fields.ts';

export const faultType = 'envoy.extensions.filters.http.fault.v3.HTTPFault';

/** The stream filter `fault`, of a listener or of a route. */
export function readFault(config: JsonFields): JsonObject {
  const delay = config.object('delay');
  const abort = config.object('abort');
  const cluster = config.text('upstream_cluster');
  config.refuseGiven('headers', 'is not supported: give the routes that shall fail a per_filter_config');
  config.end('a fault');
  return {
    ...(delay && optional('delay', readDelay(delay))),
    ...(abort && optional('abort', readAbort(abort))),
    ...optional('upstream_cluster', cluster),
  };
}

function readDelay(delay: JsonFields): JsonObject | undefined {
  const milliseconds = delay.durationMs('fixed_delay') ?? 0;
  const percentage = readPercentage(delay);
  delay.end('a delay');
  return milliseconds === 0 ? undefined : { fixed_delay: secondsText(milliseconds), percentage };
}

function readAbort(abort: JsonFields): JsonObject | undefined {
  const status = abort.count('status', 599) ?? 0;
  const percentage = readPercentage(abort);
  abort.end('an abort');
  return status === 0 ? undefined : { http_status: status, percentage };
}

function readPercentage(fields: JsonFields): JsonObject {
  return { numerator: fields.count('percentage', 100) ?? 0, denominator: 'HUNDRED' };
}
