import type { SpanFormat, SpanFormatName } from '@sofamesh/contract/trace';
import { openTelemetryFormat } from './opentelemetry.ts';
import { openTelemetryGrpcFormat } from './opentelemetry-grpc.ts';
import { zipkinFormat } from './zipkin.ts';

/** The format of that name; `service` is who the spans say has made them. */
export function spanFormat(name: SpanFormatName, service: string): SpanFormat {
  switch (name) {
    case 'zipkin':
      return zipkinFormat(service);
    case 'opentelemetry':
      return openTelemetryFormat(service);
    case 'opentelemetry-grpc':
      return openTelemetryGrpcFormat(service);
  }
}
