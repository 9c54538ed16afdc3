import type { UpstreamProtocol } from '../cluster/upstream.ts';
import { ConnectionPool } from './connection-pool.ts';
import type { PoolEnvironment } from './pool.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** After a failed try to have one more connection than are needed. */
const spreadPauseMs = 1000;

/**
 * Many requests on a connection (`multiplexed`). Streams spread over a wanted number of connections, each new one to that
 * with the least streams; more are opened, and used, only while these are full, so that they fall idle and are closed when
 * the load has gone. A connection that the peer retires (GOAWAY) makes room for a new one and ends with its last stream.
 */
export class SharedPool extends ConnectionPool {
  /** Connected and not retired. */
  readonly #ready: UpstreamConnection[] = [];
  readonly #wanted: number;
  readonly #mayExceed: boolean;
  /** What a connection may carry at most. */
  readonly #streamsMax: number;
  #spreadNotBeforeMs = 0;

  /** `mayExceed`: open more than `wanted` connections while these are full. */
  constructor(protocol: UpstreamProtocol, environment: PoolEnvironment, wanted: number, mayExceed: boolean) {
    super(protocol, environment);
    this.#wanted = Math.max(1, wanted);
    this.#mayExceed = mayExceed;
    const { limits } = environment.codecOptionsOf('pooling' in protocol ? protocol : protocol.http2);
    this.#streamsMax = limits.streamsMax;
  }

  protected override get dialsApart(): boolean {
    return this.#mayExceed;
  }

  protected override take(): UpstreamConnection | undefined {
    const ready = this.#ready;
    let best: UpstreamConnection | undefined;
    for (let at = 0, left = this.#wanted; at < ready.length && left > 0; at++) {
      const connection = ready[at]!;
      if (connection.capacity === 0) continue;
      left--;
      if (best === undefined || connection.activeStreams < best.activeStreams) best = connection;
    }
    if (best !== undefined && best.activeStreams > 0 && ready.length + this.connecting < this.#wanted) this.#spread();
    return best;
  }

  protected override grow(): void {
    if (this.waiting.length === 0) return;
    const wanted = this.#maySpread ? Math.min(this.#wanted, this.waiting.length) : 1;
    while (this.#ready.length + this.connecting < wanted && this.dial());
    if (this.#mayExceed) while (this.connecting * this.#streamsPerDial < this.waiting.length && this.dial());
  }

  /**
   * An attempt hopes for the connections that were being dialled when it came. Those dialled later serve it if they can,
   * but it does not wait for them to fail, or it might wait for ever.
   */
  protected override get uncovered(): number {
    return this.waiting.countDialledBefore(this.oldestDial);
  }

  override onConnectFailed(...failure: Parameters<ConnectionPool['onConnectFailed']>): void {
    this.#pauseSpreading();
    super.onConnectFailed(...failure);
  }

  protected override place(connection: UpstreamConnection): void {
    // One must be tried: a peer that took none may take some on another connection.
    this.expectedStreams = Math.max(1, connection.streamsMax ?? this.expectedStreams);
    if (connection.retired) this.forget(connection);
    else if (!connection.listed) {
      connection.listed = true;
      this.#ready.push(connection);
    }
  }

  protected override forget(connection: UpstreamConnection): void {
    if (!connection.listed) return;
    connection.listed = false;
    this.#ready.splice(this.#ready.indexOf(connection), 1);
  }

  get #streamsPerDial(): number {
    return Math.min(this.#streamsMax, this.expectedStreams);
  }

  #spread(): void {
    if (this.#maySpread && !this.dial()) this.#pauseSpreading();
  }

  get #maySpread(): boolean {
    return !this.draining && this.environment.clock.now() >= this.#spreadNotBeforeMs;
  }

  #pauseSpreading(): void {
    this.#spreadNotBeforeMs = this.environment.clock.now() + spreadPauseMs;
  }
}
