import { BrokenAnswer, type CallerOptions, type Dialect, type HttpCaller, openCaller } from './http-caller.ts';

/** HTTP/2: the server says that it did not begin. */
const REFUSED_STREAM = 7;
const connectRetries = 200;

export interface LoadOutcome {
  answered: number;
  /** Calls that were begun and neither answered nor refused: what a drain must not cause. */
  lost: string[];
  /** Connections opened in all. */
  connections: number;
  /** How many answers each value of the header `x-by` came with. */
  by: Map<string, number>;
}

/**
 * Clients that call without a pause until they are told to stop, each one call after the other on its own connection. A
 * connection that takes no more calls is replaced; the ports are tried in turn when one refuses.
 */
export class SteadyLoad {
  readonly #outcome: LoadOutcome = { answered: 0, lost: [], connections: 0, by: new Map() };
  readonly #clients: Promise<void>[];
  #stopped = false;

  constructor(
    dialect: Dialect,
    ports: () => readonly number[],
    path: string,
    clients: number,
    options?: CallerOptions,
  ) {
    this.#clients = Array.from({ length: clients }, (_, n) => this.#client(dialect, ports, `${path}/${n}`, options));
  }

  get answered(): number {
    return this.#outcome.answered;
  }

  async stop(): Promise<LoadOutcome> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    return this.#outcome;
  }

  async #client(
    dialect: Dialect,
    ports: () => readonly number[],
    path: string,
    options?: CallerOptions,
  ): Promise<void> {
    let caller: HttpCaller | undefined;
    let turn = 0;
    while (!this.#stopped) {
      try {
        if (caller === undefined || caller.spent) {
          caller?.close();
          const all = ports();
          caller = await this.#open(dialect, () => all[turn++ % all.length]!, options);
        }
      } catch (error) {
        this.#outcome.lost.push(`no connection: ${error}`);
        break;
      }
      await this.#call(caller, path);
    }
    caller?.close();
  }

  async #open(dialect: Dialect, nextPort: () => number, options?: CallerOptions): Promise<HttpCaller> {
    for (let attempt = 0; ; attempt++) {
      try {
        const caller = await openCaller(dialect, nextPort(), options);
        this.#outcome.connections++;
        return caller;
      } catch (error) {
        if (attempt >= connectRetries) throw error;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }

  async #call(caller: HttpCaller, path: string): Promise<void> {
    try {
      const { status, body, headers } = await caller.call({ path });
      const word = path.split('/').pop();
      if (status !== 200 || body.toString() !== word) {
        this.#outcome.lost.push(`${status} ${body.toString().slice(0, 80)}`);
        return;
      }
      this.#outcome.answered++;
      const by = String(headers['x-by']);
      this.#outcome.by.set(by, (this.#outcome.by.get(by) ?? 0) + 1);
    } catch (error) {
      const refused = error instanceof BrokenAnswer && error.code === REFUSED_STREAM;
      if (!refused && !isNeverBegun(error)) this.#outcome.lost.push(String(error));
      caller.close();
    }
  }
}

/** Node would not even begin, or could not connect. */
function isNeverBegun(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^(ERR_HTTP2_GOAWAY_SESSION|ERR_HTTP2_INVALID_SESSION|ECONNREFUSED)$/.test(code);
}
