import type { LogRecord } from '@sofamesh/contract/access-log';
import type { Counter, Histogram, Stats } from '@sofamesh/contract/stats';

/** Methods with metrics of their own, for one listener and worker: clients choose the names. */
const methodsMax = 1000;
/** A name of other characters, or of this length, is nobody's. */
const serviceName = /^[\w.$/-]{1,200}$/;
const methodName = /^\/([\w.$<>~-]{1,100})$/;

/**
 * Metrics of RPC calls by interface and method, below `PREFIX`: `rpc.INTERFACE.METHOD.` and `total`, `failure` (no answer,
 * or one with an error status), `exception` (answered, and the application failed), `one_way`, `time` (a histogram).
 */
export class MethodStats {
  readonly #stats: Stats;
  readonly #prefix: string;
  readonly #overflow: Counter;
  readonly #services = new Map<string, Map<string, MethodCounters>>();
  #known = 0;

  constructor(stats: Stats, prefix: string) {
    this.#stats = stats;
    this.#prefix = `${prefix}rpc.`;
    this.#overflow = stats.counter(`${this.#prefix}methods_overflow`);
  }

  record({ request, response, durationMs }: LogRecord, failed: boolean): void {
    const { authority, path } = request!;
    const counters = this.#services.get(authority)?.get(path) ?? this.#add(authority, path);
    if (counters === undefined) return;
    counters.total.increment();
    counters.time.record(durationMs);
    if (request!.oneWay) counters.oneWay.increment();
    if (failed) counters.failure.increment();
    else if (response?.applicationError) counters.exception.increment();
  }

  /** A call that names no method is none of those that are told apart. */
  #add(authority: string, path: string): MethodCounters | undefined {
    const [, method] = methodName.exec(path) ?? [];
    if (method === undefined || !serviceName.test(authority)) return undefined;
    if (this.#known >= methodsMax) {
      this.#overflow.increment();
      return undefined;
    }
    this.#known++;
    const counters = new MethodCounters(this.#stats, `${this.#prefix}${authority}.${method}.`);
    const service = this.#services.get(authority);
    if (service === undefined) this.#services.set(authority, new Map([[path, counters]]));
    else service.set(path, counters);
    return counters;
  }
}

class MethodCounters {
  readonly total: Counter;
  readonly failure: Counter;
  readonly exception: Counter;
  readonly oneWay: Counter;
  readonly time: Histogram;

  constructor(stats: Stats, prefix: string) {
    this.total = stats.counter(`${prefix}total`);
    this.failure = stats.counter(`${prefix}failure`);
    this.exception = stats.counter(`${prefix}exception`);
    this.oneWay = stats.counter(`${prefix}one_way`);
    this.time = stats.histogram(`${prefix}time`);
  }
}
