import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatAddress, type IpAddress, ipAddress } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import { httpRequest } from '@sofamesh/net/http-request';
import { claimFolder, releaseFolder } from './claim-folder.ts';
import { isFree, isReachable } from './ports.ts';
import { Program, type ProgramOptions } from './program.ts';
import { pathWithNode, programArguments } from './programs.ts';
import { type Figures, FiguresSum, figuresPath } from './route-figures.ts';
import { adminPort, sidecarBootstrap } from './sidecar-bootstrap.ts';
import type { UpSpec, Workload } from './spec.ts';
import { workloadEntries } from './workload-entries.ts';

/** Who is told what happens while a mesh runs. */
export interface MeshEvents {
  /** A line for the user. */
  say(line: string): void;
  /** A program ended by itself. */
  ended(program: Program): void;
}

interface Running {
  readonly workload: Workload;
  sidecar: Program | undefined;
  program: Program | undefined;
}

const meshdPorts = { grpc: 15_010, http: 15_014 };
const readyTimeoutMs = 60_000;
/** Asking costs processor time that those who are asked need to start. */
const pollMs = 100;
const requestTimeoutMs = 2_000;
const serverTimeoutMs = 15_000;
const meshdTriesMax = 3;
const anyPort = ipAddress('127.0.0.1', 0);
const stopGraceMs = 4_000;
/** Sidecars of a mesh that goes down as a whole have nobody to wait for. */
const drainSeconds = 1;

/** One meshd, the sidecars and the programs of a folder, as processes. */
export class Mesh {
  readonly #spec: UpSpec;
  readonly #events: MeshEvents;
  readonly #folder: string;
  readonly #running: Running[];
  #meshd: Program | undefined;
  #stopping = false;
  /** Those with a sidecar that has not been seen to count a request. */
  readonly #silentClients = new Set<Running>();
  grpcAddress: IpAddress = ipAddress('127.0.0.1', meshdPorts.grpc);
  httpAddress: IpAddress = ipAddress('127.0.0.1', meshdPorts.http);

  constructor(spec: UpSpec, events: MeshEvents) {
    this.#spec = spec;
    this.#events = events;
    this.#folder = join(spec.folder, '.mesh');
    this.#running = spec.workloads.map((workload) => ({ workload, sidecar: undefined, program: undefined }));
  }

  get logFolder(): string {
    return join(this.#folder, 'logs');
  }

  get sidecars(): readonly Workload[] {
    return this.#spec.workloads.filter(({ sidecar }) => sidecar);
  }

  /** Starts all, servers before clients, and resolves when they are ready. `apps` false: no programs. */
  async start(apps: boolean): Promise<void> {
    claimFolder(this.#folder);
    for (const folder of ['logs', 'config', 'sidecars']) mkdirSync(join(this.#folder, folder), { recursive: true });
    // Made while meshd starts; a failure is told where it is waited for.
    const mosnArguments = programArguments('mosn');
    mosnArguments.catch(() => {});
    await this.#startMeshd(await programArguments('meshd'));
    const mosn = await mosnArguments;
    const servers = new Set<Running>();
    await Promise.all(
      this.#running.map(async (running) => {
        await this.#startSidecar(running, mosn);
        if (apps && (await this.#startServer(running))) servers.add(running);
      }),
    );
    if (!apps) return;
    for (const client of this.#running) {
      if (servers.has(client)) continue;
      this.#startProgram(client);
      if (client.sidecar !== undefined && client.program !== undefined) this.#silentClients.add(client);
    }
  }

  /** Of the clients that run, those that {@link figures} has not yet seen to call anything. */
  get silentClients(): readonly string[] {
    return [...this.#silentClients].filter(({ program }) => program!.running).map(({ workload }) => workload.name);
  }

  /** What all sidecars count now. One that does not answer is left out. */
  async figures(): Promise<Figures> {
    const sum = new FiguresSum();
    await Promise.all(
      this.#running.map(async (running) => {
        if (!running.workload.sidecar) return;
        const page = await this.#admin(running.workload, figuresPath).catch(() => undefined);
        if (page !== undefined && sum.add(page) > 0) this.#silentClients.delete(running);
      }),
    );
    return sum.figures;
  }

  /** Clients first, so that nothing they have asked for is lost; then servers, sidecars and meshd. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const stop = (programs: readonly (Program | undefined)[]) =>
      Promise.all(programs.map((program) => program?.stop(stopGraceMs)));
    await stop(this.#running.map(({ program }) => program));
    await stop(this.#running.map(({ sidecar }) => sidecar));
    await this.#meshd?.stop(stopGraceMs);
    releaseFolder(this.#folder);
  }

  async #startMeshd(program: readonly string[]): Promise<void> {
    const entries = workloadEntries(this.#spec.workloads, this.#spec.configFolders);
    const generated = join(this.#folder, 'config');
    writeFileSync(join(generated, 'workloads.yaml'), entries);
    const addressesFile = join(this.#folder, 'meshd-addresses.json');
    const folders = [...this.#spec.configFolders, generated].flatMap((folder) => ['--config', folder]);
    const onLine = (line: string) => {
      const trouble = /\]\[(?:warning|error|critical)\]\[\w+\] (.*)$/.exec(line);
      if (trouble !== null) this.#events.say(`meshd: ${trouble[1]}`);
    };
    for (let tries = 1; ; tries++) {
      // After a race for the usual ports nothing says that the next one would be won.
      const portOf = tries === 1 ? ownOrAny : () => formatAddress(anyPort);
      const [grpc, http] = await Promise.all([portOf(meshdPorts.grpc), portOf(meshdPorts.http)]);
      const addresses = ['--grpc-address', grpc, '--http-address', http, '--addresses-path', addressesFile];
      const meshd = this.#launchOwn('meshd', [...program, ...folders, ...addresses], onLine);
      this.#meshd = meshd;
      try {
        const written = await this.#awaitFile(meshd, addressesFile);
        this.grpcAddress = parseAddress(written['grpc']);
        this.httpAddress = parseAddress(written['http']);
        await this.#awaitReady(meshd, `http://${formatAddress(this.httpAddress)}/ready`);
        this.#watch(meshd);
        return;
      } catch (thrown) {
        // Another mesh that starts at the same time may have taken a port that was free a moment ago.
        if (tries === meshdTriesMax || !meshd.lastLines.some((line) => line.includes('EADDRINUSE'))) throw thrown;
      }
    }
  }

  async #startSidecar(running: Running, program: readonly string[]): Promise<void> {
    const { workload } = running;
    if (!workload.sidecar) return;
    const bootstrap = join(this.#folder, 'sidecars', `${workload.namespace}-${workload.name}.json`);
    writeFileSync(bootstrap, JSON.stringify(sidecarBootstrap(workload, this.grpcAddress), null, 2));
    const flags = [
      '-c',
      bootstrap,
      '--concurrency',
      '1',
      '--log-level',
      'warning',
      '--drain-time-s',
      `${drainSeconds}`,
    ];
    running.sidecar = this.#launchOwn(`sidecar of ${workload.name}`, [...program, ...flags]);
    await this.#awaitReady(running.sidecar, `${adminUrl(workload)}/ready`);
    this.#watch(running.sidecar);
  }

  /** Starts the workload's program if it is a server, and waits until it listens; false for a client. */
  async #startServer(running: Running): Promise<boolean> {
    const { workload, sidecar } = running;
    const endpoints =
      sidecar === undefined ? [] : await this.#await(sidecar, 'answering', () => this.#served(workload));
    if (endpoints.length === 0) return false;
    this.#startProgram(running);
    await this.#awaitServer(running, endpoints);
    return true;
  }

  #startProgram(running: Running): void {
    const { name, namespace, address, command, env } = running.workload;
    if (command === undefined) return;
    const [program, ...args] = command;
    running.program = this.#launch({
      name,
      command: program!,
      args,
      cwd: this.#spec.folder,
      env: {
        ...process.env,
        PATH: pathWithNode(),
        WORKLOAD_NAME: name,
        NAMESPACE: namespace,
        MESH_ADDRESS: address,
        ...env,
      },
      logFile: join(this.logFolder, `${namespace}-${name}.log`),
    });
    this.#watch(running.program);
  }

  /** Where the workload's program has to listen: the endpoints of its sidecar's inbound clusters. */
  async #served(workload: Workload): Promise<IpAddress[]> {
    const page = JSON.parse(await this.#admin(workload, '/clusters?format=json')) as ClustersPage;
    return (page.cluster_statuses ?? [])
      .filter(({ name }) => name.startsWith('inbound|'))
      .flatMap(({ host_statuses = [] }) => host_statuses)
      .flatMap(({ address: { socket_address } }) =>
        socket_address === undefined ? [] : [ipAddress(socket_address.address, socket_address.port_value)],
      );
  }

  async #awaitServer({ program }: Running, endpoints: readonly IpAddress[]): Promise<void> {
    const untilMs = performance.now() + serverTimeoutMs;
    for (const endpoint of endpoints) {
      while (!(await isReachable(endpoint))) {
        if (program?.running !== true || this.#stopping) return;
        if (performance.now() > untilMs) {
          this.#events.say(`${program.name} does not listen on ${formatAddress(endpoint)}`);
          return;
        }
        await sleep(pollMs);
      }
    }
  }

  #launchOwn(name: string, args: readonly string[], onLine?: (line: string) => void): Program {
    return this.#launch({
      name,
      command: process.execPath,
      args,
      cwd: process.cwd(),
      env: process.env,
      logFile: join(this.logFolder, `${name.replaceAll(' ', '-')}.log`),
      ...(onLine !== undefined && { onLine }),
    });
  }

  #launch(options: ProgramOptions): Program {
    // What is started after the others were stopped would stay.
    if (this.#stopping) throw new CodedError('stopping', `${options.name} is not started: the mesh stops`);
    return new Program(options);
  }

  /** From here on it must not end by itself. */
  #watch(program: Program): void {
    void program.ended.then(() => {
      if (!this.#stopping) this.#events.ended(program);
    });
  }

  async #awaitReady(program: Program, url: string): Promise<void> {
    await this.#await(program, 'ready', async () => {
      const { status } = await httpRequest(url, { timeoutMs: requestTimeoutMs });
      return status === 200 ? true : undefined;
    });
  }

  async #awaitFile(program: Program, file: string): Promise<Record<string, string>> {
    const { readFile } = await import('node:fs/promises');
    return this.#await(program, 'listening', async () => JSON.parse(await readFile(file, 'utf8')));
  }

  /** Asks until there is an answer; a try that throws is no answer. */
  async #await<T>(program: Program, what: string, ask: () => Promise<T | undefined>): Promise<T> {
    const untilMs = performance.now() + readyTimeoutMs;
    for (;;) {
      const answer = await ask().catch(() => undefined);
      if (answer !== undefined) return answer;
      const trouble = !program.running
        ? `ended before it was ${what}`
        : performance.now() > untilMs
          ? `is not ${what} after ${readyTimeoutMs / 1000} s`
          : undefined;
      if (trouble !== undefined) {
        throw new CodedError('not_ready', [`${program.name} ${trouble}`, ...program.lastLines].join('\n  '));
      }
      if (this.#stopping) throw new CodedError('stopping', `${program.name} is not awaited: the mesh stops`);
      await sleep(pollMs);
    }
  }

  async #admin(workload: Workload, path: string): Promise<string> {
    const { status, body } = await httpRequest(`${adminUrl(workload)}${path}`, { timeoutMs: requestTimeoutMs });
    if (status !== 200) throw new CodedError('admin_failed', `${adminUrl(workload)}${path}: status ${status}`);
    return body;
  }
}

/** The part of `/clusters?format=json` that is read. */
interface ClustersPage {
  readonly cluster_statuses?: readonly {
    readonly name: string;
    readonly host_statuses?: readonly {
      readonly address: { readonly socket_address?: { readonly address: string; readonly port_value: number } };
    }[];
  }[];
}

export function adminUrl({ address }: Workload): string {
  return `http://${address}:${adminPort}`;
}

/** The loopback address with the usual port, or when that is taken with any. */
async function ownOrAny(port: number): Promise<string> {
  const usual = ipAddress('127.0.0.1', port);
  return formatAddress((await isFree(usual)) ? usual : anyPort);
}

function parseAddress(text: string | undefined): IpAddress {
  const colon = text?.lastIndexOf(':') ?? -1;
  return ipAddress(text!.slice(0, colon), Number(text!.slice(colon + 1)));
}
