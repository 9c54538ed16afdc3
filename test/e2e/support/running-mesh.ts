import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningProcess } from '../../peers/process.ts';
import type { MeshFolder } from './mesh-folder.ts';
import { launch } from './programs.ts';

/** What sidecars count of one route of a service, added up over those that were asked. */
export interface RouteCounts {
  readonly requests: number;
  readonly errors: number;
  readonly injected: number;
  /** Requests by subset. */
  readonly bySubset: Readonly<Record<string, number>>;
}

/** Between two looks at counters: each costs the sidecar about as much as a dozen requests. */
const lookMs = 100;
const startTimeoutMs = 120_000;
const adminPort = 15_000;

/** A `meshctl up` that is ready. */
export class RunningMesh {
  readonly folder: MeshFolder;
  readonly process: RunningProcess;
  /** `http://127.0.0.1:15014`: where meshd's pages are. */
  readonly meshd: string;
  /** `127.0.0.1:15010`: where meshd serves xDS. */
  readonly xds: string;

  private constructor(folder: MeshFolder, process: RunningProcess, meshd: string, xds: string) {
    this.folder = folder;
    this.process = process;
    this.meshd = meshd;
    this.xds = xds;
  }

  static async start(folder: MeshFolder, ...args: readonly string[]): Promise<RunningMesh> {
    const process = launch('meshctl', ['up', folder.path, ...args]);
    const [, xds = '', meshd = ''] = await process.printed(/^meshd {5}xDS (\S+), .*(http:\S+)$/m, startTimeoutMs);
    await process.printed(/Ctrl-C stops everything/);
    return new RunningMesh(folder, process, meshd, xds);
  }

  admin(workload: string): string {
    const address = this.folder.addresses.get(workload);
    if (address === undefined) throw new Error(`no workload ${workload}`);
    return `http://${address}:${adminPort}`;
  }

  /** The sidecar's counters and gauges whose names match. */
  async stats(workload: string, filter: string): Promise<Map<string, number>> {
    const response = await fetch(`${this.admin(workload)}/stats?filter=${encodeURIComponent(filter)}`);
    const lines = (await response.text()).split('\n');
    return new Map(
      lines.flatMap((line) => {
        const [, name, value] = /^(.*): (\d+)$/.exec(line) ?? [];
        return name === undefined ? [] : [[name, Number(value)]];
      }),
    );
  }

  /** Sum of the counters that match. */
  async sum(workload: string, filter: string): Promise<number> {
    return [...(await this.stats(workload, filter)).values()].reduce((sum, value) => sum + value, 0);
  }

  /** What the callers' sidecars count for a route; `service` and `route` as in the table: `catalog`, `shoppers`. */
  async route(service: string, route: string, ...callers: readonly string[]): Promise<RouteCounts> {
    const prefix = `vhost.${service}.bookstore.svc.cluster.local:`;
    const inner = `.route.${route}.`;
    const counts = { requests: 0, errors: 0, injected: 0 };
    const bySubset: Record<string, number> = {};
    for (const caller of callers) {
      for (const [name, value] of await this.stats(caller, `^vhost\\.${service}\\..*\\.route\\.${route}\\.`)) {
        if (!name.startsWith(prefix) || !name.includes(inner)) continue;
        const rest = name.slice(name.indexOf(inner) + inner.length);
        const subset = /^cluster\.outbound\|\d+\|(.*?)\|.*\.upstream_rq_total$/.exec(rest)?.[1];
        if (subset !== undefined) bySubset[subset] = (bySubset[subset] ?? 0) + value;
        else if (rest === 'upstream_rq_total') counts.requests += value;
        else if (rest === 'upstream_rq_error') counts.errors += value;
        else if (rest === 'upstream_rq_injected') counts.injected += value;
      }
    }
    return { ...counts, bySubset };
  }

  /** How the counts of a route grow from now until it had `requests` more. */
  async growth(service: string, route: string, callers: readonly string[], requests: number): Promise<RouteCounts> {
    const before = await this.route(service, route, ...callers);
    const after = await this.process.until(`${requests} requests on ${service}/${route}`, async () => {
      await sleep(lookMs);
      const now = await this.route(service, route, ...callers);
      return now.requests >= before.requests + requests ? now : undefined;
    });
    const bySubset: Record<string, number> = {};
    for (const [subset, count] of Object.entries(after.bySubset))
      bySubset[subset] = count - (before.bySubset[subset] ?? 0);
    return {
      requests: after.requests - before.requests,
      errors: after.errors - before.errors,
      injected: after.injected - before.injected,
      bySubset,
    };
  }
}
