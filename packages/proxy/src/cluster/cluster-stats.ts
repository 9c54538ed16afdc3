import type { Host } from '@sofamesh/contract/balancer';
import type { Protocol, StreamStats } from '@sofamesh/contract/protocol';
import type { Counter, Gauge, Histogram, Stats } from '@sofamesh/contract/stats';
import { openStreamStats } from '../stream-stats.ts';
import { TlsStats } from '../tls-stats.ts';
import { UpstreamHost } from './upstream-host.ts';

/**
 * A cluster's metrics under Envoy's names (`cluster.NAME.…`), looked up once. Clusters of one name share them, so a
 * replaced cluster goes on where the old one was.
 *
 * **Who counts.** Everything of connections (`cx`), of streams (`rqTotal`, `rqActive`) and of waiting for one
 * (`rqPending…`, `rqCancelled`), and what a circuit breaker refuses, is counted by the upstream half. The exchange
 * counts what it alone knows: answers by {@link recordResponse} and {@link recordTime}, failures by
 * {@link recordFailure} and {@link recordTimeout}, `cxNoneHealthy`, `rqPerTryTimeout`, `rqRxReset`, `rqTxReset`, `rqRetry`,
 * `rqRetrySuccess`, `rqRetryLimitExceeded`.
 */
export class ClusterStats {
  /** `cluster.NAME.` */
  readonly prefix: string;

  readonly cxTotal: Counter;
  readonly cxActive: Gauge;
  readonly cxHttp1Total: Counter;
  readonly cxHttp2Total: Counter;
  readonly cxConnectFail: Counter;
  readonly cxConnectTimeout: Counter;
  readonly cxConnectAttemptsExceeded: Counter;
  readonly cxOverflow: Counter;
  readonly cxPoolOverflow: Counter;
  readonly cxDestroy: Counter;
  readonly cxDestroyLocal: Counter;
  readonly cxDestroyRemote: Counter;
  readonly cxDestroyWithActiveRq: Counter;
  readonly cxDestroyLocalWithActiveRq: Counter;
  readonly cxDestroyRemoteWithActiveRq: Counter;
  readonly cxMaxRequests: Counter;
  readonly cxMaxDurationReached: Counter;
  readonly cxNoneHealthy: Counter;
  readonly cxIdleTimeout: Counter;
  readonly cxProtocolError: Counter;
  readonly cxRxBytesTotal: Counter;
  readonly cxTxBytesTotal: Counter;
  readonly cxConnectMs: Histogram;
  readonly cxLengthMs: Histogram;

  readonly rqTotal: Counter;
  readonly rqActive: Gauge;
  readonly rqCompleted: Counter;
  readonly rqPendingTotal: Counter;
  readonly rqPendingActive: Gauge;
  readonly rqPendingOverflow: Counter;
  readonly rqPendingFailureEject: Counter;
  readonly rqTimeout: Counter;
  readonly rqPerTryTimeout: Counter;
  readonly rqRxReset: Counter;
  readonly rqTxReset: Counter;
  readonly rqCancelled: Counter;
  readonly rqMaxDurationReached: Counter;
  /** Sent once more because their connection was found closed; not counted as retries. Envoy has no such metric. */
  readonly rqResent: Counter;
  readonly redirectsFollowed: Counter;
  readonly redirectsFailed: Counter;
  readonly rqRetry: Counter;
  readonly rqRetrySuccess: Counter;
  readonly rqRetryOverflow: Counter;
  readonly rqRetryLimitExceeded: Counter;
  readonly rqTime: Histogram;
  /** Replies that nobody waited for; Envoy has no such metric. */
  readonly rqUnsolicited: Counter;

  readonly membershipTotal: Gauge;
  readonly membershipHealthy: Gauge;
  readonly membershipChange: Counter;
  /** Picks while no host was healthy and all were used. */
  readonly lbHealthyPanic: Counter;

  readonly #stats: Stats;
  #tls: TlsStats | undefined = undefined;
  /** By the status's first digit, from 1. */
  readonly #classes: readonly Counter[];
  /** By status − 100, made at the first answer with that status. */
  readonly #codes: (Counter | undefined)[] = new Array(500).fill(undefined);
  /** Of codecs, by protocol and event, made at the first such event. */
  readonly #codecEvents = new Map<string, Counter>();
  readonly #streams = new Map<string, StreamStats | undefined>();

  constructor(stats: Stats, statName: string) {
    const prefix = `cluster.${statName.replaceAll(':', '_')}.`;
    const counter = (name: string) => stats.counter(prefix + name);
    const gauge = (name: string) => stats.gauge(prefix + name);
    const histogram = (name: string) => stats.histogram(prefix + name);
    this.#stats = stats;
    this.prefix = prefix;
    this.cxTotal = counter('upstream_cx_total');
    this.cxActive = gauge('upstream_cx_active');
    this.cxHttp1Total = counter('upstream_cx_http1_total');
    this.cxHttp2Total = counter('upstream_cx_http2_total');
    this.cxConnectFail = counter('upstream_cx_connect_fail');
    this.cxConnectTimeout = counter('upstream_cx_connect_timeout');
    this.cxConnectAttemptsExceeded = counter('upstream_cx_connect_attempts_exceeded');
    this.cxOverflow = counter('upstream_cx_overflow');
    this.cxPoolOverflow = counter('upstream_cx_pool_overflow');
    this.cxDestroy = counter('upstream_cx_destroy');
    this.cxDestroyLocal = counter('upstream_cx_destroy_local');
    this.cxDestroyRemote = counter('upstream_cx_destroy_remote');
    this.cxDestroyWithActiveRq = counter('upstream_cx_destroy_with_active_rq');
    this.cxDestroyLocalWithActiveRq = counter('upstream_cx_destroy_local_with_active_rq');
    this.cxDestroyRemoteWithActiveRq = counter('upstream_cx_destroy_remote_with_active_rq');
    this.cxMaxRequests = counter('upstream_cx_max_requests');
    this.cxMaxDurationReached = counter('upstream_cx_max_duration_reached');
    this.cxNoneHealthy = counter('upstream_cx_none_healthy');
    this.cxIdleTimeout = counter('upstream_cx_idle_timeout');
    this.cxProtocolError = counter('upstream_cx_protocol_error');
    this.cxRxBytesTotal = counter('upstream_cx_rx_bytes_total');
    this.cxTxBytesTotal = counter('upstream_cx_tx_bytes_total');
    this.cxConnectMs = histogram('upstream_cx_connect_ms');
    this.cxLengthMs = histogram('upstream_cx_length_ms');
    this.rqTotal = counter('upstream_rq_total');
    this.rqActive = gauge('upstream_rq_active');
    this.rqCompleted = counter('upstream_rq_completed');
    this.rqPendingTotal = counter('upstream_rq_pending_total');
    this.rqPendingActive = gauge('upstream_rq_pending_active');
    this.rqPendingOverflow = counter('upstream_rq_pending_overflow');
    this.rqPendingFailureEject = counter('upstream_rq_pending_failure_eject');
    this.rqTimeout = counter('upstream_rq_timeout');
    this.rqPerTryTimeout = counter('upstream_rq_per_try_timeout');
    this.rqRxReset = counter('upstream_rq_rx_reset');
    this.rqTxReset = counter('upstream_rq_tx_reset');
    this.rqCancelled = counter('upstream_rq_cancelled');
    this.rqMaxDurationReached = counter('upstream_rq_max_duration_reached');
    this.rqResent = counter('upstream_rq_resent');
    this.redirectsFollowed = counter('upstream_internal_redirect_succeeded_total');
    this.redirectsFailed = counter('upstream_internal_redirect_failed_total');
    this.rqRetry = counter('upstream_rq_retry');
    this.rqRetrySuccess = counter('upstream_rq_retry_success');
    this.rqRetryOverflow = counter('upstream_rq_retry_overflow');
    this.rqRetryLimitExceeded = counter('upstream_rq_retry_limit_exceeded');
    this.rqTime = histogram('upstream_rq_time');
    this.rqUnsolicited = counter('upstream_rq_unsolicited');
    this.membershipTotal = gauge('membership_total');
    this.membershipHealthy = gauge('membership_healthy');
    this.membershipChange = counter('membership_change');
    this.lbHealthyPanic = counter('lb_healthy_panic');
    this.#classes = ['1xx', '2xx', '3xx', '4xx', '5xx'].map((name) => counter(`upstream_rq_${name}`));
  }

  /** `cluster.NAME.ssl.…`; there are none before it is asked for. */
  get tls(): TlsStats {
    this.#tls ??= new TlsStats(this.#stats, this.prefix);
    return this.#tls;
  }

  /** The head of an answer came from `host`: `upstream_rq_completed`, `_2xx`, `_200`, and the host's own success or error. */
  recordResponse(host: Host | undefined, status: number): void {
    this.#countStatus(status);
    if (host instanceof UpstreamHost) {
      if (status < 500) host.rqSuccess++;
      else host.rqError++;
    }
  }

  /** An attempt ended without an answer (reset, connection failure); `status` is what the client got for it, if anything. */
  recordFailure(host: Host | undefined, status?: number): void {
    if (status !== undefined) this.#countStatus(status);
    if (host instanceof UpstreamHost) host.rqError++;
  }

  /** The whole request timed out while `host` had it: `upstream_rq_timeout`, and status 504 as Envoy counts it. */
  recordTimeout(host: Host | undefined): void {
    this.rqTimeout.increment();
    this.#countStatus(504);
    if (host instanceof UpstreamHost) host.rqTimeout++;
  }

  /** Milliseconds from the request's last byte to the end of its answer: `upstream_rq_time`. */
  recordTime(elapsedMs: number): void {
    this.rqTime.record(elapsedMs);
  }

  /** What a codec met with: `cluster.NAME.http2.keepalive_timeout`. `event` is one of the codec's few words. */
  recordCodecEvent(protocol: string, event: string): void {
    const name = `${protocol}.${event}`;
    let counter = this.#codecEvents.get(name);
    if (counter === undefined) {
      counter = this.#stats.counter(this.prefix + name);
      this.#codecEvents.set(name, counter);
    }
    counter.increment();
  }

  /** Those of a codec, see {@link openStreamStats}. */
  streamsOf(protocol: Protocol): StreamStats | undefined {
    if (!this.#streams.has(protocol.name)) {
      this.#streams.set(protocol.name, openStreamStats(this.#stats, this.prefix, protocol));
    }
    return this.#streams.get(protocol.name);
  }

  #countStatus(status: number): void {
    this.rqCompleted.increment();
    if (!(status >= 100 && status < 600)) return;
    this.#classes[Math.floor(status / 100) - 1]!.increment();
    (this.#codes[status - 100] ??= this.#stats.counter(`${this.prefix}upstream_rq_${status}`)).increment();
  }
}
