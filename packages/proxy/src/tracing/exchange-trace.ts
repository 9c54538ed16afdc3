import type { Host } from '@sofamesh/contract/balancer';
import type { RequestHead } from '@sofamesh/contract/message';
import type { SpanRecord, SpanTag } from '@sofamesh/contract/trace';
import type { ActiveExchange } from '../stream/exchange.ts';
import { hasRoom } from './header-room.ts';
import { type AskedFor, clipped, hasFailed, tagsOf } from './span-tags.ts';
import type { Trace } from './trace.ts';
import { newId } from './trace-ids.ts';
import type { Tracer } from './tracer.ts';

/** The operation's name travels from a client's proxy to the server's. */
const operationHeader = 'x-envoy-decorator-operation';

/** The part of a sampled exchange in its trace: its span, and those of its tries. */
export class ExchangeTrace {
  readonly spanId: string;
  readonly #tracer: Tracer;
  readonly #trace: Trace;
  readonly #parentId: string | undefined;
  readonly #shared: boolean;
  readonly #asked: AskedFor;
  /** What the client's proxy calls the operation. */
  readonly #told: string | undefined;
  /** Headers of the trace would be too much for the call. */
  readonly #silent: boolean;
  #try: TrySpan | undefined = undefined;

  constructor(tracer: Tracer, trace: Trace, exchange: ActiveExchange) {
    const { request, proxy } = exchange;
    const { kind, spansOfTries, provider } = tracer.config;
    this.#tracer = tracer;
    this.#trace = trace;
    this.#asked = { scheme: request.scheme, authority: request.authority, path: request.path };
    this.#shared = provider.sharesSpanIds && trace.callerId !== undefined && (kind === 'server' || spansOfTries);
    this.spanId = this.#shared ? trace.callerId! : newId(tracer.random, 16);
    this.#parentId = this.#shared ? trace.callersParentId : trace.callerId;
    const rpc = proxy.edge === undefined;
    this.#silent = rpc && !hasRoom(request);
    this.#told = rpc || kind === 'client' ? undefined : request.get(operationHeader);
    if (this.#told !== undefined) request.remove(operationHeader);
  }

  get traceId(): string {
    return this.#trace.traceId;
  }

  /** The request is about to go upstream. */
  onCall(exchange: ActiveExchange): void {
    const { request, matchedRoute, proxy } = exchange;
    const { config } = this.#tracer;
    if (!config.spansOfTries && !this.#silent) this.#trace.write(request, this.spanId, this.#parentId);
    const operation = matchedRoute?.config.operation;
    if (config.kind === 'client' && operation?.propagates && proxy.edge !== undefined) {
      request.set(operationHeader, operation.name);
    }
  }

  onTry(exchange: ActiveExchange, host: Host): void {
    if (!this.#tracer.config.spansOfTries) return;
    const { lastActivityMs, attempts } = exchange;
    this.#try = new TrySpan(newId(this.#tracer.random, 16), host, lastActivityMs, attempts);
  }

  /** There is a stream for the try, on which `head` is sent next. */
  onSend(head: RequestHead): void {
    if (this.#try !== undefined && !this.#silent) this.#trace.write(head, this.#try.spanId, this.spanId);
  }

  onAnswer(status: number): void {
    if (this.#try !== undefined) this.#try.status = status;
  }

  onTryEnd(exchange: ActiveExchange): void {
    const ended = this.#try;
    if (ended === undefined) return;
    this.#try = undefined;
    const { clock } = exchange.proxy;
    const durationMs = clock.now() - ended.startMs;
    this.#tracer.report({
      ...this.#recordOf(exchange),
      spanId: ended.spanId,
      parentId: this.spanId,
      shared: false,
      kind: 'client',
      name: `router ${exchange.upstreamCluster} egress`,
      startWallMs: clock.wallMs() - durationMs,
      durationMs,
      failed: ended.status >= 500 || (ended.status === 0 && !exchange.request.oneWay),
      tags: ended.tagsFor(exchange),
    });
  }

  /** Once, when all is known of the exchange. */
  end(exchange: ActiveExchange): void {
    const { config } = this.#tracer;
    const tags = tagsOf(exchange, this.#asked, config.pathLengthMax, config.tags);
    const { sofa } = this.#trace;
    if (sofa !== undefined) {
      tags.push(['sofa.trace_id', sofa.traceId]);
      if (sofa.rpcId !== undefined) tags.push(['sofa.rpc_id', sofa.rpcId]);
    }
    this.#tracer.report({
      ...this.#recordOf(exchange),
      spanId: this.spanId,
      parentId: this.#parentId,
      shared: this.#shared,
      kind: config.spansOfTries ? 'server' : config.kind,
      startWallMs: exchange.startWallMs,
      durationMs: exchange.durationMs,
      failed: hasFailed(exchange),
      tags,
    });
  }

  #recordOf(exchange: ActiveExchange): Pick<SpanRecord, 'traceId' | 'name' | 'local'> {
    return { traceId: this.traceId, name: this.#nameOf(exchange), local: exchange.downstream.local };
  }

  /** As the route decorates it, else the host; for RPC interface and method. */
  #nameOf({ matchedRoute, proxy }: ActiveExchange): string {
    const { authority, path } = this.#asked;
    const named = this.#told ?? matchedRoute?.config.operation?.name;
    return clipped(named ?? (proxy.edge === undefined ? `${authority}${path}` : authority));
  }
}

/** One try at one host. */
class TrySpan {
  readonly spanId: string;
  readonly startMs: number;
  /** 0: no answer. */
  status = 0;
  readonly #host: Host;
  readonly #attempt: number;

  constructor(spanId: string, host: Host, startMs: number, attempt: number) {
    this.spanId = spanId;
    this.startMs = startMs;
    this.#host = host;
    this.#attempt = attempt;
  }

  tagsFor(exchange: ActiveExchange): SpanTag[] {
    const { name } = this.#host;
    const tags: SpanTag[] = [
      ['component', 'proxy'],
      ['upstream_cluster', exchange.upstreamCluster],
      ['upstream_cluster.name', exchange.upstreamCluster],
      ['upstream_address', name],
      ['peer.address', name],
    ];
    if (this.status > 0) tags.push(['http.status_code', this.status]);
    if (this.#attempt > 1) tags.push(['retry.count', this.#attempt - 1]);
    return tags;
  }
}
