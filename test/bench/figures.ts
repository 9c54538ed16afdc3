/** What one run of one proxy gave. */
export interface Sample {
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** User and system time of the proxy, all its processes and threads. NaN for the direct connection, as the next two. */
  readonly cpuUsPerRequest: number;
  /** Part of its core that the proxy used, 0 to 1. */
  readonly coreShare: number;
  readonly rssMb: number;
  /** The part of each proxy in `cpuUsPerRequest` where a request passes more than one, in that order. */
  readonly hopsCpuUs?: readonly number[];
  /** Latencies at a pace that all proxies keep, where the scenario has one. */
  readonly pacedP50Us?: number;
  readonly pacedP99Us?: number;
}

export const noCpu = { cpuUsPerRequest: Number.NaN, coreShare: Number.NaN, rssMb: Number.NaN };

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of each figure by itself. */
export function medianSample(samples: readonly Sample[]): Sample {
  const of = (figure: Exclude<keyof Sample, 'hopsCpuUs'>) => median(samples.flatMap((sample) => sample[figure] ?? []));
  const hops = samples[0]?.hopsCpuUs;
  const paced = samples[0]?.pacedP99Us !== undefined;
  return {
    requestsPerSecond: of('requestsPerSecond'),
    p50Us: of('p50Us'),
    p99Us: of('p99Us'),
    cpuUsPerRequest: of('cpuUsPerRequest'),
    coreShare: of('coreShare'),
    rssMb: of('rssMb'),
    ...(hops && { hopsCpuUs: hops.map((_, hop) => median(samples.map(({ hopsCpuUs }) => hopsCpuUs![hop]!))) }),
    ...(paced && { pacedP50Us: of('pacedP50Us'), pacedP99Us: of('pacedP99Us') }),
  };
}

/** mosn's figure over a peer's. */
export interface Ratio {
  readonly cpuUsPerRequest: number;
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/**
 * The median of the ratios of runs that followed each other: a machine that grows slower during the scenario then hardly
 * matters.
 */
export function ratioOf(mosn: readonly Sample[], peer: readonly Sample[]): Ratio {
  const of = (figure: keyof Ratio) =>
    median(mosn.slice(0, peer.length).map((sample, run) => sample[figure] / peer[run]![figure]));
  return {
    cpuUsPerRequest: of('cpuUsPerRequest'),
    requestsPerSecond: of('requestsPerSecond'),
    p50Us: of('p50Us'),
    p99Us: of('p99Us'),
  };
}
