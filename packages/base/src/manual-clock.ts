import type { Clock, Timer } from './clock.ts';

interface Entry {
  readonly dueMs: number;
  readonly order: number;
  readonly action: () => void;
  cancelled: boolean;
}

/** A clock that stands still until told: tests and the simulated world advance it. Equal times run in order of request. */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #wallOffsetMs: number;
  #entries: Entry[] = [];
  #order = 0;

  constructor(startMs = 0, wallOffsetMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
    this.#wallOffsetMs = wallOffsetMs;
  }

  now(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallOffsetMs + this.#nowMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const entry: Entry = { dueMs: this.#nowMs + Math.max(delayMs, 0), order: this.#order++, action, cancelled: false };
    let at = this.#entries.length;
    while (at > 0 && this.#entries[at - 1]!.dueMs > entry.dueMs) at--;
    this.#entries.splice(at, 0, entry);
    return {
      cancel: () => {
        entry.cancelled = true;
      },
    };
  }

  /** When the next timer is due, or undefined when none waits. */
  nextDueMs(): number | undefined {
    this.#dropCancelled();
    return this.#entries[0]?.dueMs;
  }

  /** Moves time to the next timer and runs it; false when none waits. */
  step(): boolean {
    this.#dropCancelled();
    const entry = this.#entries.shift();
    if (entry === undefined) return false;
    this.#nowMs = Math.max(this.#nowMs, entry.dueMs);
    entry.action();
    return true;
  }

  /** Runs everything that is due within the next `durationMs`, then stands at that time. */
  advance(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs;
    for (let dueMs = this.nextDueMs(); dueMs !== undefined && dueMs <= untilMs; dueMs = this.nextDueMs()) this.step();
    this.#nowMs = untilMs;
  }

  #dropCancelled(): void {
    while (this.#entries[0]?.cancelled) this.#entries.shift();
  }
}
