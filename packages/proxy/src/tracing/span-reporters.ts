import type { Clusters } from '../cluster/upstream.ts';
import type { TraceProviderConfig } from '../config/tracing.ts';
import type { EngineEnvironment } from '../environment.ts';
import { SpanReporter } from './span-reporter.ts';

/** Longest wait of a drain for what is still to be reported. */
const lastReportsMs = 1000;

/** The queues of one thread: one for all listeners whose spans go the same way. */
export class SpanReporters {
  readonly #environment: EngineEnvironment;
  readonly #clusters: Clusters;
  /** Held by the listeners; one that nobody has any more is gone when its last span is. */
  readonly #reporters = new Map<string, WeakRef<SpanReporter>>();

  constructor(environment: EngineEnvironment, clusters: Clusters) {
    this.#environment = environment;
    this.#clusters = clusters;
  }

  /** Undefined: this engine has no format for it. */
  get(provider: TraceProviderConfig): SpanReporter | undefined {
    const key = JSON.stringify(provider);
    const known = this.#reporters.get(key)?.deref();
    if (known !== undefined) return known;
    const format = this.#environment.spanFormat?.(provider.format, provider.service);
    if (format === undefined) return undefined;
    for (const [each, reference] of this.#reporters) if (reference.deref() === undefined) this.#reporters.delete(each);
    const reporter = new SpanReporter(provider, format, this.#environment, this.#clusters);
    this.#reporters.set(key, new WeakRef(reporter));
    return reporter;
  }

  /** Of a drain: everything that is known goes out, if the collector takes it in time. */
  async flush(deadlineMs: number): Promise<void> {
    const limitMs = Math.min(deadlineMs, lastReportsMs);
    await Promise.all([...this.#reporters.values()].map((reference) => reference.deref()?.flush(limitMs)));
  }
}
