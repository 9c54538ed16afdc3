/** What sidecars count per route, added up over all of them. */
export interface RouteFigures {
  /** The virtual host without its port: `catalog.bookstore.svc.cluster.local`. */
  readonly service: string;
  readonly route: string;
  readonly requests: number;
  /** Failed, and no fault was injected. */
  readonly errors: number;
  /** Hit by a fault on purpose, an abort or a delay (response flags FI, DI), however they ended. */
  readonly injected: number;
  /** By cluster. */
  readonly shares: ReadonlyMap<string, number>;
  /** Milliseconds: count of requests by the lower bound of their bucket. */
  readonly times: ReadonlyMap<number, Bucket>;
}

interface Bucket {
  readonly lower: number;
  readonly width: number;
  readonly count: number;
}

/** By service and route. */
export type Figures = ReadonlyMap<string, RouteFigures>;

/** The part of `/stats?format=json&histogram_buckets=detailed` that is read. */
interface StatsPage {
  readonly stats: readonly {
    readonly name?: string;
    readonly value?: number;
    readonly histograms?: {
      readonly details?: readonly {
        readonly name: string;
        readonly totals: readonly { readonly lower_bound: number; readonly width: number; readonly count: number }[];
      }[];
    };
  }[];
}

/** The query that yields what {@link FiguresSum.add} reads. */
export const figuresPath = `/stats?format=json&histogram_buckets=detailed&filter=${encodeURIComponent('^vhost\\.')}`;

const namePattern = /^vhost\.(.*?)\.route\.(.*)\.(upstream_rq_\w+)$/;

class RouteSum implements RouteFigures {
  readonly service: string;
  readonly route: string;
  requests = 0;
  errors = 0;
  injected = 0;
  readonly shares = new Map<string, number>();
  readonly times = new Map<number, Bucket>();

  constructor(service: string, route: string) {
    this.service = service;
    this.route = route;
  }
}

/** Adds up what several sidecars say at one time. */
export class FiguresSum {
  readonly #routes = new Map<string, RouteSum>();

  get figures(): Figures {
    return this.#routes;
  }

  /** `text`: the answer of one sidecar. Returns its requests; throws when it is not what a sidecar answers. */
  add(text: string): number {
    const page = JSON.parse(text) as StatsPage;
    let requests = 0;
    for (const { name, value, histograms } of page.stats) {
      if (name !== undefined && value !== undefined) requests += this.#addCounter(name, value);
      for (const { name: histogram, totals } of histograms?.details ?? []) this.#addHistogram(histogram, totals);
    }
    return requests;
  }

  /** Returns how many requests it added. */
  #addCounter(name: string, value: number): number {
    const [, host, inner, counter] = namePattern.exec(name) ?? [];
    if (host === undefined || inner === undefined) return 0;
    const [route, cluster] = splitOnce(inner, '.cluster.');
    const sum = this.#route(host, route);
    if (sum === undefined) return 0;
    if (cluster !== undefined) {
      if (counter === 'upstream_rq_total') sum.shares.set(cluster, (sum.shares.get(cluster) ?? 0) + value);
      return 0;
    }
    if (counter === 'upstream_rq_error') sum.errors += value;
    else if (counter === 'upstream_rq_injected') sum.injected += value;
    if (counter !== 'upstream_rq_total') return 0;
    sum.requests += value;
    return value;
  }

  #addHistogram(
    name: string,
    totals: readonly { readonly lower_bound: number; readonly width: number; readonly count: number }[],
  ): void {
    const [, host, route, histogram] = namePattern.exec(name) ?? [];
    if (host === undefined || route === undefined || histogram !== 'upstream_rq_time') return;
    const sum = this.#route(host, route);
    if (sum === undefined) return;
    for (const { lower_bound: lower, width, count } of totals) {
      sum.times.set(lower, { lower, width, count: count + (sum.times.get(lower)?.count ?? 0) });
    }
  }

  /** Undefined for what a sidecar takes in for its own workload: that was counted where it was sent. */
  #route(host: string, route: string): RouteSum | undefined {
    if (host.startsWith('inbound|')) return undefined;
    const service = host.replace(/:\d+$/, '');
    const key = `${service} ${route}`;
    let sum = this.#routes.get(key);
    if (sum === undefined) this.#routes.set(key, (sum = new RouteSum(service, route)));
    return sum;
  }
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** What came between two sums; counters that went back (a sidecar started anew) count from zero. */
export function since(now: RouteFigures, before: RouteFigures | undefined): RouteFigures {
  if (before === undefined) return now;
  const difference = (field: 'requests' | 'errors' | 'injected') => Math.max(0, now[field] - before[field]);
  const shares = new Map<string, number>();
  for (const [cluster, count] of now.shares)
    shares.set(cluster, Math.max(0, count - (before.shares.get(cluster) ?? 0)));
  const times = new Map<number, Bucket>();
  for (const [lower, bucket] of now.times) {
    const count = Math.max(0, bucket.count - (before.times.get(lower)?.count ?? 0));
    if (count > 0) times.set(lower, { ...bucket, count });
  }
  return {
    service: now.service,
    route: now.route,
    requests: difference('requests'),
    errors: difference('errors'),
    injected: difference('injected'),
    shares,
    times,
  };
}

/** Milliseconds below which `share` of the requests took; undefined without requests. */
export function quantile({ times }: RouteFigures, share: number): number | undefined {
  const buckets = [...times.values()].sort((a, b) => a.lower - b.lower);
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return undefined;
  let left = share * total;
  for (const { lower, width, count } of buckets) {
    if (left <= count) return lower + (width * left) / count;
    left -= count;
  }
  const last = buckets[buckets.length - 1]!;
  return last.lower + last.width;
}
