import { statSync } from 'node:fs';
import type { Clock, Timer } from '@sofamesh/base/clock';

/** Between two looks at the files of secrets. */
const lookIntervalMs = 1000;

/**
 * Looks whether files that secrets were read from are still what they were. A look at the file itself sees a write, a
 * rename over it and a symbolic link anywhere in its path that turns elsewhere (Kubernetes' mounted secrets).
 */
export class SecretFiles {
  readonly #clock: Clock;
  readonly #onChange: (files: ReadonlySet<string>) => void;
  #marks = new Map<string, string>();
  #timer: Timer | undefined = undefined;

  constructor(clock: Clock, onChange: (files: ReadonlySet<string>) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** Looks at these from now on, and no others. */
  watch(files: Iterable<string>): void {
    const marks = new Map<string, string>();
    for (const file of files) marks.set(file, this.#marks.get(file) ?? markOf(file));
    this.#marks = marks;
    if (marks.size === 0) this.stop();
    else this.#timer ??= this.#clock.after(lookIntervalMs, this.#look);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #look = () => {
    this.#timer = this.#clock.after(lookIntervalMs, this.#look);
    const changed = new Set<string>();
    for (const [file, mark] of this.#marks) {
      const now = markOf(file);
      if (now === mark) continue;
      this.#marks.set(file, now);
      changed.add(file);
    }
    if (changed.size > 0) this.#onChange(changed);
  };
}

function markOf(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}`;
}
