import type { Clock } from '@sofamesh/base/clock';
import type { Logger } from '@sofamesh/base/logger';
import type { Random } from '@sofamesh/base/random';
import type { Headers, LocalReply, RequestHead, ResponseHead } from './message.ts';
import type { Stats } from './stats.ts';
import type { Connection } from './transport.ts';

/**
 * A filter sees every request and response of a listener and may change, delay, buffer or answer it. Requests pass the
 * chain in its order, responses in reverse.
 *
 * Every hook is optional, and **returning nothing means: go on now**. A hook that really waits returns a promise; only
 * then does the exchange pause (arriving data is held, and the peer slowed down, until it resolves). A request that
 * waits for nothing runs through all filters in one turn of the event loop.
 *
 * To answer by itself, a filter calls `exchange.reply` and returns: later filters and the upstream never see the
 * request. A promise that rejects, or a hook that throws, is answered with 500 for this request alone.
 *
 * One object per request; what is shared belongs to the maker (see {@link FilterKind}).
 */
export interface Filter {
  /** `end`: no data follows. For whole messages (RPC) `end` is true and the body is `head.body`. */
  onRequestHead?(head: RequestHead, exchange: Exchange, end: boolean): undefined | Promise<void>;
  /** Returns what is passed on: the chunk, another one, or an empty one. Called once with the body of a whole message. */
  onRequestData?(chunk: Buffer, exchange: Exchange, end: boolean): Buffer | Promise<Buffer>;
  onRequestTrailers?(trailers: Headers, exchange: Exchange): undefined | Promise<void>;
  onResponseHead?(head: ResponseHead, exchange: Exchange, end: boolean): undefined | Promise<void>;
  onResponseData?(chunk: Buffer, exchange: Exchange, end: boolean): Buffer | Promise<Buffer>;
  /** A buffer is passed on as the last data, in place of the trailers. */
  onResponseTrailers?(trailers: Headers, exchange: Exchange): undefined | Buffer | Promise<Buffer | undefined>;
  /** Once, when the exchange is over, however it ended: release what was taken, record what was seen. */
  onEnd?(exchange: Exchange): void;
}

/**
 * What an extension folder exports: from a configuration (plain data made by the folder's `config.ts`) to a maker of
 * filters. `prepare` runs when configuration arrives and may be slow; the maker runs for every request.
 */
export interface FilterKind<Config = unknown> {
  /** Envoy's name: `envoy.filters.http.fault`. */
  readonly name: string;
  /** The last filter of a chain must be terminal: it forwards (the router) or answers. */
  readonly terminal?: boolean;
  prepare(config: Config, environment: FilterEnvironment): () => Filter;
}

export interface FilterEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly stats: Stats;
  /** `http.ingress_http.`: what Envoy puts before the filter's own names. */
  readonly statPrefix: string;
  readonly logger: Logger;
}

/** One request and its response, as filters see them. */
export interface Exchange {
  readonly request: RequestHead;
  /** From the moment a response (or local reply) has begun. */
  readonly response: ResponseHead | undefined;
  readonly downstream: Connection;
  readonly route: RouteView | undefined;
  /** This filter's `typed_per_filter_config`: the most specific of weighted cluster, route, virtual host. */
  routeConfig(filterName: string): unknown;
  /** Forget the route and match again: after headers that routes look at were changed. */
  clearRoute(): void;
  /** Answers instead of the upstream. Response filters before this one still run. Does nothing once a response began. */
  reply(reply: LocalReply): void;
  /** Whole request body; rejects (and 413 is answered) beyond `bytesMax`. Call from `onRequestHead`. */
  bufferRequest(bytesMax: number): Promise<Buffer>;
  /** Bits of ResponseFlag to show in logs. */
  addFlags(flags: number): void;
  /** Resolves after `delayMs`; rejects when the exchange ends earlier, so that nothing runs for a dead request. */
  sleep(delayMs: number): Promise<void>;
  /** Terminal filters: hand the request to the upstream that the route names. */
  forward(options?: ForwardOptions): void;
  /** Values that filters leave for each other and for logs; undefined until the first one. */
  metadata: Map<string, unknown> | undefined;
}

export interface ForwardOptions {
  /** Do not add `x-envoy-upstream-service-time` and the like (Envoy: suppress_envoy_headers). */
  readonly suppressEnvoyHeaders?: boolean;
}

export interface RouteView {
  readonly name: string;
  readonly virtualHost: string;
  /** Undefined for redirects and direct responses. */
  readonly cluster: string | undefined;
}

/**
 * The main-thread half of an extension: a folder's `config.ts` exports one as `reader`. It alone may read protobuf; what
 * it returns is plain data that can be posted to workers and is passed to {@link FilterKind.prepare} or found by
 * {@link Exchange.routeConfig}.
 */
export interface ConfigReader<Config = unknown> {
  /** The extension's name: `envoy.filters.http.fault`. */
  readonly name: string;
  /** protobuf-es descriptors of the messages it reads (this package does not know their type); the first is the default. */
  readonly schemas: readonly object[];
  /** `value` is an encoded message of `typeName`. Throws a CodedError that names field, value and reason. */
  read(typeName: string, value: Uint8Array): Config;
}
