import { type Address, ipAddress } from '@sofamesh/base/address';
import type { Host } from '@sofamesh/contract/balancer';
import type { Headers, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type { ClientStream } from '@sofamesh/contract/protocol';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import type { PendingStream, UpstreamAttempt, UpstreamCarrier, UpstreamCluster } from '../cluster/upstream.ts';
import { serverNameOf } from '../cluster/upstream-tls.ts';
import type { UpstreamLink } from './upstream-link.ts';

/** Is told what the proxy said, whether that was a yes or not. */
export interface TunnelHandler extends ConnectionHandler {
  onTunnelHead(head: ResponseHead): void;
  onTunnelTrailers(trailers: Headers): void;
}

const noData = Buffer.alloc(0);
const nowhere = ipAddress('0.0.0.0', 0);

/**
 * A connection's bytes inside a request to an HTTP proxy (`tunneling_config`): CONNECT, or POST whose body they are. It
 * stands when the proxy has said so; any other answer is a connection that failed. Events come as from a connection, never
 * from inside a call on it.
 */
export class Tunnel implements UpstreamLink, UpstreamAttempt {
  readonly dialect = 0;
  readonly wantsFresh = false;
  readonly serverName: string | undefined;
  bytesReceived = 0;
  bytesSent = 0;
  readonly #cluster: UpstreamCluster;
  readonly #head: RequestHead;
  readonly #handler: TunnelHandler;
  #pending: PendingStream | undefined = undefined;
  #stream: ClientStream | undefined = undefined;
  #carrier: UpstreamCarrier | undefined = undefined;
  #connected = false;
  #requestEnded = false;
  #responseEnded = false;
  #over = false;

  private constructor(cluster: UpstreamCluster, head: RequestHead, handler: TunnelHandler) {
    this.#cluster = cluster;
    this.#head = head;
    this.#handler = handler;
    const { autoServerName } = cluster.config;
    this.serverName = autoServerName && serverNameOf(autoServerName, head);
  }

  /** Undefined: the cluster has as many requests as it may (counted there). */
  static open(
    cluster: UpstreamCluster,
    host: Host,
    head: RequestHead,
    handler: TunnelHandler,
    downstream: Connection,
  ): Tunnel | undefined {
    if (!cluster.acquireRequest()) return undefined;
    const tunnel = new Tunnel(cluster, head, handler);
    tunnel.#ask(host, downstream);
    return tunnel;
  }

  #ask(host: Host, downstream: Connection): void {
    const protocol = this.#cluster.httpProtocol(this.#head);
    if (protocol === undefined) {
      this.#lose('connect-failed', 'upstream_protocol_not_found');
      return;
    }
    const pending = this.#cluster.newStream(host, protocol, downstream, this);
    if (!this.#over) this.#pending = pending;
  }

  // ── as a connection ───────────────────────────────────────────────────────────────────────────────────────────

  get local(): Address {
    return this.#carrier?.connection.local ?? nowhere;
  }

  get writable(): boolean {
    return this.#stream?.writable ?? true;
  }

  /** How much of the request waits is the stream's to know; whether some does is what is asked. */
  get bufferedBytes(): number {
    return this.writable ? 0 : 1;
  }

  write(chunk: Buffer): void {
    if (this.#over || this.#requestEnded) return;
    this.bytesSent += chunk.length;
    this.#stream?.sendData(chunk, false);
  }

  end(): void {
    if (this.#over || this.#requestEnded) return;
    this.#requestEnded = true;
    this.#stream?.sendData(noData, true);
    if (this.#responseEnded) this.#settle('closed', 'both sides ended');
  }

  pauseReading(): void {
    this.#stream?.pauseResponse();
  }

  resumeReading(): void {
    this.#stream?.resumeResponse();
  }

  close(how: 'flush' | 'now' | 'reset'): void {
    if (this.#over) return;
    if (how === 'flush') this.end();
    if (this.#over) return;
    this.#lose('closed', 'closed');
  }

  // ── as a try of a request ─────────────────────────────────────────────────────────────────────────────────────

  onPoolReady(stream: ClientStream, carrier: UpstreamCarrier): void {
    this.#pending = undefined;
    if (this.#over) {
      stream.reset('local-reset');
      return;
    }
    this.#stream = stream;
    this.#carrier = carrier;
    stream.sendHead(this.#head, false);
  }

  onPoolFailure(reason: ResetReason, detail: string): void {
    this.#pending = undefined;
    this.#settle(reason === 'connection-timeout' ? 'connect-timeout' : 'connect-failed', detail || reason);
  }

  onInformational(): void {}

  onResponseHead(head: ResponseHead, end: boolean): void {
    if (this.#over) return;
    this.#handler.onTunnelHead(head);
    if (!isAccepted(head)) {
      this.#lose('connect-failed', `tunnel_response:${head.status}`);
      return;
    }
    this.#connected = true;
    this.#handler.onConnect?.();
    if (end) this.onResponseData(noData, true);
  }

  onResponseData(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    if (chunk.length > 0) {
      this.bytesReceived += chunk.length;
      this.#handler.onBytes(chunk);
    }
    if (end) this.#onResponseEnd();
  }

  onResponseTrailers(trailers: Headers): void {
    if (this.#over) return;
    this.#handler.onTunnelTrailers(trailers);
    this.#onResponseEnd();
  }

  onResponseReset(reason: ResetReason): void {
    if (!this.#over) this.#cluster.stats.rqRxReset.increment();
    this.#settle(this.#connected ? 'reset' : 'connect-failed', reason);
  }

  onRequestWritable(): void {
    if (!this.#over) this.#handler.onWritable?.();
  }

  #onResponseEnd(): void {
    if (this.#responseEnded) return;
    this.#responseEnded = true;
    this.#handler.onEnd();
    if (this.#over) return;
    if (this.#requestEnded) this.#settle('closed', 'both sides ended');
    // Over HTTP/1 an answer to a POST is the end of its connection, whatever of the request is still to come.
    else if (this.#head.method !== 'CONNECT' && !this.#carrier!.shared) this.#lose('closed', 'both sides ended');
  }

  /** Gives up what is there of the request. */
  #lose(kind: CloseCause['kind'], reason: string): void {
    const [pending, stream] = [this.#pending, this.#stream];
    this.#settle(kind, reason);
    pending?.cancel();
    if (stream === undefined) return;
    this.#cluster.stats.rqTxReset.increment();
    stream.reset('local-reset');
  }

  #settle(kind: CloseCause['kind'], reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#pending = undefined;
    this.#cluster.releaseRequest();
    queueMicrotask(() => this.#handler.onClose({ kind, reason }));
  }
}

/** As Envoy: any success in HTTP/1 (RFC 9110 §9.3.6), 200 in HTTP/2. */
function isAccepted({ protocol, status }: ResponseHead): boolean {
  return protocol === 'HTTP/2' ? status === 200 : status >= 200 && status < 300;
}
