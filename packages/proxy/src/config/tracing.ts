import type { SpanFormatName } from '@sofamesh/contract/trace';

/** `HttpConnectionManager.Tracing`: which exchanges of a listener become spans, and what is told of them. */
export interface TracingConfig {
  readonly provider: TraceProviderConfig;
  /** What the proxy is in the span of an exchange: of a listener for outbound traffic, the application's client. */
  readonly kind: 'server' | 'client';
  /** Each try at an upstream host is a span of its own, below that of the exchange. */
  readonly spansOfTries: boolean;
  /** Shares in parts per million: of requests whose client asks for it (x-client-trace-id), of the others, of all these. */
  readonly clientPpm: number;
  readonly randomPpm: number;
  readonly overallPpm: number;
  /** Longest path in the tag `http.url`. Envoy's default: 256. */
  readonly pathLengthMax: number;
  readonly tags: readonly CustomTagConfig[];
}

export type CustomTagConfig =
  | { readonly kind: 'literal'; readonly name: string; readonly value: string }
  /** Without the header and without a fallback there is no tag. */
  | { readonly kind: 'header'; readonly name: string; readonly header: string; readonly fallback: string | undefined };

/** Where spans go. Listeners with equal ones share a queue. */
export interface TraceProviderConfig {
  /** Also decides how the context of a new trace is sent on: B3 for Zipkin, W3C for OpenTelemetry. */
  readonly format: SpanFormatName;
  /** What this proxy is called in its spans. */
  readonly service: string;
  readonly cluster: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** For one report. */
  readonly timeoutMs: number;
  /** New traces have ids of 32 digits; else of 16. */
  readonly longTraceIds: boolean;
  /** A server's span has the id that its caller sent, instead of one below it. */
  readonly sharesSpanIds: boolean;
}
