import type { Counter, Stats } from '@sofamesh/contract/stats';
import type { SpanFormatName } from '@sofamesh/contract/trace';

/** `accepted`: answered with success; `refused`: answered otherwise; `failed`: not answered. */
export type ReportOutcome = 'accepted' | 'refused' | 'failed';

/** Counters of one kind of tracer, under Envoy's names; `spans_dropped` is one more. */
export class ReporterStats {
  readonly timerFlushed: Counter;
  readonly spansDropped: Counter;
  readonly #spansSent: Counter;
  readonly #reportsBegun: Counter | undefined;
  readonly #noCluster: Counter;
  readonly #outcomes: Readonly<Record<ReportOutcome, Counter>>;

  constructor(stats: Stats, format: SpanFormatName) {
    const way = format === 'opentelemetry-grpc' ? 'grpc' : 'http';
    const tracer = format === 'zipkin' ? 'zipkin' : 'opentelemetry';
    const counter = (name: string) => stats.counter(`tracing.${tracer}.${name}`);
    this.timerFlushed = counter('timer_flushed');
    this.spansDropped = counter('spans_dropped');
    this.#spansSent = counter('spans_sent');
    if (format === 'zipkin') {
      this.#noCluster = counter('reports_skipped_no_cluster');
      this.#outcomes = {
        accepted: counter('reports_sent'),
        refused: counter('reports_dropped'),
        failed: counter('reports_failed'),
      };
    } else {
      this.#reportsBegun = counter(`${way}_reports_sent`);
      const failed = counter(`${way}_reports_failed`);
      this.#noCluster = failed;
      this.#outcomes = { accepted: counter(`${way}_reports_success`), refused: failed, failed };
    }
  }

  sent(spans: number): void {
    this.#spansSent.add(spans);
    this.#reportsBegun?.increment();
  }

  skipped(): void {
    this.#noCluster.increment();
  }

  ended(outcome: ReportOutcome): void {
    this.#outcomes[outcome].increment();
  }
}
