import { ConnectionPool } from './connection-pool.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/**
 * One request at a time on a connection (HTTP/1.1). The connection that was used last is used next: the others grow old
 * together and are closed when the load has gone.
 *
 * A peer may close a connection just when it is used again. The codec then resets the stream with
 * `connection-termination`, and as `connection.bytesSent` was above 0 when the stream was given out, the exchange knows
 * that it was not the first on its connection.
 */
export class ExclusivePool extends ConnectionPool {
  readonly #idle: UpstreamConnection[] = [];

  protected override take(): UpstreamConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return undefined;
      connection.listed = false;
      if (connection.capacity > 0) return connection;
    }
  }

  protected override grow(): void {
    while (this.connecting < this.waiting.length && this.dial());
  }

  protected override get uncovered(): number {
    return Math.max(0, this.waiting.length - this.connecting);
  }

  protected override place(connection: UpstreamConnection): void {
    if (connection.capacity === 0) {
      if (connection.retired) this.forget(connection);
    } else if (!connection.listed) {
      connection.listed = true;
      this.#idle.push(connection);
    }
  }

  protected override forget(connection: UpstreamConnection): void {
    if (!connection.listed) return;
    connection.listed = false;
    this.#idle.splice(this.#idle.lastIndexOf(connection), 1);
  }
}
