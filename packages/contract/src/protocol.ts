import type { Headers, LocalReply, RequestHead, ResetReason, ResponseHead } from './message.ts';
import type { Counter, Gauge } from './stats.ts';
import type { CloseCause, Connection } from './transport.ts';

/**
 * A protocol is two codecs, one for each end of the proxy. The server codec sits on a client's (downstream) connection,
 * the client codec on an upstream one. Between them is the engine, which knows no protocol:
 *
 *     downstream bytes ─► ServerCodec ─ onRequest ─► engine ─ sendHead ─► ClientCodec ─► upstream bytes
 *     downstream bytes ◄─ ServerCodec ◄─ sendHead ── engine ◄ onResponseHead ─ ClientCodec ◄─ upstream bytes
 *
 * **Two shapes of message, one contract.** A streamed message (HTTP) is a head, then data, then perhaps trailers. A
 * whole message (RPC frame) is one call: a head with `end` true whose `body` and original bytes came with it. A codec
 * that is given a head made by its own protocol, not edited, writes the bytes it came in, with only the hop's own parts
 * (request id, checksum, connection headers) replaced. That is the fast path; the rest is encoding anew.
 *
 * **Three pools.** `exclusive`: one request at a time on a connection (HTTP/1.1). `multiplexed`: many, told apart by an
 * id that the client codec chooses for its own connection; the server stream remembers the id that its client sent.
 * `bound`: a downstream connection has an upstream connection of its own, so order and state are kept.
 *
 * **What the engine never sees.** Heartbeats are answered by the codec that receives them. One-way calls have
 * `head.oneWay`, and the codec drops any answer to them. Replies that nobody waits for are dropped and reported. Upgrades
 * (101) and CONNECT turn both codecs' streams into plain data until an end.
 *
 * Codecs know bytes and state, never time: the engine runs all timers, and `heldBytes` tells it when a message has
 * begun and is not whole.
 */
export interface Protocol {
  /** `http1`, `bolt`, `dubbo`: also the catalogue's folder name, and for RPC what {@link RequestHead.protocol} says. */
  readonly name: string;
  readonly pooling: Pooling;
  /**
   * What TLS's ALPN calls it: the first name is offered to hosts where the configuration names none, and a client that has
   * agreed to any of them is served by it. Absent: its connections are not negotiated.
   */
  readonly alpn?: readonly string[];
  /** The HTTP that its connections are made of, whatever travels in it: what they are counted as. Absent: none. */
  readonly httpVersion?: 1 | 2;
  /**
   * It has no calls of its own: calls of the other protocols travel in it. An RPC listener takes it beside those that it was
   * told to; by its first bytes it is known as what it is made of.
   */
  readonly carrier?: boolean;
  /** Only hosts are spoken to in it; a listener never chooses it by itself. */
  readonly upstreamOnly?: boolean;
  /** Decides on the first bytes of a connection, the same for every way of splitting them. */
  detect(prefix: Buffer): 'match' | 'mismatch' | 'more';
  createServerCodec(connection: Connection, host: ServerHost, options: CodecOptions): ServerCodec;
  createClientCodec(connection: Connection, host: ClientHost, options: CodecOptions): ClientCodec;
}

/**
 * A protocol that rides on others: what a folder's run-time file exports as `compose` instead of `protocol`. `protocols` has
 * all that there are by the time a connection is made, those of plug-ins too. Undefined: what it needs is not there.
 */
export type ComposeProtocol = (protocols: ReadonlyMap<string, Protocol>) => Protocol | undefined;

export type Pooling = 'exclusive' | 'multiplexed' | 'bound';

export interface CodecOptions {
  readonly limits: CodecLimits;
  /** From the protocol's own `config.ts`: plain data, undefined for defaults. */
  readonly settings?: unknown;
  /**
   * Whole messages are told apart and their ids mapped, and nothing more is read of them: authority is empty, path is "/",
   * there are no headers (x_proxy's service level LIGHT). What a codec needs to answer a call itself it may read.
   */
  readonly light?: boolean;
  /** What a codec of HTTP/2 counts by itself. Absent: nothing. */
  readonly streamStats?: StreamStats;
}

/** Of all connections of a proxy's clients, or of a cluster; Envoy's names in its statistics of a codec (`http2.tx_reset`). */
export interface StreamStats {
  /** RST_STREAM of streams that were open. */
  readonly rxReset: Counter;
  readonly txReset: Counter;
  /** Trailer sections of requests that came. */
  readonly trailers: Counter;
  readonly streamsActive: Gauge;
  /** Data that waits for the peer's windows. */
  readonly pendingSendBytes: Gauge;
}

/** Limits on what a peer may send. Defaults are in {@link defaultCodecLimits}; docs/limits.md has metric and outcome. */
export interface CodecLimits {
  /** Start line and headers together (HTTP), or class and header block (RPC). */
  readonly headBytesMax: number;
  /** Start line and headers of an answer over HTTP/1; absent: `headBytesMax`. */
  readonly http1ResponseHeadBytesMax?: number;
  readonly headerCountMax: number;
  /** A whole frame (RPC), or one chunk-size line and its extensions times 512 (HTTP). */
  readonly frameBytesMax: number;
  /** Requests in flight on one connection; reading pauses at the limit. */
  readonly streamsMax: number;
}

export const defaultCodecLimits: CodecLimits = {
  headBytesMax: 60 * 1024,
  headerCountMax: 100,
  frameBytesMax: 8 * 1024 * 1024,
  streamsMax: 1024,
};

interface Codec {
  /** All bytes of the connection go through here, in order. Never throws. */
  receive(chunk: Buffer): void;
  /** The peer ended its direction. */
  receiveEnd(): void;
  /** The connection is gone; every open stream is reset with a reason that follows from the cause. */
  connectionClosed(cause: CloseCause): void;
  /** Below the connection's low watermark again: streams that were not writable are told. */
  connectionWritable(): void;
  /** Streams that are open in either direction. */
  readonly activeStreams: number;
  /** Bytes of a message (head or frame) that has begun and is not whole; the engine times its progress. */
  readonly heldBytes: number;
  /**
   * Between messages, to hand the connection to another process: stops decoding and returns the bytes that were read
   * and not consumed (perhaps none). Undefined when a stream is open or the protocol's state cannot leave.
   */
  detach(): Buffer | undefined;
}

/** How far a fault reaches. A `message` fault was answered and costs nothing else; a `connection` fault closes. */
export interface ProtocolFault {
  readonly scope: 'message' | 'stream' | 'connection';
  /**
   * Stable word for metrics and logs: `bad_magic`, `frame_too_large`, `head_too_large`, `bad_chunk`, …; where Envoy counts
   * such a fault in its codec statistics, Envoy's name (`rx_messaging_error`, `inbound_empty_frames_flood`).
   */
  readonly code: string;
  /** What was wrong and where; no secrets, no more than a few bytes of the peer's. */
  readonly message: string;
  /**
   * Status with which a server codec has answered a request whose head it refused, so that it never was passed on.
   * 0: such a request was given up without an answer. Undefined: the fault concerns a request that was passed on, or none.
   */
  readonly answered?: number;
}

// ── downstream side ─────────────────────────────────────────────────────────────────────────────────────────────

export interface ServerCodec extends Codec {
  /**
   * Asks the client to send no new requests, as politely as the protocol can (Connection: close on the next response,
   * GOAWAY, Dubbo's read-only event). Requests already sent are served; `host.onDrained` follows the last. HTTP/2 says it
   * in two steps (RFC 9113 §6.8): a notice first, the last stream that counts when the client has seen the notice or when
   * this is called again.
   */
  goAway(): void;
  /**
   * The head that has begun is not waited for any longer: it is answered as the protocol can (HTTP/1: 408), and the
   * connection closes. A fault says what was answered.
   */
  abandonHead?(): void;
  /** Asks the client whether it is alive; false where the protocol has no way. The answer comes to `host.onHeartbeatReply`. */
  sendHeartbeat?(): boolean;
}

/** The engine, as a server codec sees it. */
export interface ServerHost {
  /**
   * A request has begun. `end`: it is also complete. Returns who is told about the rest of it; for `end` only
   * `onRequestReset` and `onResponseWritable` follow.
   */
  onRequest(stream: ServerStream, head: RequestHead, end: boolean): ServerStreamHandler;
  /** Answered or refused as the protocol says, and for scope `connection` the codec closes. For logs and counters. */
  onFault(fault: ProtocolFault): void;
  /** A request that the codec refuses itself is answered with what the engine's own answers have, too (date, server). */
  decorateReply?(reply: LocalReply): LocalReply;
  /** A heartbeat came and was answered. */
  onHeartbeat?(): void;
  onHeartbeatReply?(): void;
  /** After {@link ServerCodec.goAway}: the last stream is done, the connection may be closed. */
  onDrained?(): void;
}

/** The way back to the client for one request. Calls after an end or a reset do nothing. */
export interface ServerStream {
  /** False while the client takes no more; `onResponseWritable` tells when it does. */
  readonly writable: boolean;
  /** A 1xx head other than 101. Dropped where the protocol has none. */
  sendInformational(head: ResponseHead): void;
  sendHead(head: ResponseHead, end: boolean): void;
  sendData(chunk: Buffer, end: boolean): void;
  /** {@link sendHead} and {@link sendData} of all the rest, written together. Absent: the two say the same. */
  sendWhole?(head: ResponseHead, body: Buffer): void;
  /**
   * {@link sendData} in the middle of a stream that is nothing but its connection: what it delivers are whole chunks, for
   * its handler alone, and what is passed here is such a chunk of another ({@link Connection.passOn}). Absent: it is not.
   */
  passOn?(chunk: Buffer): void;
  /** Ends the message. */
  sendTrailers(trailers: Headers): void;
  /** A complete answer in the protocol's own form. Only before {@link sendHead}. */
  sendReply(reply: LocalReply): void;
  /** Ends the response so that the client sees it is broken, never one that looks complete. */
  reset(reason: ResetReason): void;
  /** The response has ended, and its rest waits for the client to allow it (windows of HTTP/2). Absent: it never does. */
  readonly unsent?: boolean;
  /** Gives up what {@link unsent} tells of; the client sees that the response is broken. */
  abandon?(): void;
  /** No request data is delivered until resumed; the client is slowed down as the protocol can. */
  pauseRequest(): void;
  resumeRequest(): void;
}

export interface ServerStreamHandler {
  onRequestData(chunk: Buffer, end: boolean): void;
  /** Ends the message. */
  onRequestTrailers(trailers: Headers): void;
  /** The client went away or gave this request up. The last call. */
  onRequestReset(reason: ResetReason): void;
  onResponseWritable(): void;
}

// ── upstream side ───────────────────────────────────────────────────────────────────────────────────────────────

export interface ClientCodec extends Codec {
  /**
   * How many more streams may be opened now. Exclusive: 1 when the connection is idle and reusable, else 0. Multiplexed:
   * what the limits and the peer allow. 0 for good after a GOAWAY or a fault (then also {@link retired}).
   */
  readonly available: number;
  /** No stream can be opened ever again: close when the last one ends. */
  readonly retired: boolean;
  /** Must only be called when `available` > 0. */
  openStream(handler: ClientStreamHandler): ClientStream;
  /** Sends the protocol's own heartbeat; false where it has none. The answer comes to `host.onHeartbeatReply`. */
  sendHeartbeat(): boolean;
}

/** The engine's pool, as a client codec sees it. */
export interface ClientHost {
  /** A stream is over in both directions (or was reset); `available` and `retired` are up to date. */
  onStreamEnd(): void;
  /** `available` or `retired` changed by the peer's will: GOAWAY, new limits. */
  onAvailabilityChange(): void;
  onFault(fault: ProtocolFault): void;
  /** A reply that nobody waits for was dropped; the exclusive codecs close the connection as well. */
  onUnsolicited(): void;
  onHeartbeatReply?(): void;
}

/** The way to the upstream for one request. Calls after an end or a reset do nothing. */
export interface ClientStream {
  readonly writable: boolean;
  /**
   * The same head may be sent again on another stream (retry, mirror): a codec never changes bytes that it has passed
   * to a connection before.
   */
  sendHead(head: RequestHead, end: boolean): void;
  sendData(chunk: Buffer, end: boolean): void;
  /** {@link sendHead} and {@link sendData} of all the rest, written together. Absent: the two say the same. */
  sendWhole?(head: RequestHead, body: Buffer): void;
  /** See {@link ServerStream.passOn}. */
  passOn?(chunk: Buffer): void;
  sendTrailers(trailers: Headers): void;
  /** Gives the request up. Exclusive: closes the connection. Multiplexed: a late reply is dropped and reported. */
  reset(reason: ResetReason): void;
  pauseResponse(): void;
  resumeResponse(): void;
}

export interface ClientStreamHandler {
  /** A 1xx head other than 101. */
  onInformational(head: ResponseHead): void;
  onResponseHead(head: ResponseHead, end: boolean): void;
  onResponseData(chunk: Buffer, end: boolean): void;
  onResponseTrailers(trailers: Headers): void;
  /** No more comes. Before a head: an error can still be answered. After: the client's answer must be broken visibly. */
  onResponseReset(reason: ResetReason): void;
  onRequestWritable(): void;
}
