/** The connections of all listeners of one thread, against one limit (`overload.global_downstream_max_connections`). */
export class DownstreamLimit {
  active = 0;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  admits(): boolean {
    return this.active < this.#max;
  }
}
