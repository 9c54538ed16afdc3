import type { EngineEnvironment } from '../environment.ts';
import { MemoryNumbers, sharedMemory } from './shared-numbers.ts';

/** The connections of all listeners in all workers, against one limit. Without a limit nothing is counted. */
export class DownstreamLimit {
  readonly #max: number;
  readonly #places: MemoryNumbers | undefined;

  constructor({ downstreamConnectionsMax, downstreamPlaces, worker = 0 }: EngineEnvironment) {
    this.#max = downstreamConnectionsMax ?? Number.POSITIVE_INFINITY;
    if (downstreamConnectionsMax !== undefined) {
      this.#places = new MemoryNumbers(downstreamPlaces ?? sharedMemory(worker + 1), worker);
    }
  }

  /** False: there is no place. `exempt`: one that gets a place whatever the limit is. */
  take(exempt: boolean): boolean {
    return this.#places?.takePlace(exempt ? Number.POSITIVE_INFINITY : this.#max) ?? true;
  }

  giveBack(): void {
    this.#places?.returnPlace();
  }
}
