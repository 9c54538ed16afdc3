import { FieldError } from '@sofamesh/base/field-error';

/** Milliseconds of a `google.protobuf.Duration`. A negative one is refused. */
export function durationMs(
  { seconds, nanos }: { readonly seconds: bigint; readonly nanos: number },
  path: string,
): number {
  const value = Number(seconds) * 1000 + nanos / 1e6;
  if (value < 0) throw new FieldError(path, `${value}ms`, 'must not be negative');
  return value;
}
