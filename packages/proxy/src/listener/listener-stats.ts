import { type Address, formatAddress } from '@sofamesh/base/address';
import type { Counter, Gauge, Histogram, Stats } from '@sofamesh/contract/stats';
import { TlsStats } from '../tls-stats.ts';

/** The metrics of one socket that accepts, `listener.ADDRESS.…` or `listener.STAT_PREFIX.…`: Envoy's names. */
export class ListenerStats {
  readonly cxTotal: Counter;
  readonly cxActive: Gauge;
  readonly cxDestroy: Counter;
  readonly cxOverflow: Counter;
  readonly globalCxOverflow: Counter;
  readonly cxLengthMs: Histogram;
  readonly preCxActive: Gauge;
  readonly preCxTimeout: Counter;
  readonly filterError: Counter;
  readonly filterRemoteClose: Counter;
  readonly noFilterChainMatch: Counter;
  readonly tls: TlsStats;

  constructor(stats: Stats, address: Address, statPrefix: string) {
    const prefix = `listener.${(statPrefix || formatAddress(address)).replaceAll(':', '_')}.`;
    this.cxTotal = stats.counter(`${prefix}downstream_cx_total`);
    this.cxActive = stats.gauge(`${prefix}downstream_cx_active`);
    this.cxDestroy = stats.counter(`${prefix}downstream_cx_destroy`);
    this.cxOverflow = stats.counter(`${prefix}downstream_cx_overflow`);
    this.globalCxOverflow = stats.counter(`${prefix}downstream_global_cx_overflow`);
    this.cxLengthMs = stats.histogram(`${prefix}downstream_cx_length_ms`);
    this.preCxActive = stats.gauge(`${prefix}downstream_pre_cx_active`);
    this.preCxTimeout = stats.counter(`${prefix}downstream_pre_cx_timeout`);
    this.filterError = stats.counter(`${prefix}downstream_listener_filter_error`);
    this.filterRemoteClose = stats.counter(`${prefix}downstream_listener_filter_remote_close`);
    this.noFilterChainMatch = stats.counter(`${prefix}no_filter_chain_match`);
    this.tls = new TlsStats(stats, prefix);
  }
}
