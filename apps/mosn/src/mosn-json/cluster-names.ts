import { nearWord } from '../config/near-word.ts';
import type { Report } from './report.ts';
import { ClusterUses, type UpstreamUse } from './upstream-use.ts';

/** Names of clusters in routes: each use is noted, and a name that no cluster has is reported. */
export class ClusterNames {
  readonly uses = new ClusterUses();
  readonly #known: ReadonlySet<string>;
  /** Others may come later: from a control plane or a registry. */
  readonly #open: boolean;
  readonly #report: Report;

  constructor(known: ReadonlySet<string>, open: boolean, report: Report) {
    this.#known = known;
    this.#open = open;
    this.#report = report;
  }

  /** The Envoy cluster to send requests or calls to. */
  use(name: string, use: UpstreamUse, path: string): string {
    return this.#check(name, path) ? this.uses.nameFor(name, use) : name;
  }

  /** The Envoy cluster for connections and datagrams. */
  plain(name: string, path: string): string {
    this.#check(name, path);
    return name;
  }

  #check(name: string, path: string): boolean {
    if (this.#known.has(name)) return true;
    if (this.#open) return false;
    const near = nearWord(name, this.#known);
    this.#report.refuse(path, name, near === undefined ? 'is no cluster' : `is no cluster; did you mean ${near}?`);
    return false;
  }
}
