import { ConnectionPool } from './connection-pool.ts';
import { IdleStack } from './idle-stack.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/**
 * One request at a time on a connection (HTTP/1.1).
 *
 * A peer may close a connection just when it is used again. The codec then resets the stream with
 * `connection-termination`, and the attempt, which knows that its connection was not fresh, may ask for one that is.
 */
export class ExclusivePool extends ConnectionPool {
  readonly #idle = new IdleStack();

  protected override take(): UpstreamConnection | undefined {
    return this.#idle.take();
  }

  protected override grow(): void {
    while (this.connecting < this.waiting.length && this.dial());
  }

  protected override get uncovered(): number {
    return Math.max(0, this.waiting.length - this.connecting);
  }

  protected override place(connection: UpstreamConnection): void {
    this.#idle.place(connection);
  }

  protected override forget(connection: UpstreamConnection): void {
    this.#idle.forget(connection);
  }
}
