import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureEnvoy } from '../../peers/envoy.ts';
import { RunningProcess } from '../../peers/process.ts';
import { bootstrap, type Listener, listener, type Mesh, type ProxyKind } from './bootstrap.ts';
import type { TestControlPlane } from './control-plane.ts';

export const repository = join(import.meta.dirname, '..', '..', '..');

/** `INTEROP_PROXY=envoy` puts a stock Envoy in mosn's place: what holds for both says something about the tests. */
export const proxyKind: ProxyKind = process.env['INTEROP_PROXY'] === 'envoy' ? 'envoy' : 'mosn';

/** For tests of what a TCP proxy cannot do. */
export const needsMosn = proxyKind === 'mosn' ? false : 'a TCP proxy does not do this';

/** Envoy would write its access log every 10 s. */
const envoyFlags = ['--log-level', 'warn', '--file-flush-interval-msec', '50'];

let nextBaseId = 1000 + (process.pid % 20_000) * 3;

export interface LogLine {
  code: string;
  flags: string;
  cluster: string;
  path: string;
}

/** A proxy that runs, seen from outside: where it listens, what it counts and logs. */
export class RunningProxy {
  readonly process: RunningProcess;
  readonly admin: string;
  #ports: Map<string, number>;
  #accessLog: string;

  constructor(process: RunningProcess, admin: string, ports: Map<string, number>, accessLog: string) {
    this.process = process;
    this.admin = admin;
    this.#ports = ports;
    this.#accessLog = accessLog;
  }

  get listeners(): readonly string[] {
    return [...this.#ports.keys()];
  }

  port(listener: string): number {
    const port = this.#ports.get(listener);
    if (port === undefined) throw new Error(`no listener ${listener}, only ${[...this.#ports.keys()]}`);
    return port;
  }

  address(listener: string): string {
    return `127.0.0.1:${this.port(listener)}`;
  }

  /** Sum of the counters and gauges whose whole name matches; there has to be one. */
  async stat(name: RegExp): Promise<number> {
    const values = await readStats(this.admin, name);
    if (values.size === 0) throw new Error(`${this.process.name} has no statistic ${name}`);
    return [...values.values()].reduce((sum, value) => sum + value, 0);
  }

  /** Connections that clients have opened to a listener so far. */
  connectionsTaken(listener: string): Promise<number> {
    return this.stat(new RegExp(`^listener\\.${listener}\\.downstream_cx_total$`));
  }

  /** How many of them have ended. */
  async connectionsEnded(listener: string): Promise<number> {
    const active = await this.stat(new RegExp(`^listener\\.${listener}\\.downstream_cx_active$`));
    return (await this.connectionsTaken(listener)) - active;
  }

  /** The access log's lines so far; proxies write it with a delay. */
  accessLog(): LogLine[] {
    const lines = readFileSync(this.#accessLog, 'utf8').split('\n').filter(Boolean);
    return lines.map((line) => {
      const [code = '', flags = '', cluster = '', path = ''] = line.split(' ');
      return { code, flags, cluster, path };
    });
  }

  /** Waits for a line of the access log that fits. */
  logged(what: string, fits: (line: LogLine) => boolean): Promise<LogLine> {
    return this.process.until(`logged ${what}`, () => this.accessLog().find(fits), 15_000);
  }

  /** Has the control plane serve these listeners instead; resolves when they are taken. */
  async change(controlPlane: TestControlPlane, listeners: readonly Listener[]): Promise<void> {
    controlPlane.serve(
      'listeners',
      listeners.map((one) => listener(one, proxyKind, this.#accessLog)),
    );
    await this.process.until('taken the listeners', () => controlPlane.accepted);
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }
}

/** Starts the proxy and waits until it is ready and its listeners, static or from a control plane, have ports. */
export async function startProxy(
  mesh: Mesh,
  kind: ProxyKind = proxyKind,
  { controlPlane, flags = [] }: { controlPlane?: TestControlPlane; flags?: readonly string[] } = {},
): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-'));
  const accessLog = join(folder, 'access.txt');
  writeFileSync(accessLog, '');
  const config = join(folder, 'bootstrap.json');
  const served = controlPlane ? { ...mesh, controlPlanePort: controlPlane.port } : mesh;
  writeFileSync(config, JSON.stringify(bootstrap(served, kind, accessLog), null, 2));
  controlPlane?.serve(
    'listeners',
    mesh.listeners.map((one) => listener(one, kind, accessLog)),
  );
  const { running, admin } = await launchProxy(kind, config, folder, flags);
  const ports = await running.until('ready with its listeners', () => listenerPorts(admin, mesh.listeners.length));
  await running.until('ready', () => isReady(admin));
  return new RunningProxy(running, admin, ports, accessLog);
}

/** Starts mosn or Envoy with a bootstrap file; resolves when the admin server's address is known. */
export async function launchProxy(
  kind: ProxyKind,
  config: string,
  folder: string,
  moreFlags: readonly string[] = [],
): Promise<{ running: RunningProcess; admin: string }> {
  const adminFile = join(folder, 'admin');
  const flags = [
    ...moreFlags,
    '-c',
    config,
    '--concurrency',
    '1',
    '--base-id',
    String(nextBaseId++),
    '--admin-address-path',
    adminFile,
  ];
  const running = new RunningProcess(
    kind === 'envoy'
      ? { name: 'envoy', command: (await ensureEnvoy()).binary, args: [...flags, ...envoyFlags] }
      : { name: 'mosn', command: process.execPath, args: [join(repository, 'apps/mosn/bin/mosn.js'), ...flags] },
  );
  running.ended.then(() => rmSync(folder, { recursive: true, force: true }));
  const admin = await running.until('told its admin address', () => {
    try {
      const address = readFileSync(adminFile, 'utf8').trim();
      return /:\d+$/.test(address) ? `http://${address}` : undefined;
    } catch {
      return undefined;
    }
  });
  return { running, admin };
}

export async function isReady(admin: string): Promise<boolean> {
  return (await fetchText(`${admin}/ready`))?.trim() === 'LIVE';
}

interface ListenersAnswer {
  listener_statuses?: { name: string; local_address?: { socket_address?: { port_value?: number } } }[];
}

/** Ports by listener, when at least `count` listeners have one. */
export async function listenerPorts(admin: string, count: number): Promise<Map<string, number> | undefined> {
  const text = await fetchText(`${admin}/listeners?format=json`);
  if (text === undefined) return undefined;
  const ports = new Map<string, number>();
  for (const { name, local_address } of (JSON.parse(text) as ListenersAnswer).listener_statuses ?? []) {
    const port = local_address?.socket_address?.port_value;
    if (port) ports.set(name, port);
  }
  return ports.size >= count ? ports : undefined;
}

/** Counters and gauges whose name matches. */
export async function readStats(admin: string, name: RegExp): Promise<Map<string, number>> {
  const text = (await fetchText(`${admin}/stats`)) ?? '';
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [key = '', value = ''] = line.split(': ');
    if (name.test(key)) values.set(key, Number(value));
  }
  return values;
}

/** The answer's text, or undefined while the server does not answer with 200. */
export async function fetchText(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    const text = await response.text();
    return response.ok ? text : undefined;
  } catch {
    return undefined;
  }
}
