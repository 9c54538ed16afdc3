import type { ManualClock } from '@sofamesh/base/manual-clock';
import type { Exchange, ForwardOptions, RouteView } from '@sofamesh/contract/filter';
import type { LocalReply, ResponseHead } from '@sofamesh/contract/message';
import { LineRequestHead } from './line-message.ts';
import { ScriptedConnection } from './scripted-connection.ts';

export interface ScriptedExchangeOptions {
  readonly clock: ManualClock;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly oneWay?: boolean;
  readonly cluster?: string;
  /** By the filter's name. */
  readonly routeConfigs?: Readonly<Record<string, unknown>>;
}

/** An exchange for tests of one filter: it records what the filter asks for, and time is the test's. */
export class ScriptedExchange implements Exchange {
  readonly request: LineRequestHead;
  response: ResponseHead | undefined = undefined;
  readonly downstream = new ScriptedConnection();
  readonly route: RouteView | undefined;
  metadata: Map<string, unknown> | undefined = undefined;

  readonly replies: LocalReply[] = [];
  readonly forwards: (ForwardOptions | undefined)[] = [];
  flags = 0;
  routesCleared = 0;
  body = Buffer.alloc(0);
  readonly #clock: ManualClock;
  readonly #routeConfigs: Readonly<Record<string, unknown>>;
  readonly #sleeps = new Set<(error: Error) => void>();
  #over = false;

  constructor({ clock, headers = [], oneWay = false, cluster = 'a', routeConfigs = {} }: ScriptedExchangeOptions) {
    const words = ['GET', 'a.shop', '/'];
    this.request = new LineRequestHead({ id: 1, verb: oneWay ? 'TELL' : 'ASK', end: true, words, bytes: 0 }, false);
    for (const [name, value] of headers) this.request.add(name, value);
    this.route = { name: 'route', virtualHost: 'a.shop', cluster };
    this.#clock = clock;
    this.#routeConfigs = routeConfigs;
  }

  routeConfig(filterName: string): unknown {
    return this.#routeConfigs[filterName];
  }

  clearRoute(): void {
    this.routesCleared++;
  }

  reply(reply: LocalReply): void {
    if (!this.#over) this.replies.push(reply);
  }

  async bufferRequest(bytesMax: number): Promise<Buffer> {
    if (this.body.length > bytesMax) throw new Error('the body is too large');
    return this.body;
  }

  addFlags(flags: number): void {
    this.flags |= flags;
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleeps.add(reject);
      const timer = this.#clock.after(delayMs, () => {
        if (this.#sleeps.delete(reject)) resolve();
      });
      if (this.#over) {
        timer.cancel();
        this.#sleeps.delete(reject);
        reject(new Error('the exchange is over'));
      }
    });
  }

  forward(options?: ForwardOptions): void {
    if (!this.#over) this.forwards.push(options);
  }

  /** The client went away, or all was sent: what still sleeps is woken with an error. */
  finish(): void {
    this.#over = true;
    for (const reject of this.#sleeps) reject(new Error('the exchange is over'));
    this.#sleeps.clear();
  }
}
