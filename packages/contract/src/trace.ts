import type { Address } from '@sofamesh/base/address';

/**
 * One span of a distributed trace: what one participant did for a request, and in whose name. The engine makes spans of
 * exchanges; a format of `telemetry` writes them as a collector reads them.
 */
export interface SpanRecord {
  /** 32 lower-case hexadecimal digits, or 16 where the trace was begun with so many. */
  readonly traceId: string;
  /** 16 lower-case hexadecimal digits. */
  readonly spanId: string;
  /** Undefined: the trace begins here. */
  readonly parentId: string | undefined;
  /** The caller has a span of the same id (Zipkin's joined spans). */
  readonly shared: boolean;
  readonly kind: 'server' | 'client';
  readonly name: string;
  /** Milliseconds since the Unix epoch, with fractions. */
  readonly startWallMs: number;
  readonly durationMs: number;
  readonly failed: boolean;
  readonly tags: readonly SpanTag[];
  /** Where this participant was asked. */
  readonly local: Address;
}

export type SpanTag = readonly [name: string, value: string | number | boolean];

/** How spans are written for a collector. */
export interface SpanFormat {
  /** Of the reports. */
  readonly contentType: string;
  encode(spans: readonly SpanRecord[]): Buffer;
}

/** Zipkin's API v2 and OTLP over HTTP, both as JSON; OTLP over gRPC. */
export type SpanFormatName = 'zipkin' | 'opentelemetry' | 'opentelemetry-grpc';
