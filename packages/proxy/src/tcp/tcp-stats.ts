import type { Counter, Stats } from '@sofamesh/contract/stats';

/** Metrics of one TCP proxy under Envoy's names (`tcp.PREFIX.…`). */
export class TcpStats {
  readonly cxTotal: Counter;
  readonly cxNoRoute: Counter;
  readonly cxRxBytesTotal: Counter;
  readonly cxTxBytesTotal: Counter;
  readonly flowControlPausedReadingTotal: Counter;
  readonly flowControlResumedReadingTotal: Counter;
  readonly idleTimeout: Counter;
  readonly maxDuration: Counter;

  constructor(stats: Stats, statPrefix: string) {
    const counter = (name: string) => stats.counter(`tcp.${statPrefix}.${name}`);
    this.cxTotal = counter('downstream_cx_total');
    this.cxNoRoute = counter('downstream_cx_no_route');
    this.cxRxBytesTotal = counter('downstream_cx_rx_bytes_total');
    this.cxTxBytesTotal = counter('downstream_cx_tx_bytes_total');
    this.flowControlPausedReadingTotal = counter('downstream_flow_control_paused_reading_total');
    this.flowControlResumedReadingTotal = counter('downstream_flow_control_resumed_reading_total');
    this.idleTimeout = counter('idle_timeout');
    this.maxDuration = counter('max_downstream_connection_duration');
  }
}
