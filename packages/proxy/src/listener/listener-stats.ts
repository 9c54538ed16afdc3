import { type Address, formatAddress } from '@sofamesh/base/address';
import type { Counter, Gauge, Histogram, Stats } from '@sofamesh/contract/stats';

/** The metrics of one socket that accepts, `listener.ADDRESS.…` or `listener.STAT_PREFIX.…`: Envoy's names. */
export class ListenerStats {
  readonly cxTotal: Counter;
  readonly cxActive: Gauge;
  readonly cxDestroy: Counter;
  readonly cxOverflow: Counter;
  readonly cxLengthMs: Histogram;
  readonly preCxActive: Gauge;
  readonly preCxTimeout: Counter;
  readonly noFilterChainMatch: Counter;
  readonly connectionError: Counter;
  readonly handshake: Counter;

  constructor(stats: Stats, address: Address, statPrefix: string) {
    const prefix = `listener.${(statPrefix || formatAddress(address)).replaceAll(':', '_')}.`;
    this.cxTotal = stats.counter(`${prefix}downstream_cx_total`);
    this.cxActive = stats.gauge(`${prefix}downstream_cx_active`);
    this.cxDestroy = stats.counter(`${prefix}downstream_cx_destroy`);
    this.cxOverflow = stats.counter(`${prefix}downstream_cx_overflow`);
    this.cxLengthMs = stats.histogram(`${prefix}downstream_cx_length_ms`);
    this.preCxActive = stats.gauge(`${prefix}downstream_pre_cx_active`);
    this.preCxTimeout = stats.counter(`${prefix}downstream_pre_cx_timeout`);
    this.noFilterChainMatch = stats.counter(`${prefix}no_filter_chain_match`);
    this.connectionError = stats.counter(`${prefix}ssl.connection_error`);
    this.handshake = stats.counter(`${prefix}ssl.handshake`);
  }
}
