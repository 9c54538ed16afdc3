import type { Random } from '@sofamesh/base/random';
import type { Exchange, Filter, FilterEnvironment, FilterKind } from '@sofamesh/contract/filter';
import { type RequestHead, ResponseFlag } from '@sofamesh/contract/message';
import type { Counter, Gauge } from '@sofamesh/contract/stats';

/** Envoy's HTTP fault filter as plain data: shares are parts per million of requests. */
export interface FaultConfig {
  readonly delay:
    | { readonly ppm: number; readonly fixedMs: number | undefined; readonly byHeader: boolean }
    | undefined;
  readonly abort: { readonly ppm: number; readonly status: number | undefined; readonly byHeader: boolean } | undefined;
  /** Faults only for requests to this cluster; empty: for all. */
  readonly upstreamCluster: string;
  /** Requests held by a fault at the same time; more pass unharmed. */
  readonly activeMax: number;
}

const name = 'envoy.filters.http.fault';

/** What all requests of one listener share. */
class FaultShared {
  readonly config: FaultConfig;
  readonly random: Random;
  readonly delays: Counter;
  readonly aborts: Counter;
  readonly overflow: Counter;
  readonly active: Gauge;
  activeCount = 0;

  constructor(config: FaultConfig, { random, stats, statPrefix }: FilterEnvironment) {
    this.config = config;
    this.random = random;
    this.delays = stats.counter(`${statPrefix}fault.delays_injected`);
    this.aborts = stats.counter(`${statPrefix}fault.aborts_injected`);
    this.overflow = stats.counter(`${statPrefix}fault.faults_overflow`);
    this.active = stats.gauge(`${statPrefix}fault.active_faults`);
  }

  hits(ppm: number): boolean {
    return ppm > 0 && (ppm >= 1_000_000 || this.random.next() * 1_000_000 < ppm);
  }
}

/** Delays, then aborts, a share of requests. A route's own configuration replaces the listener's. */
class FaultFilter implements Filter {
  readonly #shared: FaultShared;
  #holding = false;

  constructor(shared: FaultShared) {
    this.#shared = shared;
  }

  onRequestHead(head: RequestHead, exchange: Exchange): undefined | Promise<void> {
    const shared = this.#shared;
    const config = (exchange.routeConfig(name) as FaultConfig | undefined) ?? shared.config;
    if (config.delay === undefined && config.abort === undefined) return;
    if (config.upstreamCluster !== '' && exchange.route?.cluster !== config.upstreamCluster) return;
    const delayMs = this.#delayMs(config, head);
    if (delayMs === 0) return this.#abort(config, head, exchange);
    if (!this.#hold(config)) return;
    shared.delays.increment();
    exchange.addFlags(ResponseFlag.delayInjected);
    return exchange.sleep(delayMs).then(() => this.#abort(config, head, exchange));
  }

  onEnd(): void {
    if (!this.#holding) return;
    this.#holding = false;
    this.#shared.activeCount--;
    this.#shared.active.add(-1);
  }

  /** 0: no delay for this request. */
  #delayMs(config: FaultConfig, head: RequestHead): number {
    const { delay } = config;
    if (delay === undefined) return 0;
    const wanted = delay.byHeader ? milliseconds(head.get('x-envoy-fault-delay-request')) : (delay.fixedMs ?? 0);
    return wanted > 0 && this.#shared.hits(delay.ppm) ? wanted : 0;
  }

  #abort(config: FaultConfig, head: RequestHead, exchange: Exchange): undefined {
    const { abort } = config;
    if (abort === undefined) return;
    const status = abort.byHeader ? statusOf(head.get('x-envoy-fault-abort-request')) : abort.status;
    if (status === undefined || !this.#shared.hits(abort.ppm) || !this.#hold(config)) return;
    this.#shared.aborts.increment();
    exchange.reply({
      status,
      body: 'fault filter abort',
      details: 'fault_filter_abort',
      flags: ResponseFlag.faultInjected,
    });
  }

  #hold(config: FaultConfig): boolean {
    if (this.#holding) return true;
    if (this.#shared.activeCount >= config.activeMax) {
      this.#shared.overflow.increment();
      return false;
    }
    this.#holding = true;
    this.#shared.activeCount++;
    this.#shared.active.add(1);
    return true;
  }
}

/** A client may ask for no more than this by header. */
const headerDelayMsMax = 3_600_000;

function milliseconds(text: string | undefined): number {
  const value = Number(text ?? 0);
  return Number.isFinite(value) && value > 0 ? Math.min(value, headerDelayMsMax) : 0;
}

function statusOf(text: string | undefined): number | undefined {
  const value = Number(text);
  return Number.isInteger(value) && value >= 200 && value <= 599 ? value : undefined;
}

export const kind: FilterKind<FaultConfig> = {
  name,
  prepare(config, environment) {
    const shared = new FaultShared(config, environment);
    return () => new FaultFilter(shared);
  },
};
