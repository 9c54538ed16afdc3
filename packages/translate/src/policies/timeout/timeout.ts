import type { Duration } from '@bufbuild/protobuf/wkt';
import { durationMs } from '@sofamesh/model/duration';
import type { HttpRoute } from '@sofamesh/model/kinds/virtual-service/types';
import { duration } from '../../core/protobuf.ts';

/** `http[].timeout`: for a request with its retries. Where none is given there is none: Envoy's own default is 15 s. */
export function timeoutOf({ timeout }: Pick<HttpRoute, 'timeout'>): Duration {
  return duration(timeout === undefined ? 0 : durationMs(timeout));
}
