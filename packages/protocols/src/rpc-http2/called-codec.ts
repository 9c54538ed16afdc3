import type { RequestHead } from '@sofamesh/contract/message';
import type {
  CodecOptions,
  Protocol,
  ProtocolFault,
  ServerCodec,
  ServerHost,
  ServerStream,
  ServerStreamHandler,
} from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { CallPipe, type CallPipeEnd } from './call-pipe.ts';
import type { CallCodec } from './idle-codecs.ts';

/** A call that has come, as its protocol's codec sees it. */
export interface Call extends CallPipeEnd {
  onRequest(stream: ServerStream, head: RequestHead, end: boolean): ServerStreamHandler;
}

/** What calls that are taken out of one connection have in common. */
export interface Recipient {
  readonly connection: Connection;
  readonly options: CodecOptions;
  onFault(fault: ProtocolFault): void;
  onHeartbeat(): void;
}

/** A codec of a call's protocol, and what it knows of the world: the call that has it. */
export class CalledCodec implements CallCodec, CallPipeEnd, ServerHost {
  readonly protocol: Protocol;
  readonly #recipient: Recipient;
  readonly #pipe: CallPipe;
  readonly #codec: ServerCodec;
  /** One that is over knows that it is, so it stays until the next takes its place. */
  #call: Call;
  #receiving = false;

  constructor(protocol: Protocol, recipient: Recipient, call: Call) {
    this.protocol = protocol;
    this.#call = call;
    this.#recipient = recipient;
    this.#pipe = new CallPipe(recipient.connection, this);
    this.#codec = protocol.createServerCodec(this.#pipe, this, recipient.options);
  }

  get idle(): boolean {
    const codec = this.#codec;
    return !this.#receiving && !this.#pipe.closed && codec.activeStreams === 0 && codec.heldBytes === 0;
  }

  begin(call: Call): void {
    this.#call = call;
  }

  get heldBytes(): number {
    return this.#codec.heldBytes;
  }

  receive(chunk: Buffer): void {
    this.#receiving = true;
    this.#codec.receive(chunk);
    this.#receiving = false;
  }

  connectionWritable(): void {
    this.#codec.connectionWritable();
  }

  /** The call was given up; no other comes. */
  abort(): void {
    this.#codec.connectionClosed({ kind: 'reset', reason: 'the stream of HTTP/2 was reset' });
  }

  // ── of its connection ─────────────────────────────────────────────────────────────────────────────────────────

  get writable(): boolean {
    return this.#call.writable;
  }

  onWritten(frame: Buffer): void {
    this.#call.onWritten(frame);
  }

  onClosed(): void {
    this.#call.onClosed();
  }

  // ── of its host ───────────────────────────────────────────────────────────────────────────────────────────────

  onRequest(stream: ServerStream, head: RequestHead, end: boolean): ServerStreamHandler {
    return this.#call.onRequest(stream, head, end);
  }

  onFault(fault: ProtocolFault): void {
    this.#recipient.onFault({ ...fault, scope: fault.scope === 'connection' ? 'stream' : fault.scope });
  }

  onHeartbeat(): void {
    this.#recipient.onHeartbeat();
  }
}
