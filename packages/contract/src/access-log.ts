import type { Address } from '@sofamesh/base/address';
import type { Headers, RequestHead, ResponseHead } from './message.ts';
import type { Connection } from './transport.ts';

/**
 * What an access log may say about one exchange or TCP connection. The engine fills one such record per exchange; a
 * format compiled by `telemetry` reads it when the exchange is over. Times are monotonic milliseconds but `startWallMs`.
 */
export interface LogRecord {
  readonly startWallMs: number;
  readonly durationMs: number;
  /** Undefined for TCP. */
  readonly request: RequestHead | undefined;
  readonly response: ResponseHead | undefined;
  readonly responseTrailers?: Headers | undefined;
  /** 0 when no answer was sent. */
  readonly status: number;
  readonly flags: number;
  /** Envoy's response code details, or empty. */
  readonly details: string;
  readonly routeName: string;
  readonly virtualHost: string;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Milliseconds from the request's last byte sent upstream to the response's head; -1 when there was none. */
  readonly upstreamServiceMs: number;
  readonly upstreamCluster: string;
  /** `10.0.0.1:80`, or empty. */
  readonly upstreamHost: string;
  readonly upstreamLocal: string;
  readonly upstreamFailure: string;
  readonly attempts: number;
  readonly downstream: Connection;
  /** The client's, where trusted proxies in front of this one name it; undefined: the connection's. */
  readonly clientAddress?: Address | undefined;
  /** From the answer's trailers or head; undefined when it has none. */
  readonly grpcStatus?: number | undefined;
  /** Of the trace that the request belongs to, and of the span that this proxy has in it; undefined: it has none. */
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
  /** Text of an answer that the proxy made itself. */
  readonly localReplyBody?: string | undefined;
  /** What filters keep about a connection, by Envoy's keys, as text. */
  readonly filterState?: Readonly<Record<string, string>> | undefined;
  /** Undefined: it ended, a request or a TCP connection as {@link request} tells. */
  readonly type?: LogRecordType | undefined;
}

/** When a line is written; Envoy's `AccessLogType`. */
export type LogRecordType =
  | 'DownstreamEnd'
  | 'TcpUpstreamConnected'
  | 'TcpPeriodic'
  | 'TcpConnectionEnd'
  | 'UdpSessionEnd';

/** Where finished records go. Never throws and never waits. */
export interface AccessLog {
  log(record: LogRecord): void;
}
