import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts process times for user space in hundredths of a second on every architecture that Node runs on. */
const tickMs = 10;

/** What a process and its descendants have used and hold. */
export interface Usage {
  /** User and system time since their start, of all threads, ended ones included. */
  readonly cpuMs: number;
  /** Resident memory in units of 2^20 bytes; pages that several processes share count in each. */
  readonly rssMb: number;
}

export function usageOf(pid: number): Usage {
  let ticks = 0;
  let rssKb = 0;
  for (const one of familyOf(pid)) {
    const [, , , , , , , , , , , utime, stime] = statOf(one);
    ticks += Number(utime) + Number(stime);
    rssKb += Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${one}/status`, 'utf8'))?.[1] ?? 0);
  }
  return { cpuMs: ticks * tickMs, rssMb: rssKb / 1024 };
}

/** Fields of /proc/PID/stat from the third, the state, on: the second may hold blanks and brackets. */
function statOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** The process and all its descendants. */
function familyOf(pid: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const child = Number(name);
    if (!Number.isInteger(child)) continue;
    try {
      const parent = Number(statOf(child)[1]);
      childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), child]);
    } catch {
      // It ended between the two looks.
    }
  }
  const family = [pid];
  for (const member of family) family.push(...(childrenOf.get(member) ?? []));
  return family;
}
