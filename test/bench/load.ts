import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Launch, RunningProcess } from '../peers/process.ts';
import { type Cores, pinned } from './cores.ts';
import type { Program } from './install.ts';

/** What a load generator saw in one run. */
export interface LoadResult {
  /** Answers in all, those after the last moment of the measured time included: the divisor of CPU time. */
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Number of what must not happen, by kind. */
  readonly faults: Readonly<Record<string, number>>;
}

export interface Load {
  /** One call to see that answers come and are right; throws an Error that says what is not. */
  check(port: number): Promise<void>;
  run(port: number, seconds: number): Promise<LoadResult>;
}

const httpConnections = 64;
/** What every HTTP backend answers. */
export const httpBody = 'x'.repeat(1024);
const httpHeaders = { 'User-Agent': 'bench/1', Accept: '*/*' };
const httpPath = '/items/42?view=full';

/** wrk over keep-alive connections. */
export class HttpLoad {
  readonly #wrk: Program;
  readonly #cores: Cores;
  readonly #scheme: 'http' | 'https';

  constructor(wrk: Program, cores: Cores, scheme: 'http' | 'https') {
    this.#wrk = wrk;
    this.#cores = cores;
    this.#scheme = scheme;
  }

  async check(port: number): Promise<void> {
    const options = { headers: httpHeaders, rejectUnauthorized: false, agent: false, timeout: 5_000 };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = this.#scheme === 'https' ? httpsGet : httpGet;
      request(this.#url(port), options, resolve).once('error', reject);
    });
    const body = await text(response);
    if (response.statusCode !== 200 || body !== httpBody)
      throw new Error(`answers ${response.statusCode} with ${body.length} bytes: ${body.slice(0, 80)}`);
  }

  async run(port: number, seconds: number): Promise<LoadResult> {
    const headers = Object.entries(httpHeaders).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const flags = ['-t1', `-c${httpConnections}`, `-d${seconds}s`, '-s', join(import.meta.dirname, 'wrk-report.lua')];
    const args = [...flags, ...headers, this.#url(port)];
    const answer = await outputOf(pinned(this.#cores.load, { name: 'wrk', command: this.#wrk.binary, args }));
    const { durationUs, ...seen } = JSON.parse(answer) as Omit<LoadResult, 'requestsPerSecond'> & {
      durationUs: number;
    };
    return { ...seen, requestsPerSecond: (seen.requests * 1e6) / durationUs };
  }

  #url(port: number): string {
    return `${this.#scheme}://127.0.0.1:${port}${httpPath}`;
  }
}

/** Our own generator of bolt calls, 1 KiB of content each way. */
export class BoltLoad {
  readonly #cores: Cores;
  readonly #connections: number;
  readonly #inFlight: number;

  constructor(cores: Cores, connections: number, inFlight: number) {
    this.#cores = cores;
    this.#connections = connections;
    this.#inFlight = inFlight;
  }

  async check(port: number): Promise<void> {
    const { requests, faults } = await this.run(port, 0.1);
    if (requests === 0 || sumOf(faults) > 0) throw new Error(`answers ${requests} calls: ${JSON.stringify(faults)}`);
  }

  async run(port: number, seconds: number): Promise<LoadResult> {
    const program = join(import.meta.dirname, 'bolt', 'load.ts');
    const args = [program, ...[port, this.#connections, this.#inFlight, seconds].map(String)];
    return JSON.parse(
      await outputOf(pinned(this.#cores.load, { name: 'bolt load', command: process.execPath, args })),
    ) as LoadResult;
  }
}

export function sumOf(faults: LoadResult['faults']): number {
  return Object.values(faults).reduce((sum, count) => sum + count, 0);
}

/** The last line that a program prints. */
async function outputOf(launch: Launch): Promise<string> {
  const running = new RunningProcess(launch);
  const { code } = await running.ended;
  if (code !== 0) throw new Error(`${launch.name} ended with ${code}\n${running.tail()}`);
  return running.tail(1);
}
