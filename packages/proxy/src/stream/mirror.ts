import { Deadline, type Timed } from '@sofamesh/base/timer-wheel';
import type { Host, PickContext } from '@sofamesh/contract/balancer';
import type { Headers, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type { ClientStream } from '@sofamesh/contract/protocol';
import type { PendingStream, UpstreamAttempt, UpstreamCluster } from '../cluster/upstream.ts';
import type { ActiveExchange } from './exchange.ts';
import { MirroredHead } from './mirrored-head.ts';

/** Time for a mirrored request whose route has no timeout. */
const timeoutMsDefault = 15_000;

/** The copies of an exchange's request for the other clusters that its route names. */
export class Mirrors {
  readonly #mirrors: readonly Mirror[];

  private constructor(mirrors: readonly Mirror[]) {
    this.#mirrors = mirrors;
  }

  /** The head has gone upstream. Undefined when there are no copies. */
  static begin(exchange: ActiveExchange, end: boolean): Mirrors | undefined {
    const configs = exchange.matchedRoute?.mirrors;
    const { proxy, request } = exchange;
    if (configs === undefined || request.upgrade !== undefined || request.method === 'CONNECT') return undefined;
    const mirrors: Mirror[] = [];
    for (const { cluster: name, ppm, marksHost } of configs) {
      if (ppm < 1_000_000 && proxy.random.next() * 1_000_000 >= ppm) continue;
      const cluster = proxy.clusters.get(name);
      if (cluster === undefined) continue;
      const mirror = new Mirror(exchange, cluster);
      if (mirror.begin(marksHost, end)) mirrors.push(mirror);
    }
    return mirrors.length === 0 ? undefined : new Mirrors(mirrors);
  }

  sendData(chunk: Buffer, end: boolean): void {
    for (const mirror of this.#mirrors) mirror.sendData(chunk, end);
  }

  sendTrailers(trailers: Headers): void {
    for (const mirror of this.#mirrors) mirror.sendTrailers(trailers);
  }

  /** The client's request is over: if it was never whole, its copies are not either. */
  exchangeEnded(): void {
    for (const mirror of this.#mirrors) mirror.exchangeEnded();
  }
}

/**
 * A copy of a request that is sent to another cluster, and whose answer nobody waits for. It never holds the request up:
 * where it cannot keep up it is given up. As a deadline it is its timeout.
 */
class Mirror implements Timed, UpstreamAttempt, PickContext {
  readonly deadline = new Deadline(this);
  readonly hash = undefined;
  readonly avoid = undefined;
  readonly dialect: number;
  readonly serverName = undefined;
  readonly wantsFresh = false;
  readonly downstream: ActiveExchange['downstream'];
  readonly request: RequestHead;
  readonly #exchange: ActiveExchange;
  readonly #cluster: UpstreamCluster;
  #head: RequestHead;
  #host: Host | undefined = undefined;
  #stream: ClientStream | undefined = undefined;
  #pending: PendingStream | undefined = undefined;
  /** What came before there was a stream. */
  #waiting: { readonly chunk: Buffer; readonly end: boolean }[] = [];
  #waitingBytes = 0;
  #waitingTrailers: Headers | undefined = undefined;
  #requestEnded = false;
  #over = false;

  constructor(exchange: ActiveExchange, cluster: UpstreamCluster) {
    this.#exchange = exchange;
    this.#cluster = cluster;
    this.request = exchange.request;
    this.#head = exchange.request;
    this.downstream = exchange.downstream;
    this.dialect = exchange.request.dialect ?? 0;
  }

  /** False when it could not be sent. */
  begin(marksHost: boolean, end: boolean): boolean {
    const { proxy, route } = this.#exchange;
    const cluster = this.#cluster;
    const protocol = proxy.upstreamProtocol(cluster, this.request);
    const host = cluster.pick(this);
    if (protocol === undefined || host === undefined || !cluster.acquireRequest()) return false;
    // An RPC frame goes on as it came.
    if (proxy.edge !== undefined) {
      const { authority } = this.request;
      this.#head = new MirroredHead(this.request, marksHost ? shadowOf(authority) : authority);
    }
    this.#host = host;
    this.#requestEnded = end;
    proxy.wheel.start(this.deadline, route?.timeoutMs || timeoutMsDefault);
    const pending = cluster.newStream(host, protocol, this.downstream, this);
    if (pending !== undefined && !this.#over) this.#pending = pending;
    return true;
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    this.#requestEnded = end;
    const stream = this.#stream;
    if (stream === undefined) {
      this.#waitingBytes += chunk.length;
      this.#waiting.push({ chunk, end });
      if (this.#waitingBytes > this.#exchange.proxy.bufferBytesMax) this.close();
    } else if (stream.writable) stream.sendData(chunk, end);
    else this.close();
  }

  sendTrailers(trailers: Headers): void {
    if (this.#over) return;
    this.#requestEnded = true;
    if (this.#stream === undefined) this.#waitingTrailers = trailers;
    else this.#stream.sendTrailers(trailers);
  }

  exchangeEnded(): void {
    if (!this.#requestEnded) this.close();
  }

  onPoolReady(stream: ClientStream): void {
    this.#pending = undefined;
    if (this.#over) {
      stream.reset('local-reset');
      return;
    }
    this.#stream = stream;
    const waiting = this.#waiting;
    const trailers = this.#waitingTrailers;
    try {
      stream.sendHead(this.#head, this.#requestEnded && waiting.length === 0 && trailers === undefined);
    } catch (thrown) {
      this.#exchange.reportFailure(thrown);
      this.close();
      return;
    }
    for (const { chunk, end } of waiting) stream.sendData(chunk, end);
    if (trailers !== undefined) stream.sendTrailers(trailers);
    this.#waiting = [];
    if (this.request.oneWay) this.#settle();
  }

  onPoolFailure(_reason: ResetReason, _detail: string): void {
    this.#failed();
  }

  onInformational(_head: ResponseHead): void {}

  onResponseHead(head: ResponseHead, end: boolean): void {
    if (this.#over) return;
    this.#cluster.stats.recordResponse(this.#host, head.status);
    if (end) this.#settle();
  }

  onResponseData(_chunk: Buffer, end: boolean): void {
    if (end) this.#settle();
  }

  onResponseTrailers(_trailers: Headers): void {
    this.#settle();
  }

  onResponseReset(_reason: ResetReason): void {
    this.#failed();
  }

  onRequestWritable(): void {}

  onDeadline(): void {
    this.#cluster.stats.recordTimeout(this.#host);
    this.close();
  }

  close(): void {
    if (this.#over) return;
    const stream = this.#stream;
    this.#pending?.cancel();
    this.#settle();
    stream?.reset('local-reset');
  }

  #failed(): void {
    if (this.#over) return;
    this.#cluster.stats.recordFailure(this.#host, 503);
    this.#settle();
  }

  #settle(): void {
    if (this.#over) return;
    this.#over = true;
    this.#exchange.proxy.wheel.stop(this.deadline);
    this.#waiting = [];
    this.#cluster.releaseRequest();
    // An answer before the request was whole: the rest of it has nowhere to go.
    if (!this.#requestEnded) this.#stream?.reset('local-reset');
  }
}

/** Who gets a copy can tell (Envoy): `shop:80` becomes `shop-shadow:80`. */
function shadowOf(authority: string): string {
  const port = /:\d+$/.exec(authority)?.[0] ?? '';
  return `${authority.slice(0, authority.length - port.length)}-shadow${port}`;
}
