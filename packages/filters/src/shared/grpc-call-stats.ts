import type { Counter, Histogram, Stats } from '@sofamesh/contract/stats';

/** Methods and clusters that get metrics of their own, in one filter: clients choose the names. */
const methodsMax = 1000;
const statusMax = 16;
/** `/package.Service/Method`; a name of other characters or of this length is nobody's method. */
const methodPath = /^\/([\w.$-]{1,200})\/([\w.$-]{1,100})$/;

/** Whose calls are told apart by their method: all, those listed (by `/service/method`), or nobody's. */
export type MethodChoice = 'all' | 'none' | ReadonlySet<string>;

export interface GrpcCallStatsOptions {
  readonly stats: Stats;
  /** As Envoy names them in metrics. */
  readonly protocol: 'grpc' | 'grpc-web';
  readonly methods: MethodChoice;
  /** `a.b.Service` is `a_b_Service` in the metric. */
  readonly replaceDots: boolean;
  /** Counts calls whose method has no metrics of its own because too many others have. */
  readonly overflow: Counter;
}

/** Envoy's metrics of gRPC calls: `cluster.NAME.grpc.[SERVICE.METHOD.]success` and so on. */
export class GrpcCallStats {
  readonly #options: GrpcCallStatsOptions;
  readonly #clusters = new Map<string, ClusterCalls>();
  #taken = 0;

  constructor(options: GrpcCallStatsOptions) {
    this.#options = options;
  }

  /** Undefined when the path names no method, or one too many. */
  of(cluster: string, path: string): CallCounters | undefined {
    const query = path.indexOf('?');
    const name = query < 0 ? path : path.slice(0, query);
    const known = this.#clusters.get(cluster);
    const counters = known?.methods.get(name);
    if (counters !== undefined) return counters;
    const match = methodPath.exec(name);
    if (match === null) return undefined;
    const calls = known ?? this.#addCluster(cluster);
    if (calls === undefined || !this.#isToldApart(name) || !this.#hasRoom()) return calls?.all;
    const [, service = '', method = ''] = match;
    const shown = this.#options.replaceDots ? service.replaceAll('.', '_') : service;
    const own = new CallCounters(this.#options.stats, `${this.#prefixOf(cluster)}${shown}.${method}.`);
    calls.methods.set(name, own);
    return own;
  }

  #addCluster(cluster: string): ClusterCalls | undefined {
    if (!this.#hasRoom()) return undefined;
    const calls = { all: new CallCounters(this.#options.stats, this.#prefixOf(cluster)), methods: new Map() };
    this.#clusters.set(cluster, calls);
    return calls;
  }

  #isToldApart(name: string): boolean {
    const { methods } = this.#options;
    return methods === 'all' || (methods !== 'none' && methods.has(name));
  }

  /** For one more set of metrics, which is then taken. */
  #hasRoom(): boolean {
    if (this.#taken < methodsMax) {
      this.#taken++;
      return true;
    }
    this.#options.overflow.increment();
    return false;
  }

  #prefixOf(cluster: string): string {
    return `cluster.${cluster}.${this.#options.protocol}.`;
  }
}

interface ClusterCalls {
  /** Of calls whose method is not told apart. */
  readonly all: CallCounters;
  readonly methods: Map<string, CallCounters>;
}

/** The metrics of one method, or of a cluster's methods together; each is made when it first counts. */
export class CallCounters {
  readonly #stats: Stats;
  readonly #prefix: string;
  readonly #byStatus: (Counter | undefined)[] = [];
  #success: Counter | undefined = undefined;
  #failure: Counter | undefined = undefined;
  #total: Counter | undefined = undefined;
  #requestMessages: Counter | undefined = undefined;
  #responseMessages: Counter | undefined = undefined;
  #upstreamTime: Histogram | undefined = undefined;

  constructor(stats: Stats, prefix: string) {
    this.#stats = stats;
    this.#prefix = prefix;
  }

  /** `status`: text of `grpc-status`. One that gRPC does not know is a failure without a counter of its own. */
  recordStatus(status: string): void {
    const code = /^\d{1,2}$/.test(status) ? Number(status) : statusMax + 1;
    if (code <= statusMax) (this.#byStatus[code] ??= this.#counter(String(code))).increment();
    if (code === 0) (this.#success ??= this.#counter('success')).increment();
    else (this.#failure ??= this.#counter('failure')).increment();
    (this.#total ??= this.#counter('total')).increment();
  }

  addRequestMessages(count: number): void {
    (this.#requestMessages ??= this.#counter('request_message_count')).add(count);
  }

  addResponseMessages(count: number): void {
    (this.#responseMessages ??= this.#counter('response_message_count')).add(count);
  }

  recordUpstreamTime(durationMs: number): void {
    (this.#upstreamTime ??= this.#stats.histogram(`${this.#prefix}upstream_rq_time`)).record(durationMs);
  }

  #counter(name: string): Counter {
    return this.#stats.counter(`${this.#prefix}${name}`);
  }
}
