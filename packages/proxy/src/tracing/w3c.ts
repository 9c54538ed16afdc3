import { readId, type TraceContext } from './trace-context.ts';

/** Version, trace id, parent id, flags; W3C Trace Context §3.2. Later versions may have more behind a `-`. */
const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const sampledFlag = 1;

/** Undefined: it is none, and the trace begins anew (§3.2.2.5, §4.3). */
export function readTraceparent(text: string): TraceContext | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, version, trace, span, flags, more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  const traceId = readId(trace, 32);
  const spanId = readId(span, 16);
  if (traceId === undefined || spanId === undefined) return undefined;
  const sampled = (Number.parseInt(flags!, 16) & sampledFlag) !== 0;
  return { traceId, spanId, parentId: undefined, sampled, debug: false };
}

/** Of a span that is sampled; others are not written. */
export function writeTraceparent(traceId: string, spanId: string): string {
  return `00-${traceId.padStart(32, '0')}-${spanId}-01`;
}
