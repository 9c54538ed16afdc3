import { ManualClock } from '@sofamesh/base/manual-clock';
import { SeededRandom } from '@sofamesh/base/random';
import { SimNetwork } from '@sofamesh/testkit/sim-network/sim-network';

const notesMax = 5000;

/** One simulated world: its time, its chance and its network follow from the seed, to the last byte. */
export class SimWorld {
  readonly seed: number;
  readonly clock = new ManualClock();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  /** What was found to be wrong; the first one is what counts. */
  readonly violations: string[] = [];
  #notes: string[] = [];

  constructor(seed: number) {
    this.seed = seed;
    this.random = new SeededRandom(seed);
    this.network = new SimNetwork({ clock: this.clock, random: this.random });
  }

  /** For whoever replays the run. */
  note(text: string): void {
    this.#notes.push(`${this.clock.now().toFixed(2)} ${text}`);
    if (this.#notes.length >= notesMax * 2) this.#notes = this.#notes.slice(notesMax);
  }

  violate(text: string): void {
    this.note(`VIOLATION ${text}`);
    this.violations.push(text);
  }

  get notes(): readonly string[] {
    return this.#notes;
  }

  /** Lets time pass until `done`; false when nothing moves any more or the time is up before that. */
  runUntil(done: () => boolean, durationMs: number): Promise<boolean> {
    const untilMs = this.clock.now() + durationMs;
    return new Promise((resolve, reject) => {
      // One event in a turn of the real loop: as there, every promise has run before the next event.
      const turn = () => {
        try {
          const dueMs = this.clock.nextDueMs();
          if (done()) resolve(true);
          else if (dueMs === undefined || dueMs > untilMs || this.violations.length > 0) resolve(false);
          else {
            this.clock.step();
            setImmediate(turn);
          }
        } catch (error) {
          reject(error);
        }
      };
      setImmediate(turn);
    });
  }

  /** After everything was closed: nothing is left, and nothing was thrown. */
  checkOver(): void {
    const { network, clock } = this;
    if (network.liveConnections > 0) this.violate(`${network.liveConnections} ends of connections are open`);
    if (clock.nextDueMs() !== undefined) this.violate('timers are left');
    for (const error of network.handlerErrors) {
      this.violate(`a handler threw: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
}
