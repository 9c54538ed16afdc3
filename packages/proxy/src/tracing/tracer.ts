import { CodedError } from '@sofamesh/base/errors';
import type { Random } from '@sofamesh/base/random';
import type { RequestHead } from '@sofamesh/contract/message';
import type { SpanRecord } from '@sofamesh/contract/trace';
import type { TracingConfig } from '../config/tracing.ts';
import type { ActiveExchange } from '../stream/exchange.ts';
import { ExchangeTrace } from './exchange-trace.ts';
import { readIncoming } from './incoming.ts';
import { Sampling } from './sampling.ts';
import { hashedTraceId } from './sofa-context.ts';
import type { SpanReporter } from './span-reporter.ts';
import type { SpanReporters } from './span-reporters.ts';
import { Trace } from './trace.ts';
import { Form } from './trace-context.ts';

/** Makes spans of the exchanges of one filter chain. */
export class Tracer {
  readonly config: TracingConfig;
  readonly random: Random;
  readonly #reporter: SpanReporter;
  readonly #sampling: Sampling;
  /** Of traces that begin here. */
  readonly #ownForm: number;

  /** Throws a CodedError that begins with `where`. */
  constructor(config: TracingConfig, reporters: SpanReporters, random: Random, where: string) {
    const { format } = config.provider;
    const reporter = reporters.get(config.provider);
    if (reporter === undefined) {
      throw new CodedError('no_span_format', `${where}.provider: ${format}: spans cannot be written so here`);
    }
    this.config = config;
    this.random = random;
    this.#reporter = reporter;
    this.#sampling = new Sampling(config, random);
    this.#ownForm = format === 'zipkin' ? Form.b3 : Form.w3c;
  }

  /** Undefined: the exchange is not sampled, and its head goes on as it came. */
  begin(exchange: ActiveExchange): ExchangeTrace | undefined {
    const { request, proxy } = exchange;
    const rpc = proxy.edge === undefined;
    const incoming = readIncoming(request, this.#ownForm, rpc);
    const decided = incoming?.context?.sampled ?? incoming?.sofa?.sampled;
    const sampled = decided ?? this.#sampling.decide(request, rpc ? undefined : exchange.internal);
    if (!sampled) return undefined;
    const trace = new Trace(incoming, this.random, this.config.provider.longTraceIds, this.#ownForm);
    return new ExchangeTrace(this, trace, exchange);
  }

  /** The trace that a request belongs to, sampled or not; for logs. */
  traceIdOf(head: RequestHead, rpc: boolean): string | undefined {
    const incoming = readIncoming(head, this.#ownForm, rpc);
    if (incoming?.context?.traceId) return incoming.context.traceId;
    return incoming?.sofa && hashedTraceId(incoming.sofa.traceId);
  }

  report(span: SpanRecord): void {
    this.#reporter.add(span);
  }
}
