import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunningProcess } from '../../peers/process.ts';
import { findBundles } from './bundles.ts';

export const mosnSources = join(import.meta.dirname, '..', '..', '..', 'apps', 'mosn', 'bin', 'mosn.js');

const { file: bundle, snapshot } = (await findBundles()).mosn;
const fromSnapshot = snapshot === undefined ? [] : ['--snapshot-blob', snapshot];

export interface MosnOptions {
  /** Written to a file of its own unless it is text already (a broken file, say). */
  readonly bootstrap: object | string;
  /** Besides `-c` and `--admin-address-path`. Default: one thread. */
  readonly args?: readonly string[];
  /** Of Node itself. Default: starts the bundle from its snapshot, unless there are workers, which start without it. */
  readonly nodeArgs?: readonly string[];
  /** Where the bootstrap is written and paths in it begin; it is left there. Default: a folder of its own. */
  readonly folder?: string;
  /** What Node runs. Default: the bundle. */
  readonly program?: string;
}

/** Starts mosn and does not wait for anything. */
export function launchMosn({
  bootstrap,
  args = ['--concurrency', '1'],
  program = bundle,
  nodeArgs = program === bundle && !args.includes('2') ? fromSnapshot : [],
  folder: given,
}: MosnOptions): {
  readonly process: RunningProcess;
  readonly adminFile: string;
} {
  const folder = given ?? mkdtempSync(join(tmpdir(), 'mosn-e2e-'));
  const config = join(folder, 'bootstrap.yaml');
  const adminFile = join(folder, 'admin');
  writeFileSync(config, typeof bootstrap === 'string' ? bootstrap : JSON.stringify(bootstrap));
  const flags = [...nodeArgs, program, '-c', config, '--admin-address-path', adminFile, ...args];
  const running = new RunningProcess({ name: 'mosn', command: process.execPath, args: flags });
  void running.ended.then(() => given === undefined && rmSync(folder, { recursive: true, force: true }));
  return { process: running, adminFile };
}

interface ListenersAnswer {
  readonly listener_statuses: readonly {
    readonly name: string;
    readonly local_address: { readonly socket_address: { readonly port_value: number } };
  }[];
}

/** A mosn that is ready. */
export class Mosn {
  readonly process: RunningProcess;
  /** `http://127.0.0.1:4711`. */
  readonly admin: string;

  constructor(process: RunningProcess, admin: string) {
    this.process = process;
    this.admin = admin;
  }

  /** Waits until `/ready` answers with `status`. */
  static async start(options: MosnOptions, status = 200): Promise<Mosn> {
    const { process, adminFile } = launchMosn(options);
    const address = await process.until('told its admin address', () => {
      try {
        return /^\S+:\d+$/.exec(readFileSync(adminFile, 'utf8').trim())?.[0];
      } catch {
        return undefined;
      }
    });
    const mosn = new Mosn(process, `http://${address}`);
    await process.until(`ready (${status})`, async () => (await mosn.ask('/ready')).status === status);
    return mosn;
  }

  async ask(path: string, init?: RequestInit): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`${this.admin}${path}`, init);
    return { status: response.status, text: await response.text() };
  }

  /** An answer in JSON, taken for what the caller says. */
  async json<Answer>(path: string): Promise<Answer> {
    return JSON.parse((await this.ask(path)).text) as Answer;
  }

  /** Where a listener can be reached. */
  async url(listener = 'in'): Promise<string> {
    const { listener_statuses } = await this.json<ListenersAnswer>('/listeners?format=json');
    const found = listener_statuses.find(({ name }) => name === listener);
    if (found === undefined) throw new Error(`no listener ${listener} in ${JSON.stringify(listener_statuses)}`);
    return `http://127.0.0.1:${found.local_address.socket_address.port_value}`;
  }

  async stat(name: string): Promise<number> {
    const { text } = await this.ask('/stats');
    const line = text.split('\n').find((one) => one.startsWith(`${name}: `));
    if (line === undefined) throw new Error(`no statistic ${name} in\n${text}`);
    return Number(line.slice(name.length + 2));
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }
}

const typeUrl = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;

const socketAddress = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

/** One HTTP listener `in` that sends everything to the cluster `backend`, and an admin server. */
export function httpBootstrap(backendPort: number, { listenerPort = 0 } = {}) {
  const routes = [{ match: { prefix: '/' } as object, route: { cluster: 'backend' } }];
  const connectionManager = {
    '@type': typeUrl('filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'in',
    route_config: { name: 'in', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [
      { name: 'envoy.filters.http.router', typed_config: { '@type': typeUrl('filters.http.router.v3.Router') } },
    ],
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: connectionManager }];
  const listener = { name: 'in', address: socketAddress(listenerPort), filter_chains: [{ filters }] };
  const cluster = {
    name: 'backend',
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: 'backend',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(backendPort) } }] }],
    },
  };
  return {
    /** For a test that spoils them. */
    parts: { routes, listener, cluster },
    bootstrap: {
      admin: { address: socketAddress(0) },
      static_resources: { listeners: [listener], clusters: [cluster] },
    },
  };
}
