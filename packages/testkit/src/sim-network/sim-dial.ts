import type { Timer } from '@sofamesh/base/clock';
import type { CloseCause, DialOptions } from '@sofamesh/contract/transport';
import type { Lane, LaneNetwork, Segment } from './lane.ts';
import type { SimConnection } from './sim-connection.ts';
import { judgeServer, tlsFailed } from './sim-tls.ts';

/** The way of one connection from `dial` to `onConnect`, as seen by the machine that dials. */
export class SimDial {
  readonly #connection: SimConnection;
  readonly #options: DialOptions;
  readonly #up: Lane;
  readonly #down: Lane;
  readonly #timer: Timer;
  #accepted = false;

  constructor(network: LaneNetwork, options: DialOptions, connection: SimConnection, up: Lane, down: Lane) {
    this.#connection = connection;
    this.#options = options;
    this.#up = up;
    this.#down = down;
    this.#timer = network.clock.after(options.connectTimeoutMs, () => {
      this.#fail({ kind: 'connect-timeout', reason: `not connected after ${options.connectTimeoutMs} ms` });
    });
    connection.awaitDial(() => this.#leave());
    down.receiver = (segment) => this.#receive(segment);
    up.send({ kind: 'open' });
  }

  #receive(segment: Segment): void {
    const { tls } = this.#options;
    if (segment.kind === 'accepted') {
      this.#accepted = true;
      if (tls === undefined) this.#succeed();
      else this.#up.send({ kind: 'hello', tls });
    } else if (segment.kind === 'welcome' && tls !== undefined) {
      const refusal = judgeServer(tls, segment.chainPem);
      if (refusal !== undefined) {
        this.#fail(tlsFailed(refusal));
        return;
      }
      this.#connection.tls = segment.session;
      this.#up.send({ kind: 'finished' });
      this.#succeed();
    } else if (segment.kind === 'reset' && !this.#accepted) {
      this.#fail({ kind: 'connect-failed', reason: segment.reason });
    } else if (segment.kind === 'reset' || segment.kind === 'end' || segment.kind === 'bytes') {
      this.#fail({
        kind: 'tls-failed',
        reason: segment.kind === 'reset' ? segment.reason : 'ERR_SSL_WRONG_VERSION_NUMBER',
      });
    }
  }

  #succeed(): void {
    this.#timer.cancel();
    this.#down.receiver = (segment) => this.#connection.receive(segment);
    this.#connection.opened(true);
  }

  #fail(cause: CloseCause): void {
    this.#leave();
    this.#connection.finishLater(cause);
  }

  /** Whatever is still said is answered with a reset, once. */
  #leave(): void {
    this.#timer.cancel();
    this.#down.receiver = () => {};
    this.#up.send({ kind: 'reset', reason: 'ECONNRESET' });
  }
}
