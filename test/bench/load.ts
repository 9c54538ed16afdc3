import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Launch, RunningProcess } from '../peers/process.ts';
import { type Cores, pinned } from './cores.ts';
import type { Program } from './install.ts';
import type { RpcProtocol } from './rpc/formats.ts';

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
  /** Told once, before the runs, how much each proxy that takes part can do; the same for all. */
  calibrate?(ports: readonly number[], seconds: number): Promise<void>;
  /** One call to see that answers come and are right; throws an Error that says what is not. */
  check(port: number): Promise<void>;
  run(port: number, seconds: number): Promise<LoadResult>;
  /** More than {@link run} asks for: where that makes few requests, compilers would take minutes to see enough of them. */
  runWarm?(port: number, seconds: number): Promise<LoadResult>;
  /** At a pace that all proxies can keep, for latencies that tell what a proxy adds; only where the scenario has one. */
  runPaced?(port: number, seconds: number): Promise<LoadResult>;
}

/** What every HTTP backend answers. */
export const httpBody = 'x'.repeat(1024);
/** What it answers to a request for `bigPath`. */
export const bigBody = 'y'.repeat(1024 * 1024);
export const bigPath = '/big';
/** One message of 1 KiB each way, behind gRPC's five bytes. */
export const grpcAnswer = grpcMessage('x'.repeat(1024));
export const grpcQuestion = grpcMessage('q'.repeat(1024));

const httpHeaders = { 'User-Agent': 'bench/1', Accept: '*/*' };
const httpPath = '/items/42?view=full';

function grpcMessage(text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

export interface HttpLoadOptions {
  readonly scheme: 'http' | 'https';
  readonly connections: number;
  /** A new connection for every request. */
  readonly reconnect?: boolean;
  /** 1 MiB answers. */
  readonly big?: boolean;
}

/** wrk, over keep-alive connections unless it is told otherwise. */
export class HttpLoad implements Load {
  readonly #wrk: Program;
  readonly #cores: Cores;
  readonly #options: HttpLoadOptions;

  constructor(wrk: Program, cores: Cores, options: HttpLoadOptions) {
    this.#wrk = wrk;
    this.#cores = cores;
    this.#options = options;
  }

  async check(port: number): Promise<void> {
    const options = { headers: httpHeaders, rejectUnauthorized: false, agent: false, timeout: 5_000 };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = this.#options.scheme === 'https' ? httpsGet : httpGet;
      request(this.#url(port), options, resolve).once('error', reject);
    });
    const body = await text(response);
    if (response.statusCode !== 200 || body !== (this.#options.big ? bigBody : httpBody))
      throw new Error(`answers ${response.statusCode} with ${body.length} bytes: ${body.slice(0, 80)}`);
  }

  async run(port: number, seconds: number): Promise<LoadResult> {
    const { connections, reconnect } = this.#options;
    const all = { ...httpHeaders, ...(reconnect && { Connection: 'close' }) };
    const headers = Object.entries(all).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const flags = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', join(import.meta.dirname, 'wrk-report.lua')];
    const args = [...flags, ...headers, this.#url(port)];
    const answer = await outputOf(pinned(this.#cores.load, { name: 'wrk', command: this.#wrk.binary, args }));
    const { durationUs, ...seen } = JSON.parse(answer) as Omit<LoadResult, 'requestsPerSecond'> & {
      durationUs: number;
    };
    return { ...seen, requestsPerSecond: (seen.requests * 1e6) / durationUs };
  }

  #url(port: number): string {
    return `${this.#options.scheme}://127.0.0.1:${port}${this.#options.big ? bigPath : httpPath}`;
  }
}

export interface RpcLoadOptions {
  readonly protocol: RpcProtocol;
  readonly connections: number;
  /** Calls on each. */
  readonly inFlight: number;
  /** In all, for `runPaced`. */
  readonly callsPerSecond?: number;
}

/** In flight on each connection while a proxy warms up, at least. */
const inFlightToWarm = 64;

/** Our own generator of RPC calls, 1 KiB of content each way. */
export class RpcLoad implements Load {
  readonly #cores: Cores;
  readonly #options: RpcLoadOptions;
  readonly runPaced?: Load['run'];

  constructor(cores: Cores, options: RpcLoadOptions) {
    this.#cores = cores;
    this.#options = options;
    const { callsPerSecond } = options;
    if (callsPerSecond !== undefined) this.runPaced = (port, seconds) => this.#run(port, [seconds, callsPerSecond]);
  }

  async check(port: number): Promise<void> {
    const { requests, faults } = await this.run(port, 0.1);
    if (requests === 0 || sumOf(faults) > 0) throw new Error(`answers ${requests} calls: ${JSON.stringify(faults)}`);
  }

  run(port: number, seconds: number): Promise<LoadResult> {
    return this.#run(port, [seconds]);
  }

  runWarm(port: number, seconds: number): Promise<LoadResult> {
    return this.#run(port, [seconds], Math.max(this.#options.inFlight, inFlightToWarm));
  }

  async #run(port: number, length: readonly number[], inFlight = this.#options.inFlight): Promise<LoadResult> {
    const { protocol, connections } = this.#options;
    const program = join(import.meta.dirname, 'rpc', 'load.ts');
    const args = [program, protocol, ...[port, connections, inFlight, ...length].map(String)];
    const launch = { name: `${protocol} load`, command: process.execPath, args };
    return JSON.parse(await outputOf(pinned(this.#cores.load, launch))) as LoadResult;
  }
}

export function sumOf(faults: LoadResult['faults']): number {
  return Object.values(faults).reduce((sum, count) => sum + count, 0);
}

/** Our own generator of WebSocket messages of 1 KiB, one on its way on each connection. */
export class WebSocketLoad implements Load {
  readonly #cores: Cores;
  readonly #connections: number;

  constructor(cores: Cores, connections: number) {
    this.#cores = cores;
    this.#connections = connections;
  }

  async check(port: number): Promise<void> {
    const { requests, faults } = await this.run(port, 0.1);
    if (requests === 0 || sumOf(faults) > 0) throw new Error(`echoes ${requests}: ${JSON.stringify(faults)}`);
  }

  async run(port: number, seconds: number): Promise<LoadResult> {
    const program = join(import.meta.dirname, 'websocket', 'load.ts');
    const args = [program, ...[port, this.#connections, seconds].map(String)];
    const launch = { name: 'websocket load', command: process.execPath, args };
    return JSON.parse(await outputOf(pinned(this.#cores.load, launch))) as LoadResult;
  }
}

/** The last lines that a program prints. */
export async function outputOf(launch: Launch, lines = 1): Promise<string> {
  const running = new RunningProcess(launch);
  const { code } = await running.ended;
  if (code !== 0) throw new Error(`${launch.name} ended with ${code}\n${running.tail()}`);
  return running.tail(lines);
}
