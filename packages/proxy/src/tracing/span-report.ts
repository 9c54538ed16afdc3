import { messageOf } from '@sofamesh/base/errors';
import { Deadline, type Timed } from '@sofamesh/base/timer-wheel';
import type { Host, PickContext } from '@sofamesh/contract/balancer';
import type { Headers, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type { ClientStream } from '@sofamesh/contract/protocol';
import type { PendingStream, UpstreamAttempt, UpstreamCluster } from '../cluster/upstream.ts';
import type { TraceProviderConfig } from '../config/tracing.ts';
import type { EngineEnvironment } from '../environment.ts';
import { LocalHeaders } from '../stream/local-headers.ts';
import { nobody } from './nobody.ts';
import type { ReportOutcome } from './reporter-stats.ts';

type Environment = Pick<EngineEnvironment, 'wheel' | 'logger'>;

/** One request that brings spans to a collector. It is tried once. As a deadline it is its timeout. */
export class SpanReport implements Timed, UpstreamAttempt, PickContext {
  readonly deadline = new Deadline(this);
  readonly hash = undefined;
  readonly avoid = undefined;
  readonly dialect = 0;
  readonly serverName = undefined;
  readonly wantsFresh = false;
  readonly #timeoutMs: number;
  readonly #grpc: boolean;
  readonly #head: RequestHead;
  readonly #body: Buffer;
  readonly #cluster: UpstreamCluster;
  readonly #environment: Environment;
  readonly #onEnd: (outcome: ReportOutcome) => void;
  #host: Host | undefined = undefined;
  #stream: ClientStream | undefined = undefined;
  #pending: PendingStream | undefined = undefined;
  #outcome: ReportOutcome = 'failed';
  #over = false;

  /** `onEnd` is called once, perhaps inside {@link begin}. */
  constructor(
    config: TraceProviderConfig,
    contentType: string,
    body: Buffer,
    cluster: UpstreamCluster,
    environment: Environment,
    onEnd: (outcome: ReportOutcome) => void,
  ) {
    this.#timeoutMs = config.timeoutMs;
    this.#grpc = config.format === 'opentelemetry-grpc';
    this.#head = new ReportHead(config, contentType, body.length);
    this.#body = body;
    this.#cluster = cluster;
    this.#environment = environment;
    this.#onEnd = onEnd;
  }

  begin(): void {
    const cluster = this.#cluster;
    const protocol = cluster.httpProtocol(this.#head);
    const host = cluster.pick(this);
    if (host === undefined) cluster.stats.cxNoneHealthy.increment();
    if (protocol === undefined || host === undefined || !cluster.acquireRequest()) {
      this.#over = true;
      this.#onEnd('failed');
      return;
    }
    this.#host = host;
    this.#environment.wheel.start(this.deadline, this.#timeoutMs);
    const pending = cluster.newStream(host, protocol, nobody, this);
    if (pending !== undefined && !this.#over) this.#pending = pending;
  }

  onPoolReady(stream: ClientStream): void {
    this.#pending = undefined;
    if (this.#over) {
      stream.reset('local-reset');
      return;
    }
    this.#stream = stream;
    try {
      stream.sendHead(this.#head, false);
      stream.sendData(this.#body, true);
    } catch (thrown) {
      // The collector's protocol cannot say what the configuration asks for.
      this.#environment.logger.warn('spans could not be reported', { error: messageOf(thrown) });
      this.#settle();
      stream.reset('local-reset');
    }
  }

  onPoolFailure(_reason: ResetReason, _detail: string): void {
    this.#failed();
  }

  onInformational(_head: ResponseHead): void {}

  onResponseHead(head: ResponseHead, end: boolean): void {
    if (this.#over) return;
    this.#cluster.stats.recordResponse(this.#host, head.status);
    const success = head.status >= 200 && head.status < 300;
    this.#outcome = success && !this.#grpc ? 'accepted' : 'refused';
    // An answer of gRPC without a message has its status here.
    if (success) this.#readGrpcStatus(head);
    if (end) this.#settle();
  }

  onResponseData(_chunk: Buffer, end: boolean): void {
    if (end) this.#settle();
  }

  onResponseTrailers(trailers: Headers): void {
    this.#readGrpcStatus(trailers);
    this.#settle();
  }

  onResponseReset(_reason: ResetReason): void {
    this.#failed();
  }

  onRequestWritable(): void {}

  onDeadline(): void {
    if (this.#over) return;
    const stream = this.#stream;
    this.#cluster.stats.recordTimeout(this.#host);
    this.#pending?.cancel();
    this.#settle();
    stream?.reset('local-reset');
  }

  #readGrpcStatus(fields: Headers): void {
    if (!this.#over && this.#grpc && fields.get('grpc-status') === '0') this.#outcome = 'accepted';
  }

  #failed(): void {
    if (this.#over) return;
    if (this.#outcome === 'failed') this.#cluster.stats.recordFailure(this.#host, 503);
    this.#settle();
  }

  #settle(): void {
    if (this.#over) return;
    this.#over = true;
    this.#environment.wheel.stop(this.deadline);
    this.#cluster.releaseRequest();
    this.#onEnd(this.#outcome);
  }
}

class ReportHead extends LocalHeaders implements RequestHead {
  readonly protocol = 'HTTP/1.1';
  readonly oneWay = false;
  readonly timeoutMs = 0;
  readonly upgrade = undefined;
  readonly wholeBytes = 0;
  readonly body = undefined;
  method = 'POST';
  scheme: string;
  authority: string;
  path: string;

  constructor({ authority, path, headers }: TraceProviderConfig, contentType: string, bytes: number) {
    super([['content-type', contentType], ['content-length', String(bytes)], ...headers]);
    this.scheme = 'http';
    this.authority = authority;
    this.path = path;
  }
}
