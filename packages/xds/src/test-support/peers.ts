import { create } from '@bufbuild/protobuf';
import { NodeSchema } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { silentLogger } from '@sofamesh/base/logger';
import type { ManualClock } from '@sofamesh/base/manual-clock';
import type { Random } from '@sofamesh/base/random';
import type { MessageStreamDialer } from '@sofamesh/contract/message-stream';
import type { Counter, Gauge, Stats } from '@sofamesh/contract/stats';
import { AdsClient, type AdsSink, type ReceivedResource, type ResourceError } from '../client/ads-client.ts';
import { AdsServer, type AdsServerOptions } from '../server/ads-server.ts';
import type { NamedBytes } from '../server/encode-response.ts';

export class MapStats implements Stats {
  readonly values = new Map<string, number>();

  counter(name: string): Counter {
    const values = this.values;
    values.set(name, values.get(name) ?? 0);
    return {
      increment: () => values.set(name, (values.get(name) ?? 0) + 1),
      add: (amount) => values.set(name, (values.get(name) ?? 0) + amount),
      get value() {
        return values.get(name) ?? 0;
      },
    };
  }

  gauge(name: string): Gauge {
    const counter = this.counter(name);
    return {
      set: (value) => this.values.set(name, value),
      add: counter.add,
      get value() {
        return counter.value;
      },
    };
  }

  histogram() {
    return { record() {} };
  }
}

/** Content of a control plane: of each type, text by name. A text that begins with `bad` is refused by {@link TextSink}. */
export class TextSource {
  readonly #types = new Map<string, { version: number; readonly texts: Map<string, string> }>();

  set(typeUrl: string, texts: Readonly<Record<string, string>>): void {
    const version = (this.#types.get(typeUrl)?.version ?? 0) + 1;
    this.#types.set(typeUrl, { version, texts: new Map(Object.entries(texts)) });
  }

  readonly resourcesFor: AdsServerOptions['resourcesFor'] = (_proxy, typeUrl, names) => {
    const type = this.#types.get(typeUrl);
    if (type === undefined) return undefined;
    const resources: NamedBytes[] = [...type.texts]
      .filter(([name]) => names === undefined || names.has(name))
      .map(([name, text]) => ({ name, bytes: Buffer.from(`${name}=${text}`) }));
    return { version: `v${type.version}`, resources };
  };

  texts(typeUrl: string): Map<string, string> {
    return this.#types.get(typeUrl)?.texts ?? new Map();
  }
}

/** Keeps what it is told; wildcard types lose what a response does not hold. */
export class TextSink implements AdsSink {
  readonly applied: { readonly typeUrl: string; readonly version: string; readonly texts: readonly string[] }[] = [];
  readonly state = new Map<string, Map<string, string>>();
  readonly #wildcard: ReadonlySet<string>;
  readonly #wait: () => Promise<void>;
  running = 0;
  runningMax = 0;

  constructor(wildcard: Iterable<string>, wait: () => Promise<void> = async () => {}) {
    this.#wildcard = new Set(wildcard);
    this.#wait = wait;
  }

  async apply(typeUrl: string, version: string, resources: readonly ReceivedResource[]) {
    this.runningMax = Math.max(this.runningMax, ++this.running);
    await this.#wait();
    this.running--;
    const entries = resources.map(({ value }) => Buffer.from(value).toString().split('=', 2) as [string, string]);
    const state = this.state.get(typeUrl) ?? new Map<string, string>();
    this.state.set(typeUrl, state);
    const errors: ResourceError[] = [];
    if (this.#wildcard.has(typeUrl)) {
      for (const name of state.keys()) if (!entries.some(([other]) => other === name)) state.delete(name);
    }
    for (const [name, text] of entries) {
      if (text.startsWith('bad')) errors.push({ name, reason: 'is bad' });
      else state.set(name, text);
    }
    this.applied.push({ typeUrl, version, texts: entries.map(([name, text]) => `${name}=${text}`) });
    return { errors };
  }
}

export function clientOf(options: {
  clock: ManualClock;
  dialer: MessageStreamDialer;
  sink: AdsSink;
  random?: Random;
  stats?: Stats;
}) {
  return new AdsClient({
    node: create(NodeSchema, { id: 'sidecar~10.0.0.1~a.default~default.svc.cluster.local' }),
    random: options.random ?? { next: () => 0.5 },
    logger: silentLogger,
    stats: options.stats ?? new MapStats(),
    ...options,
  });
}

export function serverOf(
  options: Pick<AdsServerOptions, 'clock' | 'resourcesFor'> & Partial<AdsServerOptions>,
): AdsServer {
  return new AdsServer({ logger: silentLogger, stats: new MapStats(), ...options });
}

/** Lets promises settle, then time pass, until nothing is due within `untilMs` of now. */
export async function run(clock: ManualClock, durationMs: number): Promise<void> {
  const untilMs = clock.now() + durationMs;
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    const dueMs = clock.nextDueMs();
    if (dueMs === undefined || dueMs > untilMs) break;
    clock.step();
  }
  clock.advance(Math.max(untilMs - clock.now(), 0));
}
