import type { CodecLimits, CodecOptions, ProtocolFault, StreamStats } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { ClosedStreams, ownResetStream, type StreamEnd } from './closed-streams.ts';
import { DataSender } from './data-sender.ts';
import { type Http2Fault, protocolFault, reported } from './fault.ts';
import { FloodGuard } from './flood-guard.ts';
import { FrameWriter } from './frame-writer.ts';
import { HeadWriter } from './head-writer.ts';
import { PeerSettings } from './peer-settings.ts';
import { ReceiveWindow } from './receive-window.ts';
import { http2Settings, type ResolvedHttp2Settings } from './settings.ts';
import type { Http2Stream } from './stream.ts';

/**
 * What both sides of HTTP/2 (RFC 9113) have in common but for the frames that arrive: settings, windows, streams, and how
 * faults end them.
 */
export abstract class Http2Connection {
  readonly connection: Connection;
  readonly settings: ResolvedHttp2Settings;
  readonly limits: CodecLimits;
  protected readonly stats: StreamStats | undefined;
  readonly writer: FrameWriter;
  readonly sender: DataSender;
  readonly window: ReceiveWindow;
  readonly heads: HeadWriter;
  protected readonly guard: FloodGuard;
  protected readonly peer = new PeerSettings();
  protected readonly streams = new Map<number, Http2Stream>();
  protected readonly closedStreams = new ClosedStreams();
  /** Nothing is read or written any more. */
  protected over = false;
  /** @internal More follows, for frames are being handled or a message is: what they cause is written when all are. */
  gathering = false;

  constructor(connection: Connection, options: CodecOptions) {
    this.connection = connection;
    this.settings = http2Settings(options.settings);
    this.limits = options.limits;
    this.stats = options.streamStats;
    this.writer = new FrameWriter(connection, this.stats);
    this.sender = new DataSender(connection, this.writer, this.stats);
    this.window = new ReceiveWindow(this.writer, this.settings.initialConnectionWindowSize);
    this.heads = new HeadWriter(connection.tls !== undefined);
    this.guard = new FloodGuard(this.settings, this.writer);
  }

  protected abstract report(fault: ProtocolFault): void;
  /** No stream of that id was ever opened, or could have been. */
  protected abstract isIdle(streamId: number): boolean;
  /** The latest stream of the peer's that was served, for GOAWAY. */
  protected abstract readonly lastPeerStream: number;
  /** The latest id that was used by whoever opens streams. */
  protected abstract readonly lastStream: number;
  /** The stream is off the books: for what the peer did, or (`fault` undefined) reset by it with `errorCode`. */
  protected abstract streamLost(stream: Http2Stream, fault: Http2Fault | undefined, errorCode: number): void;
  /** The connection has failed: all streams are told. */
  protected abstract failAll(): void;
  /** Nothing more is decoded. */
  protected abstract stopReading(): void;

  /** @internal Passes on what was written, unless more comes. */
  flush(): void {
    if (this.gathering) return;
    this.writer.flush();
    if (this.over) return;
    const fault = this.guard.outbound(this.connection.bufferedBytes);
    if (fault !== undefined) this.fail(fault, 'now');
  }

  /** A fault after which nothing that follows can be trusted (RFC 9113 §5.4.1). */
  fail(fault: Http2Fault, how: 'flush' | 'now' = 'flush'): void {
    if (this.over) return;
    this.writer.goAway(this.lastPeerStream, fault.errorCode);
    this.writer.flush();
    this.stop();
    this.connection.close(how);
    this.report(reported(fault, 'connection'));
    this.failAll();
  }

  protected failIf(fault: Http2Fault | undefined): boolean {
    if (fault !== undefined) this.fail(fault);
    return this.over;
  }

  protected stop(): void {
    this.over = true;
    this.stopReading();
  }

  /** A fault of one stream (RFC 9113 §5.4.2): RST_STREAM, whether it is open or not. */
  protected failStream(streamId: number, fault: Http2Fault): void {
    if (this.over) return;
    this.writer.reset(streamId, fault.errorCode);
    const stream = this.streams.get(streamId);
    if (stream !== undefined) this.remove(stream, ownResetStream);
    else if (!this.isIdle(streamId)) this.closedStreams.add(streamId, ownResetStream);
    this.report(reported(fault, 'stream'));
    if (stream !== undefined) this.streamLost(stream, fault, fault.errorCode);
    this.failIf(this.guard.prematureReset());
  }

  /** The message is malformed (RFC 9113 §8.1.1). */
  protected failMessage(streamId: number, message: string): void {
    const fault = protocolFault('rx_messaging_error', message);
    if (this.settings.overrideStreamErrorOnInvalidHttpMessage) this.failStream(streamId, fault);
    else this.fail(fault);
  }

  /** Puts a stream that has its id on the books. */
  protected enter(stream: Http2Stream): void {
    this.streams.set(stream.id, stream);
    this.stats?.streamsActive.add(1);
    if (stream.hasOutbox) this.stats?.pendingSendBytes.add(stream.outbox.bytes);
  }

  /** @internal Takes a stream off the books. */
  remove(stream: Http2Stream, end: StreamEnd): void {
    stream.over = true;
    this.sender.forget(stream);
    if (this.streams.delete(stream.id)) this.#forget(stream);
    this.closedStreams.add(stream.id, end);
  }

  /** Takes all streams off the books, for the connection is over. */
  protected removeAll(): Http2Stream[] {
    const streams = [...this.streams.values()];
    this.streams.clear();
    for (const stream of streams) {
      stream.over = true;
      this.#forget(stream);
    }
    return streams;
  }

  #forget(stream: Http2Stream): void {
    this.stats?.streamsActive.add(-1);
    if (stream.hasOutbox) this.stats?.pendingSendBytes.add(-stream.outbox.bytes);
  }
}
