import { fromBinary } from '@bufbuild/protobuf';
import { HTTPFaultSchema } from '@sofamesh/api/gen/envoy/extensions/filters/http/fault/v3/fault_pb';
import type { FractionalPercent } from '@sofamesh/api/gen/envoy/type/v3/percent_pb';
import { FractionalPercent_DenominatorType } from '@sofamesh/api/gen/envoy/type/v3/percent_pb';
import { CodedError } from '@sofamesh/base/errors';
import type { ConfigReader } from '@sofamesh/contract/filter';
import type { FaultConfig } from './fault.ts';

const statusMin = 200;
const statusMax = 599;

/** Reads `envoy.extensions.filters.http.fault.v3.HTTPFault`, for a listener's filter and for a route's override alike. */
export const reader: ConfigReader<FaultConfig> = {
  name: 'envoy.filters.http.fault',
  schemas: [HTTPFaultSchema],
  read(_typeName, value) {
    const message = fromBinary(HTTPFaultSchema, value);
    for (const field of ['headers', 'downstreamNodes'] as const) {
      if (message[field].length > 0) throw unsupported(field);
    }
    if (message.responseRateLimit !== undefined) throw unsupported('response_rate_limit');
    const { delay, abort } = message;
    return {
      delay: delay && {
        ppm: ppmOf(delay.percentage),
        fixedMs: delayMs(delay.faultDelaySecifier),
        byHeader: delay.faultDelaySecifier.case === 'headerDelay',
      },
      abort: abort && {
        ppm: ppmOf(abort.percentage),
        status: abortStatus(abort.errorType),
        byHeader: abort.errorType.case === 'headerAbort',
      },
      upstreamCluster: message.upstreamCluster,
      activeMax: message.maxActiveFaults ?? Number.POSITIVE_INFINITY,
    };
  },
};

function unsupported(field: string): CodedError {
  return new CodedError(
    'unsupported_field',
    `envoy.filters.http.fault: ${field}: is not supported; match by route instead`,
  );
}

function delayMs(specifier: { case: string | undefined; value?: unknown }): number | undefined {
  if (specifier.case !== 'fixedDelay') return undefined;
  const { seconds, nanos } = specifier.value as { seconds: bigint; nanos: number };
  return Number(seconds) * 1000 + nanos / 1e6;
}

function abortStatus(error: { case: string | undefined; value?: unknown }): number | undefined {
  if (error.case === 'grpcStatus') return grpcToHttp[error.value as number] ?? 500;
  if (error.case !== 'httpStatus') return undefined;
  const status = error.value as number;
  if (status >= statusMin && status <= statusMax) return status;
  throw new CodedError(
    'bad_value',
    `envoy.filters.http.fault: abort.http_status: ${status}: must be ${statusMin} to ${statusMax}`,
  );
}

/** HTTP status for the gRPC codes that have an obvious one (gRPC's documentation of HTTP mapping, read backwards). */
const grpcToHttp: Readonly<Record<number, number>> = {
  0: 200,
  3: 400,
  4: 504,
  5: 404,
  7: 403,
  8: 429,
  12: 501,
  14: 503,
  16: 401,
};

const denominators: Readonly<Record<number, number>> = {
  [FractionalPercent_DenominatorType.HUNDRED]: 10_000,
  [FractionalPercent_DenominatorType.TEN_THOUSAND]: 100,
  [FractionalPercent_DenominatorType.MILLION]: 1,
};

function ppmOf(percentage: FractionalPercent | undefined): number {
  return percentage === undefined ? 0 : percentage.numerator * (denominators[percentage.denominator] ?? 0);
}
