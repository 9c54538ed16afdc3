import type { Headers } from '@sofamesh/contract/message';
import { isFieldValue } from '../octets.ts';

/** What traces are made of goes along with every message. */
const traceHeaders = ['traceparent', 'tracestate', 'x-request-id', 'b3'];

/** The headers that go along with a converted message: those of its rule, and those of traces. */
export function passedHeaders(
  from: Headers,
  names: readonly string[],
): readonly (readonly [name: string, value: string])[] {
  const passed: [string, string][] = [];
  for (const name of new Set([...traceHeaders, ...names])) {
    const value = from.get(name);
    if (value !== undefined && isFieldValue(value)) passed.push([name, value]);
  }
  return passed;
}
