import { Deadline, type Timed } from '@sofamesh/base/timer-wheel';
import type { SpanFormat, SpanRecord } from '@sofamesh/contract/trace';
import type { Clusters } from '../cluster/upstream.ts';
import type { TraceProviderConfig } from '../config/tracing.ts';
import type { EngineEnvironment } from '../environment.ts';
import { ReporterStats } from './reporter-stats.ts';
import { SpanReport } from './span-report.ts';

/** Spans that wait for a report, of one worker and provider; the next ones are dropped. */
const waitingSpansMax = 1000;
/** Spans of one report; so many do not wait any longer. */
const reportSpansMax = 100;
/** Reports on their way at a time. */
const reportsMax = 4;
/** Longest wait of a span for others, in milliseconds. */
const flushIntervalMs = 1000;

/**
 * Gathers spans and sends them to a collector, through a cluster like any other. Nothing that goes wrong with that
 * reaches an exchange: what cannot be sent is dropped and counted. As a deadline it is the time of the next report.
 */
export class SpanReporter implements Timed {
  readonly deadline = new Deadline(this);
  readonly #config: TraceProviderConfig;
  readonly #format: SpanFormat;
  readonly #environment: EngineEnvironment;
  readonly #clusters: Clusters;
  readonly #stats: ReporterStats;
  #spans: SpanRecord[] = [];
  #reports = 0;
  #flushing = false;
  #onIdle: (() => void) | undefined = undefined;

  constructor(config: TraceProviderConfig, format: SpanFormat, environment: EngineEnvironment, clusters: Clusters) {
    this.#config = config;
    this.#format = format;
    this.#environment = environment;
    this.#clusters = clusters;
    this.#stats = new ReporterStats(environment.stats, config.format);
  }

  /** Never throws. */
  add(span: SpanRecord): void {
    if (this.#spans.length >= waitingSpansMax) {
      this.#stats.spansDropped.increment();
      return;
    }
    this.#spans.push(span);
    if (this.#spans.length >= reportSpansMax) this.#sendWhole();
    else if (!this.deadline.waiting) this.#environment.wheel.start(this.deadline, flushIntervalMs);
  }

  onDeadline(): void {
    if (this.#spans.length === 0) return;
    if (this.#reports < reportsMax) {
      this.#stats.timerFlushed.increment();
      this.#send();
    }
    // Some are left when many came while all reports were on their way.
    if (this.#spans.length > 0) this.#environment.wheel.start(this.deadline, flushIntervalMs);
  }

  /**
   * The last call: sends what waits, and resolves when all of it has been answered or given up, or after `deadlineMs`. 0:
   * what waits is given up.
   */
  flush(deadlineMs: number): Promise<void> {
    this.#flushing = true;
    this.#environment.wheel.stop(this.deadline);
    if (deadlineMs <= 0) this.#spans = [];
    this.#sendRest();
    if (this.#reports === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#environment.clock.after(deadlineMs, resolve);
      this.#onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #sendWhole(): void {
    while (this.#spans.length >= reportSpansMax && this.#reports < reportsMax) this.#send();
  }

  #sendRest(): void {
    while (this.#spans.length > 0 && this.#reports < reportsMax) this.#send();
  }

  #send(): void {
    const spans = this.#spans.splice(0, reportSpansMax);
    const cluster = this.#clusters.get(this.#config.cluster);
    if (cluster === undefined) {
      this.#stats.skipped();
      return;
    }
    const body = this.#format.encode(spans);
    this.#reports++;
    this.#stats.sent(spans.length);
    new SpanReport(this.#config, this.#format.contentType, body, cluster, this.#environment, (outcome) => {
      this.#reports--;
      this.#stats.ended(outcome);
      this.#next();
    }).begin();
  }

  #next(): void {
    if (this.#flushing) this.#sendRest();
    else this.#sendWhole();
    if (this.#reports === 0) this.#onIdle?.();
  }
}
