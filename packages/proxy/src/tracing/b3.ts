import type { Headers } from '@sofamesh/contract/message';
import { readId, type TraceContext } from './trace-context.ts';

/** Zipkin's B3: a header for each part, or one for all (`openzipkin/b3-propagation`). */

export const b3Prefix = 'x-b3-';
const traceHeader = 'x-b3-traceid';
const spanHeader = 'x-b3-spanid';
const parentHeader = 'x-b3-parentspanid';
const sampledHeader = 'x-b3-sampled';
const flagsHeader = 'x-b3-flags';

/** `undefined`: none of the headers is there; `'unreadable'`: some are, and they do not make a context. */
export function readB3(head: Headers): TraceContext | 'unreadable' | undefined {
  const trace = head.get(traceHeader);
  const sampled = head.get(sampledHeader);
  const flags = head.get(flagsHeader);
  if (trace === undefined && sampled === undefined && flags === undefined) return undefined;
  return contextOf(trace, head.get(spanHeader), head.get(parentHeader), flags === '1' ? 'd' : sampled);
}

/** `{trace}-{span}-{sampled}-{parent}`, the last two optional, or the decision alone. */
export function readB3Single(text: string): TraceContext | 'unreadable' {
  const parts = text.split('-');
  if (parts.length > 4) return 'unreadable';
  const [trace, span, sampled, parent] = parts;
  return span === undefined
    ? contextOf(undefined, undefined, undefined, trace)
    : contextOf(trace, span, parent, sampled);
}

function contextOf(
  trace: string | undefined,
  span: string | undefined,
  parent: string | undefined,
  decision: string | undefined,
): TraceContext | 'unreadable' {
  const sampled = decision === undefined ? undefined : decisions[decision];
  if (decision !== undefined && sampled === undefined) return 'unreadable';
  const debug = decision === 'd';
  if (trace === undefined) return { traceId: '', spanId: '', parentId: undefined, sampled, debug };
  const traceId = readId(trace, 32, 16);
  const spanId = readId(span, 16);
  if (traceId === undefined || spanId === undefined) return 'unreadable';
  return { traceId, spanId, parentId: readId(parent, 16), sampled, debug };
}

/** The words are those of old tracers. */
const decisions: Readonly<Record<string, boolean>> = Object.assign(Object.create(null), {
  '0': false,
  '1': true,
  d: true,
  false: false,
  true: true,
});

/** Of a span that is sampled. The mark of a debug trace, which is another header, stays as it came. */
export function writeB3(head: Headers, span: { traceId: string; spanId: string; parentId: string | undefined }): void {
  head.set(traceHeader, span.traceId);
  head.set(spanHeader, span.spanId);
  if (span.parentId !== undefined) head.set(parentHeader, span.parentId);
  else if (head.get(parentHeader) !== undefined) head.remove(parentHeader);
  if (head.get(flagsHeader) !== '1') head.set(sampledHeader, '1');
}

export function writeB3Single(
  { traceId, spanId, parentId }: { traceId: string; spanId: string; parentId: string | undefined },
  debug: boolean,
): string {
  const text = `${traceId}-${spanId}-${debug ? 'd' : '1'}`;
  return parentId === undefined ? text : `${text}-${parentId}`;
}
