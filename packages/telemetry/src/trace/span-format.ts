import type { SpanFormat, SpanFormatName } from '@sofamesh/contract/trace';
import { openTelemetryFormat } from './opentelemetry.ts';
import { zipkinFormat } from './zipkin.ts';

/** The format of that name; `service` is who the spans say has made them. */
export function spanFormat(name: SpanFormatName, service: string): SpanFormat {
  return name === 'zipkin' ? zipkinFormat(service) : openTelemetryFormat(service);
}
