import { readFileSync } from 'node:fs';
import type { Launch } from '../peers/process.ts';

/** Who runs where: the proxy alone on a core, load and backend on others, or together on the other one. */
export interface Cores {
  readonly proxy: number;
  readonly load: number;
  readonly backend: number;
}

/**
 * The last core that this process may use is the proxy's. Load and backend share another one even where there are more:
 * figures from a laptop and from a two-core machine then mean the same.
 */
export function chooseCores(allowed: readonly number[] = allowedCores()): Cores {
  const proxy = allowed.at(-1) ?? 0;
  const other = allowed.at(-2) ?? proxy;
  return { proxy, load: other, backend: other };
}

export function pinned(core: number, launch: Launch): Launch {
  // taskset replaces itself, so the process id is the program's own.
  return { ...launch, command: 'taskset', args: ['-c', String(core), launch.command, ...launch.args] };
}

function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return coresOfList(list);
}

/** `0-2,5` as `[0, 1, 2, 5]`. */
export function coresOfList(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
