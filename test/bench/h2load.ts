import { createReadStream, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Cores, pinned } from './cores.ts';
import type { Program } from './install.ts';
import { grpcAnswer, grpcQuestion, httpBody, type Load, type LoadResult, outputOf } from './load.ts';

export interface H2LoadOptions {
  readonly connections: number;
  /** Requests in flight on each. */
  readonly streams: number;
  /** gRPC calls instead of plain requests. */
  readonly grpc?: boolean;
}

const checkTimeoutMs = 5_000;

/** h2load: HTTP/2 by prior knowledge, or, at a given pace, HTTP/1.1. */
export class H2Load implements Load {
  readonly #h2load: Program;
  readonly #cores: Cores;
  readonly #options: H2LoadOptions;
  readonly #folder: string;

  /** `folder`, in memory, holds its log while it runs. */
  constructor(h2load: Program, cores: Cores, options: H2LoadOptions, folder: string) {
    this.#h2load = h2load;
    this.#cores = cores;
    this.#options = options;
    this.#folder = folder;
  }

  async check(port: number): Promise<void> {
    const { status, body, grpcStatus } = await askOnce(port, this.#options.grpc === true);
    const wanted = this.#options.grpc ? grpcAnswer : Buffer.from(httpBody);
    if (status !== 200 || !body.equals(wanted))
      throw new Error(`answers ${status} with ${body.length} bytes: ${body.subarray(0, 80)}`);
    if (this.#options.grpc && grpcStatus !== '0') throw new Error(`grpc-status is ${grpcStatus}`);
  }

  run(port: number, seconds: number): Promise<LoadResult> {
    const { connections, streams, grpc } = this.#options;
    return runH2load(this.#h2load, this.#cores, this.#folder, port, seconds, [
      ...['-c', String(connections), '-m', String(streams)],
      ...(grpc ? grpcFlags(this.#folder) : []),
    ]);
  }
}

/** HTTP/1.1 at so many requests per second in all, on keep-alive connections. */
export async function runPaced(
  h2load: Program,
  cores: Cores,
  folder: string,
  port: number,
  seconds: number,
  pace: { readonly connections: number; readonly requestsPerSecond: number },
): Promise<LoadResult> {
  const each = Math.max(1, Math.round(pace.requestsPerSecond / pace.connections));
  const flags = ['--h1', '-c', String(pace.connections), '-m', '1', `--rps=${each}`];
  return runH2load(h2load, cores, folder, port, seconds, flags);
}

async function runH2load(
  h2load: Program,
  cores: Cores,
  folder: string,
  port: number,
  seconds: number,
  flags: readonly string[],
): Promise<LoadResult> {
  const log = join(folder, `h2load-${port}.log`);
  const url = `http://127.0.0.1:${port}/items/42?view=full`;
  // Its own user agent has a blank, which the check of the access log takes for the end of a field.
  const agent = ['-H', 'user-agent: bench/1'];
  const args = ['-D', String(seconds), `--log-file=${log}`, ...agent, ...flags, url];
  try {
    const output = await outputOf(pinned(cores.load, { name: 'h2load', command: h2load.binary, args }), 12);
    const found = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? Number.NaN);
    const requests = found(/(\d+) succeeded/);
    const answered = found(/(\d+) 2xx/);
    const faults = {
      failed: found(/(\d+) failed/),
      errored: found(/(\d+) errored/),
      timeout: found(/(\d+) timeout/),
      status: requests - answered,
    };
    return { requests, requestsPerSecond: found(/([\d.]+) req\/s/), ...(await percentiles(log)), faults };
  } finally {
    rmSync(log, { force: true });
  }
}

/** The third column is the time to the end of the answer. */
async function percentiles(log: string): Promise<{ p50Us: number; p99Us: number }> {
  const latenciesUs: number[] = [];
  for await (const line of createInterface({ input: createReadStream(log) }))
    latenciesUs.push(Number(line.split('\t')[2]));
  latenciesUs.sort((a, b) => a - b);
  const at = (part: number) => latenciesUs[Math.floor(latenciesUs.length * part)] ?? Number.NaN;
  return { p50Us: at(0.5), p99Us: at(0.99) };
}

function grpcFlags(folder: string): string[] {
  const data = join(folder, 'grpc-question');
  writeFileSync(data, grpcQuestion);
  return ['-d', data, '-H', 'content-type: application/grpc', '-H', 'te: trailers'];
}

function askOnce(port: number, grpc: boolean): Promise<{ status: number; body: Buffer; grpcStatus: unknown }> {
  const session = connect(`http://127.0.0.1:${port}`);
  return new Promise((resolve, reject) => {
    session.once('error', reject);
    const stream = session.request({
      ':path': '/items/42?view=full',
      ':method': grpc ? 'POST' : 'GET',
      ...(grpc && { 'content-type': 'application/grpc', te: 'trailers' }),
    });
    stream.setTimeout(checkTimeoutMs, () => reject(new Error('no answer')));
    stream.once('error', reject);
    const pieces: Buffer[] = [];
    let status = 0;
    let grpcStatus: unknown;
    stream.once('response', (headers) => (status = headers[':status'] ?? 0));
    stream.once('trailers', (trailers) => (grpcStatus = trailers['grpc-status']));
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.once('close', () => resolve({ status, body: Buffer.concat(pieces), grpcStatus }));
    stream.end(grpc ? grpcQuestion : undefined);
  }).finally(() => session.destroy()) as Promise<{ status: number; body: Buffer; grpcStatus: unknown }>;
}
