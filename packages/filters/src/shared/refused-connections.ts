import { Deadline, type TimerWheel } from '@sofamesh/base/timer-wheel';
import type { Connection, ConnectionHandler } from '@sofamesh/contract/transport';

/** Connections that a network filter does not want: nothing of them is read, and they end at once or after a delay. */
export class RefusedConnections {
  readonly #wheel: TimerWheel;
  readonly #connections = new Set<Connection>();

  constructor(wheel: TimerWheel) {
    this.#wheel = wheel;
  }

  /** Those that are not gone yet. */
  get size(): number {
    return this.#connections.size;
  }

  /** `done` is called when it is gone. */
  add(connection: Connection, delayMs: number, done: () => void): void {
    this.#connections.add(connection);
    const end = delayMs > 0 ? new Deadline({ onDeadline: () => connection.close('now') }) : undefined;
    connection.setHandler(
      new Deaf(() => {
        if (end !== undefined) this.#wheel.stop(end);
        this.#connections.delete(connection);
        done();
      }),
    );
    connection.pauseReading();
    if (end === undefined) connection.close('now');
    else this.#wheel.start(end, delayMs);
  }

  close(): void {
    for (const connection of this.#connections) connection.close('now');
  }
}

/** Wants to know nothing but the end. */
export class Deaf implements ConnectionHandler {
  readonly onClose: () => void;

  constructor(onClose: () => void) {
    this.onClose = onClose;
  }

  onBytes(): void {}
  onEnd(): void {}
}
