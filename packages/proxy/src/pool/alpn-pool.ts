import type { Protocol } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import type { AlpnProtocols } from '../cluster/upstream.ts';
import { IdleStack } from './idle-stack.ts';
import type { PoolEnvironment } from './pool.ts';
import { SharedPool } from './shared-pool.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/**
 * Each connection speaks what its host chose in the TLS handshake. Until the first stands, HTTP/2 is hoped for: all wait
 * for one connection. From then on the pool dials as the latest choice wants it, and serves connections of both kinds, for a
 * host may change its mind.
 */
export class AlpnPool extends SharedPool {
  readonly #protocols: AlpnProtocols;
  /** Those that carry one request at a time. */
  readonly #idle = new IdleStack();
  #exclusive = false;

  constructor(protocols: AlpnProtocols, environment: PoolEnvironment) {
    super(protocols, environment, 1, true);
    this.#protocols = protocols;
  }

  override protocolOf({ tls }: Connection): Protocol {
    const { http1, http2 } = this.#protocols;
    const chosen = tls?.alpn === 'h2' ? http2 : http1;
    this.#exclusive = chosen.pooling === 'exclusive';
    return chosen;
  }

  protected override take(): UpstreamConnection | undefined {
    return super.take() ?? this.#idle.take();
  }

  protected override grow(): void {
    if (this.#exclusive) while (this.connecting < this.waiting.length && this.dial());
    else super.grow();
  }

  protected override get uncovered(): number {
    return this.#exclusive ? Math.max(0, this.waiting.length - this.connecting) : super.uncovered;
  }

  protected override place(connection: UpstreamConnection): void {
    if (connection.shared) super.place(connection);
    else this.#idle.place(connection);
  }

  protected override forget(connection: UpstreamConnection): void {
    if (connection.shared) super.forget(connection);
    else this.#idle.forget(connection);
  }
}
