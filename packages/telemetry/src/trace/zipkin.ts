import type { SpanFormat, SpanRecord } from '@sofamesh/contract/trace';

/** Spans as Zipkin's API v2 takes them (`POST /api/v2/spans`): times in microseconds, every tag a text. */
export function zipkinFormat(service: string): SpanFormat {
  return {
    contentType: 'application/json',
    encode: (spans) => Buffer.from(JSON.stringify(spans.map((span) => toZipkin(span, service)))),
  };
}

function toZipkin(span: SpanRecord, service: string): object {
  const tags: Record<string, string> = {};
  for (const [name, value] of span.tags) tags[name] = String(value);
  // Zipkin takes any value for an error.
  if (span.failed) tags['error'] ??= 'true';
  return {
    traceId: span.traceId,
    id: span.spanId,
    parentId: span.parentId,
    kind: span.kind === 'server' ? 'SERVER' : 'CLIENT',
    name: span.name,
    timestamp: Math.round(span.startWallMs * 1000),
    // 0 would mean: not known.
    duration: Math.max(1, Math.round(span.durationMs * 1000)),
    ...(span.shared && { shared: true }),
    localEndpoint: endpointOf(span, service),
    tags,
  };
}

function endpointOf({ local }: SpanRecord, serviceName: string): object {
  if (local.kind === 'pipe') return { serviceName };
  const { host, port } = local;
  return { serviceName, ...(host.includes(':') ? { ipv6: host } : { ipv4: host }), port };
}
