import { readFileSync, writeFileSync } from 'node:fs';

/** Resident memory of a process as Linux counts it, in MiB. */
export class Resident {
  readonly #status: string;
  readonly #clearRefs: string;

  constructor(pid: number) {
    this.#status = `/proc/${pid}/status`;
    this.#clearRefs = `/proc/${pid}/clear_refs`;
  }

  get nowMib(): number {
    return this.#read('VmRSS');
  }

  /** The most that it was since {@link forgetPeak}. */
  get peakMib(): number {
    return this.#read('VmHWM');
  }

  forgetPeak(): void {
    // `proc_pid_clear_refs(5)`: 5 resets the high-water mark.
    writeFileSync(this.#clearRefs, '5');
  }

  #read(field: string): number {
    const found = new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(readFileSync(this.#status, 'latin1'));
    if (found === null) throw new Error(`no ${field} in ${this.#status}`);
    return Number(found[1]) / 1024;
  }
}
