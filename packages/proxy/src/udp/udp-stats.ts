import type { Counter, Gauge, Stats } from '@sofamesh/contract/stats';

/** Metrics of one UDP proxy under Envoy's names (`udp.PREFIX.…`). */
export class UdpStats {
  readonly sessTotal: Counter;
  readonly sessActive: Gauge;
  readonly sessNoRoute: Counter;
  /** Sessions beyond the listener's own limit; Envoy has no such limit and no such metric. */
  readonly sessOverflow: Counter;
  readonly rxBytes: Counter;
  readonly rxDatagrams: Counter;
  readonly rxDatagramsDropped: Counter;
  readonly txBytes: Counter;
  readonly txDatagrams: Counter;
  readonly txErrors: Counter;
  readonly idleTimeout: Counter;

  constructor(stats: Stats, statPrefix: string) {
    const counter = (name: string) => stats.counter(`udp.${statPrefix}.${name}`);
    this.sessTotal = counter('downstream_sess_total');
    this.sessActive = stats.gauge(`udp.${statPrefix}.downstream_sess_active`);
    this.sessNoRoute = counter('downstream_sess_no_route');
    this.sessOverflow = counter('downstream_sess_overflow');
    this.rxBytes = counter('downstream_sess_rx_bytes');
    this.rxDatagrams = counter('downstream_sess_rx_datagrams');
    this.rxDatagramsDropped = counter('downstream_sess_rx_datagrams_dropped');
    this.txBytes = counter('downstream_sess_tx_bytes');
    this.txDatagrams = counter('downstream_sess_tx_datagrams');
    this.txErrors = counter('downstream_sess_tx_errors');
    this.idleTimeout = counter('idle_timeout');
  }
}

/** Metrics of a cluster's UDP sessions (`cluster.NAME.udp.…`). */
export class UdpClusterStats {
  readonly rxDatagrams: Counter;
  readonly rxDatagramsDropped: Counter;
  readonly rxErrors: Counter;
  readonly txDatagrams: Counter;
  readonly txErrors: Counter;

  /** `prefix`: `cluster.NAME.` */
  constructor(stats: Stats, prefix: string) {
    const counter = (name: string) => stats.counter(`${prefix}udp.${name}`);
    this.rxDatagrams = counter('sess_rx_datagrams');
    this.rxDatagramsDropped = counter('sess_rx_datagrams_dropped');
    this.rxErrors = counter('sess_rx_errors');
    this.txDatagrams = counter('sess_tx_datagrams');
    this.txErrors = counter('sess_tx_errors');
  }
}
