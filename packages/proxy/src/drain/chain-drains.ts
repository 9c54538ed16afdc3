import type { Timer } from '@sofamesh/base/clock';
import type { NetworkFilter } from '@sofamesh/contract/network-filter';
import type { EngineEnvironment } from '../environment.ts';

/** Envoy's default for `--drain-time-s`. */
const drainMsDefault = 600_000;
/** How often it is looked whether a chain has emptied; nothing hurries. */
const lookMs = 50;

/**
 * Network filters that get no new connections: their clients are asked to go, and what is left after the drain time is
 * closed. Connections under way go on with the configuration that they began with.
 */
export class ChainDrains {
  readonly #environment: EngineEnvironment;
  readonly #drainMs: number;
  readonly #draining = new Map<NetworkFilter, Timer>();

  constructor(environment: EngineEnvironment) {
    this.#environment = environment;
    this.#drainMs = environment.drainMs ?? drainMsDefault;
  }

  begin(filters: readonly NetworkFilter[]): void {
    for (const filter of filters) {
      if (this.#draining.has(filter)) continue;
      filter.drain();
      const timer = this.#environment.clock.after(this.#drainMs, () => {
        this.#draining.delete(filter);
        filter.close();
      });
      this.#draining.set(filter, timer);
    }
  }

  /** Resolves when no draining filter has a connection left, which is made so after `deadlineMs`. */
  async settle(deadlineMs: number): Promise<void> {
    const { clock } = this.#environment;
    const untilMs = clock.now() + deadlineMs;
    await this.#empty(untilMs);
    for (const [filter, timer] of this.#draining) {
      timer.cancel();
      filter.close();
    }
    // Closing takes a turn of its own.
    await this.#empty(untilMs + closingMsMax);
    this.#draining.clear();
  }

  async #empty(untilMs: number): Promise<void> {
    const { clock } = this.#environment;
    while (this.#busy && clock.now() < untilMs) {
      await new Promise<void>((resolve) => {
        clock.after(Math.min(lookMs, untilMs - clock.now()), resolve);
      });
    }
  }

  get #busy(): boolean {
    for (const filter of this.#draining.keys()) if (filter.activeConnections > 0) return true;
    return false;
  }
}

/** How long a connection that was closed may take to be gone. */
const closingMsMax = 1000;
