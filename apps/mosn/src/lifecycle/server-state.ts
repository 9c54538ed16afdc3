import type { Clock } from '@sofamesh/base/clock';

/** Envoy's words and, in this order, the values of `server.state`. */
export const serverPhases = ['LIVE', 'DRAINING', 'PRE_INITIALIZING', 'INITIALIZING'] as const;
export type ServerPhase = (typeof serverPhases)[number];

/** How far the process is, for `/ready`, `/server_info` and the statistics. */
export class ServerState {
  readonly #clock: Clock;
  readonly #startMs: number;
  #phase: ServerPhase = 'PRE_INITIALIZING';
  #failing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.now();
  }

  /** `DRAINING` as well while an operator lets health checks fail. */
  get phase(): ServerPhase {
    return this.#failing ? 'DRAINING' : this.#phase;
  }

  /** Never back: a process that drains does not become live again. */
  advance(phase: ServerPhase): void {
    if (this.#phase !== 'DRAINING') this.#phase = phase;
  }

  failHealthChecks(failing: boolean): void {
    this.#failing = failing;
  }

  get uptimeMs(): number {
    return this.#clock.now() - this.#startMs;
  }
}
