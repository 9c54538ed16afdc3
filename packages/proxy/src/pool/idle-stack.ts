import type { UpstreamConnection } from './upstream-connection.ts';

/**
 * Connections without a request, for protocols that carry one at a time. That which was used last is used next: the
 * others grow old together and are closed when the load has gone.
 */
export class IdleStack {
  readonly #idle: UpstreamConnection[] = [];

  take(): UpstreamConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return undefined;
      connection.listed = false;
      if (connection.capacity > 0) return connection;
    }
  }

  place(connection: UpstreamConnection): void {
    if (connection.capacity === 0) {
      if (connection.retired) this.forget(connection);
    } else if (!connection.listed) {
      connection.listed = true;
      this.#idle.push(connection);
    }
  }

  forget(connection: UpstreamConnection): void {
    if (!connection.listed) return;
    connection.listed = false;
    this.#idle.splice(this.#idle.lastIndexOf(connection), 1);
  }
}
