import type { Counter, Gauge, Histogram, Stats } from '@sofamesh/contract/stats';

export interface CodecStats {
  readonly cxTotal: Counter;
  readonly cxActive: Gauge;
  readonly rqTotal: Counter;
}

/** The metrics of the proxies of one prefix, HTTP and RPC alike: `http.PREFIX.…`, Envoy's names, looked up once. */
export class DownstreamStats {
  /** `http.PREFIX.` */
  readonly prefix: string;

  readonly cxTotal: Counter;
  readonly cxActive: Gauge;
  readonly cxDestroy: Counter;
  readonly cxDestroyActiveRq: Counter;
  readonly cxLengthMs: Histogram;
  readonly cxProtocolError: Counter;
  readonly cxDrainClose: Counter;
  readonly cxDelayedCloseTimeout: Counter;
  readonly cxIdleTimeout: Counter;
  readonly cxMaxRequests: Counter;
  readonly cxMaxDuration: Counter;
  readonly cxUpgradesTotal: Counter;
  readonly cxUpgradesActive: Gauge;
  /** A message did not become whole in time; Envoy counts only heads (`downstream_rq_header_timeout`). */
  readonly cxMessageTimeout: Counter;
  /** Closed because the listener's connections together held too many bytes of incomplete messages. Not Envoy's. */
  readonly cxHeldBytesOverflow: Counter;
  /** Heartbeats that were answered here. Not Envoy's. */
  readonly heartbeats: Counter;

  readonly rqTotal: Counter;
  readonly rqActive: Gauge;
  readonly rqCompleted: Counter;
  readonly rqTime: Histogram;
  readonly rqRxReset: Counter;
  readonly rqTxReset: Counter;
  readonly rqTimeout: Counter;
  readonly rqHeaderTimeout: Counter;
  readonly rqMaxDuration: Counter;
  readonly rqTooLarge: Counter;
  /** An upgrade or CONNECT that is not allowed (Envoy: downstream_rq_ws_on_non_ws_route). */
  readonly rqUpgradeRefused: Counter;
  readonly rqIdleTimeout: Counter;
  readonly rqOneWay: Counter;
  readonly routed: Counter;
  readonly noRoute: Counter;
  readonly noCluster: Counter;
  readonly directResponse: Counter;
  readonly redirect: Counter;
  /** Redirects that a route would follow, and that went to the client. */
  readonly redirectsPassed: Readonly<Record<'badLocation' | 'noRoute' | 'tooMany' | 'unsafeScheme', Counter>>;
  readonly resetAfterResponseStarted: Counter;
  readonly #stats: Stats;
  readonly #codecs = new Map<string, CodecStats>();
  readonly #faults = new Map<string, Counter>();
  /** By the status's first digit, from 1. */
  readonly #classes: readonly Counter[];

  constructor(stats: Stats, prefix: string) {
    this.prefix = prefix;
    this.#stats = stats;
    const counter = (name: string) => stats.counter(prefix + name);
    this.cxTotal = counter('downstream_cx_total');
    this.cxActive = stats.gauge(`${prefix}downstream_cx_active`);
    this.cxDestroy = counter('downstream_cx_destroy');
    this.cxDestroyActiveRq = counter('downstream_cx_destroy_active_rq');
    this.cxLengthMs = stats.histogram(`${prefix}downstream_cx_length_ms`);
    this.cxProtocolError = counter('downstream_cx_protocol_error');
    this.cxDrainClose = counter('downstream_cx_drain_close');
    this.cxDelayedCloseTimeout = counter('downstream_cx_delayed_close_timeout');
    this.cxIdleTimeout = counter('downstream_cx_idle_timeout');
    this.cxMaxRequests = counter('downstream_cx_max_requests_reached');
    this.cxMaxDuration = counter('downstream_cx_max_duration_reached');
    this.cxUpgradesTotal = counter('downstream_cx_upgrades_total');
    this.cxUpgradesActive = stats.gauge(`${prefix}downstream_cx_upgrades_active`);
    this.cxMessageTimeout = counter('downstream_cx_message_timeout');
    this.cxHeldBytesOverflow = counter('downstream_cx_held_bytes_overflow');
    this.heartbeats = counter('downstream_heartbeat');
    this.rqTotal = counter('downstream_rq_total');
    this.rqActive = stats.gauge(`${prefix}downstream_rq_active`);
    this.rqCompleted = counter('downstream_rq_completed');
    this.rqTime = stats.histogram(`${prefix}downstream_rq_time`);
    this.rqRxReset = counter('downstream_rq_rx_reset');
    this.rqTxReset = counter('downstream_rq_tx_reset');
    this.rqTimeout = counter('downstream_rq_timeout');
    this.rqHeaderTimeout = counter('downstream_rq_header_timeout');
    this.rqMaxDuration = counter('downstream_rq_max_duration_reached');
    this.rqTooLarge = counter('downstream_rq_too_large');
    this.rqUpgradeRefused = counter('downstream_rq_ws_on_non_ws_route');
    this.rqIdleTimeout = counter('downstream_rq_idle_timeout');
    this.rqOneWay = counter('downstream_rq_one_way');
    this.routed = counter('rq_total');
    this.noRoute = counter('no_route');
    this.noCluster = counter('no_cluster');
    this.directResponse = counter('rq_direct_response');
    this.redirect = counter('rq_redirect');
    const passed = (why: string) => counter(`passthrough_internal_redirect_${why}`);
    this.redirectsPassed = {
      badLocation: passed('bad_location'),
      noRoute: passed('no_route'),
      tooMany: passed('too_many_redirects'),
      unsafeScheme: passed('unsafe_scheme'),
    };
    this.resetAfterResponseStarted = counter('rq_reset_after_downstream_response_started');
    this.#classes = ['1xx', '2xx', '3xx', '4xx', '5xx'].map((name) => counter(`downstream_rq_${name}`));
  }

  /** Connections and requests of one HTTP version: `downstream_cx_http1_total`. */
  codec(name: string): CodecStats {
    let found = this.#codecs.get(name);
    if (found === undefined) {
      found = {
        cxTotal: this.#stats.counter(`${this.prefix}downstream_cx_${name}_total`),
        cxActive: this.#stats.gauge(`${this.prefix}downstream_cx_${name}_active`),
        rqTotal: this.#stats.counter(`${this.prefix}downstream_rq_${name}_total`),
      };
      this.#codecs.set(name, found);
    }
    return found;
  }

  /** As Envoy's codecs count: for all listeners together, `http2.inbound_empty_frames_flood`. */
  countFault(codec: string, code: string): void {
    const name = `${codec}.${code}`;
    let counter = this.#faults.get(name);
    if (counter === undefined) this.#faults.set(name, (counter = this.#stats.counter(name)));
    counter.increment();
  }

  /** A response with this status went to the client, to its end. */
  recordResponse(status: number): void {
    this.rqCompleted.increment();
    if (status >= 100 && status < 600) this.#classes[Math.floor(status / 100) - 1]!.increment();
  }
}
