import { type Random, randomInteger } from '@sofamesh/base/random';
import type { RequestHead } from '@sofamesh/contract/message';
import type { TracingConfig } from '../config/tracing.ts';

const million = 1_000_000;
/** A UUID, whose first digits are random. */
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Whether a trace that nobody has begun begins here, as Envoy decides it. A request with an `x-request-id` is decided by
 * that, so that proxies with equal rates agree; a call that has none by chance.
 */
export class Sampling {
  readonly #config: TracingConfig;
  readonly #random: Random;

  constructor(config: TracingConfig, random: Random) {
    this.#config = config;
    this.#random = random;
  }

  /** `internal`: the request's word counts. Undefined where no such words are known: RPC. */
  decide(head: RequestHead, internal: boolean | undefined): boolean {
    const least = Math.min(this.#share(head, internal), this.#config.overallPpm);
    if (least <= 0) return false;
    return least >= million || this.#point(head, internal !== undefined) < least;
  }

  #share(head: RequestHead, internal: boolean | undefined): number {
    const { clientPpm, randomPpm } = this.#config;
    if (internal === undefined) return randomPpm;
    if (internal && head.get('x-envoy-force-trace') !== undefined) return million;
    return clientPpm > randomPpm && head.get('x-client-trace-id') !== undefined ? clientPpm : randomPpm;
  }

  #point(head: RequestHead, named: boolean): number {
    const id = named ? head.get('x-request-id') : undefined;
    if (id === undefined || !uuid.test(id)) return randomInteger(this.#random, million);
    // Envoy's resolution: hundredths of a per cent.
    return (Number.parseInt(id.slice(0, 8), 16) % 10_000) * 100;
  }
}
