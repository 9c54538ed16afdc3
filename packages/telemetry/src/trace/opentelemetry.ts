import type { SpanFormat, SpanRecord, SpanTag } from '@sofamesh/contract/trace';

/** `SPAN_KIND_SERVER`, `SPAN_KIND_CLIENT` and `STATUS_CODE_ERROR` of OTLP. */
export const serverKind = 2;
export const clientKind = 3;
export const errorStatus = 2;

/** Spans as OTLP over HTTP takes them in JSON (opentelemetry-proto, `ExportTraceServiceRequest`). */
export function openTelemetryFormat(service: string): SpanFormat {
  const resource = { attributes: [attribute(['service.name', service])] };
  return {
    contentType: 'application/json',
    encode(spans) {
      const scopeSpans = [{ scope: { name: 'mosn' }, spans: spans.map(toOtlp) }];
      return Buffer.from(JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] }));
    },
  };
}

function toOtlp(span: SpanRecord): object {
  return {
    // Ids are hexadecimal in JSON, and those of traces never short.
    traceId: span.traceId.padStart(32, '0'),
    spanId: span.spanId,
    parentSpanId: span.parentId,
    name: span.name,
    kind: span.kind === 'server' ? serverKind : clientKind,
    startTimeUnixNano: nanoseconds(span.startWallMs),
    endTimeUnixNano: nanoseconds(span.startWallMs + span.durationMs),
    attributes: span.tags.map(attribute),
    ...(span.failed && { status: { code: errorStatus } }),
  };
}

/** A 64-bit number is a text in JSON. Finer than a microsecond the clock is not. */
function nanoseconds(wallMs: number): string {
  return `${Math.round(wallMs * 1000)}000`;
}

function attribute([key, value]: SpanTag): object {
  switch (typeof value) {
    case 'boolean':
      return { key, value: { boolValue: value } };
    case 'number':
      return { key, value: Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value } };
    default:
      return { key, value: { stringValue: value } };
  }
}
