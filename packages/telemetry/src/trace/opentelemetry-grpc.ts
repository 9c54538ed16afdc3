import type { SpanFormat, SpanRecord, SpanTag } from '@sofamesh/contract/trace';
import { clientKind, errorStatus, serverKind } from './opentelemetry.ts';
import { MessageWriter } from './protobuf.ts';

/** Fields of opentelemetry-proto: `trace/v1/trace.proto` and `common/v1/common.proto`. */
const Span = {
  traceId: 1,
  spanId: 2,
  parentSpanId: 4,
  name: 5,
  kind: 6,
  start: 7,
  end: 8,
  attributes: 9,
  status: 15,
} as const;
const AnyValue = { text: 1, bool: 2, int: 3, double: 4 } as const;

/**
 * Spans as OTLP over gRPC takes them: an `ExportTraceServiceRequest` in the frame of a gRPC message. It is written by hand, for
 * workers load no protobuf.
 */
export function openTelemetryGrpcFormat(service: string): SpanFormat {
  return {
    contentType: 'application/grpc',
    encode(spans) {
      const request = new MessageWriter();
      request.message(1, (resourceSpans) => {
        resourceSpans.message(1, (resource) => writeAttribute(resource, 1, ['service.name', service]));
        resourceSpans.message(2, (scopeSpans) => {
          scopeSpans.message(1, (scope) => scope.text(1, 'mosn'));
          for (const each of spans) scopeSpans.message(2, (span) => writeSpan(span, each));
        });
      });
      return framed(request.finish());
    },
  };
}

/** Not compressed, its length, itself. */
function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function writeSpan(writer: MessageWriter, span: SpanRecord): void {
  writer.bytes(Span.traceId, Buffer.from(span.traceId.padStart(32, '0'), 'hex'));
  writer.bytes(Span.spanId, Buffer.from(span.spanId, 'hex'));
  if (span.parentId !== undefined) writer.bytes(Span.parentSpanId, Buffer.from(span.parentId, 'hex'));
  writer.text(Span.name, span.name);
  writer.integer(Span.kind, span.kind === 'server' ? serverKind : clientKind);
  writer.fixed64(Span.start, nanoseconds(span.startWallMs));
  writer.fixed64(Span.end, nanoseconds(span.startWallMs + span.durationMs));
  for (const tag of span.tags) writeAttribute(writer, Span.attributes, tag);
  if (span.failed) writer.message(Span.status, (status) => status.integer(3, errorStatus));
}

/** Finer than a microsecond the clock is not. */
function nanoseconds(wallMs: number): bigint {
  return BigInt(Math.round(wallMs * 1000)) * 1000n;
}

function writeAttribute(writer: MessageWriter, field: number, [key, value]: SpanTag): void {
  writer.message(field, (attribute) => {
    attribute.text(1, key);
    attribute.message(2, (any) => {
      if (typeof value === 'boolean') any.integer(AnyValue.bool, value ? 1 : 0);
      else if (typeof value === 'string') any.text(AnyValue.text, value);
      else if (Number.isInteger(value)) any.integer(AnyValue.int, value);
      else any.double(AnyValue.double, value);
    });
  });
}
