import type { Clock, Timer } from '@sofamesh/base/clock';
import type { ClientTls, ServerTls, TlsSession } from '@sofamesh/contract/transport';
import type { Lane } from './lane.ts';
import { answerHello, type Refusal } from './sim-tls.ts';

const handshakeTimeoutMsDefault = 10_000;

/** The server's side of a simulated TLS handshake: one of the two, once. */
export class SimHandshake {
  readonly #tls: ServerTls;
  readonly #out: Lane;
  readonly #secured: (session: TlsSession) => void;
  readonly #failed: (refusal: Refusal) => void;
  readonly #timer: Timer;
  #session: TlsSession | undefined = undefined;
  #over = false;

  constructor(
    clock: Clock,
    out: Lane,
    tls: ServerTls,
    secured: (session: TlsSession) => void,
    failed: (refusal: Refusal) => void,
  ) {
    this.#tls = tls;
    this.#out = out;
    this.#secured = secured;
    this.#failed = failed;
    const timeoutMs = tls.handshakeTimeoutMs ?? handshakeTimeoutMsDefault;
    this.#timer = clock.after(timeoutMs, () => this.fail({ refusal: 'ERR_TLS_HANDSHAKE_TIMEOUT' }));
  }

  hello(client: ClientTls): void {
    if (this.#over) return;
    if (this.#tls.certificates.length === 0) {
      this.fail({ refusal: 'EINVAL' });
      return;
    }
    const answer = answerHello(this.#tls, client);
    if (answer.refusal !== undefined) {
      this.fail(answer);
      return;
    }
    this.#session = answer.server;
    this.#out.send({ kind: 'welcome', session: answer.client, chainPem: answer.chainPem });
  }

  finished(): void {
    if (this.#over || this.#session === undefined) return;
    this.stop();
    this.#secured(this.#session);
  }

  fail(refusal: Refusal): void {
    if (this.#over) return;
    this.stop();
    this.#out.send({ kind: 'reset', reason: refusal.refusal });
    this.#failed(refusal);
  }

  stop(): void {
    this.#over = true;
    this.#timer.cancel();
  }
}
