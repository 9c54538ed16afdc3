import type { Clock } from '@sofamesh/base/clock';
import type { Exchange, Filter, FilterEnvironment, FilterKind } from '@sofamesh/contract/filter';
import type { Headers, RequestHead, ResponseHead } from '@sofamesh/contract/message';
import { isGrpc, isGrpcResponse } from '../shared/grpc.ts';
import { type CallCounters, GrpcCallStats } from '../shared/grpc-call-stats.ts';
import { GrpcMessageCounter } from '../shared/grpc-messages.ts';

/** Envoy's gRPC statistics filter as plain data. */
export interface GrpcStatsConfig {
  /** Methods with metrics of their own: all, none, or these, as `/service/method`. */
  readonly methods: 'all' | 'none' | readonly string[];
  /** Also the time from a request's last byte to its response's last one. */
  readonly upstreamTime: boolean;
  readonly replaceDots: boolean;
}

/** What all requests of one listener share. */
class GrpcStatsShared {
  readonly calls: GrpcCallStats;
  readonly clock: Clock;
  readonly upstreamTime: boolean;

  constructor({ methods, upstreamTime, replaceDots }: GrpcStatsConfig, environment: FilterEnvironment) {
    const { clock, stats, statPrefix } = environment;
    this.calls = new GrpcCallStats({
      stats,
      protocol: 'grpc',
      methods: typeof methods === 'string' ? methods : new Set(methods),
      replaceDots,
      overflow: stats.counter(`${statPrefix}grpc_stats.methods_overflow`),
    });
    this.clock = clock;
    this.upstreamTime = upstreamTime;
  }
}

/** Counts gRPC calls by their status, and their messages, below the cluster that they go to. Changes nothing. */
class GrpcStatsFilter implements Filter {
  readonly #shared: GrpcStatsShared;
  /** Undefined: no gRPC call, or one that names no method. */
  #counters: CallCounters | undefined = undefined;
  #requestMessages: GrpcMessageCounter | undefined = undefined;
  #responseMessages: GrpcMessageCounter | undefined = undefined;
  #statusSeen = false;
  #requestEndMs = -1;

  constructor(shared: GrpcStatsShared) {
    this.#shared = shared;
  }

  onRequestHead(head: RequestHead, exchange: Exchange, end: boolean): undefined {
    const cluster = isGrpc(head) ? exchange.route?.cluster : undefined;
    if (cluster === undefined) return;
    this.#counters = this.#shared.calls.of(cluster, head.path);
    if (this.#counters === undefined) return;
    this.#requestMessages = new GrpcMessageCounter();
    if (end) this.#onRequestEnd();
  }

  onRequestData(chunk: Buffer, _exchange: Exchange, end: boolean): Buffer {
    const messages = this.#requestMessages?.count(chunk) ?? 0;
    if (messages > 0) this.#counters!.addRequestMessages(messages);
    if (end) this.#onRequestEnd();
    return chunk;
  }

  onRequestTrailers(): undefined {
    this.#onRequestEnd();
  }

  onResponseHead(head: ResponseHead, _exchange: Exchange, end: boolean): undefined {
    if (this.#counters === undefined) return;
    if (isGrpcResponse(head, end)) this.#responseMessages = new GrpcMessageCounter();
    this.#onStatus(head, end);
  }

  onResponseData(chunk: Buffer): Buffer {
    const messages = this.#responseMessages?.count(chunk) ?? 0;
    if (messages > 0) this.#counters!.addResponseMessages(messages);
    return chunk;
  }

  onResponseTrailers(trailers: Headers): undefined {
    this.#onStatus(trailers, true);
  }

  #onRequestEnd(): void {
    if (this.#shared.upstreamTime) this.#requestEndMs = this.#shared.clock.now();
  }

  /** `last`: where the status is, if it is anywhere. */
  #onStatus(headers: Headers, last: boolean): void {
    const counters = this.#counters;
    if (counters === undefined) return;
    if (last && this.#requestEndMs >= 0) counters.recordUpstreamTime(this.#shared.clock.now() - this.#requestEndMs);
    const status = this.#statusSeen ? undefined : headers.get('grpc-status');
    if (status === undefined) return;
    this.#statusSeen = true;
    counters.recordStatus(status);
  }
}

export const kind: FilterKind<GrpcStatsConfig> = {
  name: 'envoy.filters.http.grpc_stats',
  prepare(config, environment) {
    const shared = new GrpcStatsShared(config, environment);
    return () => new GrpcStatsFilter(shared);
  },
};
