import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { FaultDelaySchema } from '@sofamesh/api/gen/envoy/extensions/filters/common/fault/v3/fault_pb';
import { FaultAbortSchema, HTTPFaultSchema } from '@sofamesh/api/gen/envoy/extensions/filters/http/fault/v3/fault_pb';
import {
  FractionalPercent_DenominatorType as Denominator,
  FractionalPercentSchema,
} from '@sofamesh/api/gen/envoy/type/v3/percent_pb';
import { durationMs } from '@sofamesh/model/duration';
import type { HttpAbort, HttpDelay, HttpFault } from '@sofamesh/model/kinds/virtual-service/types';
import { duration, millionths, typedConfig } from '../../core/protobuf.ts';

export const FAULT_FILTER = 'envoy.filters.http.fault';

/** `http[].fault` as the fault filter's configuration for one route; undefined if nothing would happen. */
export function faultConfigOf(fault: HttpFault | undefined): Any | undefined {
  const delay = fault?.delay && delayOf(fault.delay);
  const abort = fault?.abort && abortOf(fault.abort);
  if (delay === undefined && abort === undefined) return undefined;
  return typedConfig(HTTPFaultSchema, { ...(delay && { delay }), ...(abort && { abort }) });
}

function delayOf({ fixedDelay, percentage }: HttpDelay) {
  const delayMs = fixedDelay === undefined ? 0 : durationMs(fixedDelay);
  if (delayMs <= 0) return undefined;
  return create(FaultDelaySchema, {
    faultDelaySecifier: { case: 'fixedDelay', value: duration(delayMs) },
    percentage: fraction(percentage.value),
  });
}

function abortOf({ httpStatus, grpcStatus, percentage }: HttpAbort) {
  const code = grpcStatus === undefined ? -1 : grpcStatuses.indexOf(grpcStatus.toUpperCase());
  if (httpStatus === undefined && code < 0) return undefined;
  return create(FaultAbortSchema, {
    errorType:
      httpStatus === undefined ? { case: 'grpcStatus', value: code } : { case: 'httpStatus', value: httpStatus },
    percentage: fraction(percentage.value),
  });
}

function fraction(percent: number) {
  return create(FractionalPercentSchema, { numerator: millionths(percent), denominator: Denominator.MILLION });
}

/** By code: gRPC's `statuscodes.md`. */
const grpcStatuses = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];
