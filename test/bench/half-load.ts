import type { Cores } from './cores.ts';
import { runPaced } from './h2load.ts';
import type { Programs } from './install.ts';
import { HttpLoad, type Load, type LoadResult } from './load.ts';

/** HTTP/1.1 at half of what the slowest of the proxies can do, so that latencies of the same load are compared. */
export class HalfLoad implements Load {
  readonly #programs: Programs;
  readonly #cores: Cores;
  readonly #connections: number;
  readonly #folder: string;
  readonly #full: HttpLoad;
  #requestsPerSecond = Number.NaN;

  constructor(programs: Programs, cores: Cores, connections: number, folder: string) {
    this.#programs = programs;
    this.#cores = cores;
    this.#connections = connections;
    this.#folder = folder;
    this.#full = new HttpLoad(programs.wrk, cores, { scheme: 'http', connections });
  }

  async calibrate(ports: readonly number[], seconds: number): Promise<void> {
    let slowest = Number.POSITIVE_INFINITY;
    for (const port of ports) slowest = Math.min(slowest, (await this.#full.run(port, seconds)).requestsPerSecond);
    this.#requestsPerSecond = slowest / 2;
  }

  check(port: number): Promise<void> {
    return this.#full.check(port);
  }

  /** At full speed until it is calibrated. */
  run(port: number, seconds: number): Promise<LoadResult> {
    if (Number.isNaN(this.#requestsPerSecond)) return this.#full.run(port, seconds);
    const pace = { connections: this.#connections, requestsPerSecond: this.#requestsPerSecond };
    return runPaced(this.#programs.h2load, this.#cores, this.#folder, port, seconds, pace);
  }
}
