import { messageOf } from '@sofamesh/base/errors';
import type { FrameFormat, FrameKind } from '@sofamesh/contract/frame-format';
import type { LocalReply, RequestHead, ResponseHead } from '@sofamesh/contract/message';
import type { ClientHost, ClientStreamHandler, CodecOptions, Protocol, ServerHost } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { FrameClientCodec, FrameClientStream } from './frame-client-codec.ts';
import { ArgumentRequestHead, FormatRequestHead, FormatResponseHead, foreignHead } from './frame-format-head.ts';
import { FrameServerCodec, FrameServerStream } from './frame-server-codec.ts';
import { needMore, refused } from './frame-splitter.ts';

/** The protocol that a {@link FrameFormat} describes. */
export function frameProtocol(format: FrameFormat): Protocol {
  return {
    name: format.name,
    pooling: format.pooling ?? 'multiplexed',
    detect(prefix) {
      if (format.detect === undefined) return 'mismatch';
      return prefix.length === 0 ? 'more' : format.detect(prefix);
    },
    createServerCodec: (connection, host, options) => new FormatServerCodec(format, connection, host, options),
    createClientCodec: (connection, host, options) => new FormatClientCodec(format, connection, host, options),
  };
}

/** Whom a format's answers go to. */
interface FormatUser {
  readonly format: FrameFormat;
  readonly options: CodecOptions;
  /** In place of the format's own `length`, where it has one for every connection. */
  readonly measuring: FrameFormat['length'] | undefined;
  /** Ends the connection. */
  refuse(code: string, message: string): void;
}

/** As `FrameSink.frameLength` answers. */
function measure(user: FormatUser, bytes: Buffer, at: number, end: number): number {
  const { options, measuring } = user;
  const { limits } = options;
  const length = attempt(user, (format) =>
    measuring === undefined ? format.length(bytes, at, end, limits) : measuring(bytes, at, end, limits),
  );
  if (length === undefined) return refused;
  if (typeof length !== 'number') user.refuse(length.code, length.message);
  else if (length > limits.frameBytesMax || (length === needMore && end - at > limits.frameBytesMax))
    user.refuse('frame_too_large', 'the frame exceeds the limit');
  else if (length > 0 && Number.isInteger(length)) return length;
  else if (length === needMore && end - at < user.format.headBytes) return needMore;
  else user.refuse('codec_failed', `${user.format.name}: ${length} is no length of a frame`);
  return refused;
}

/** What a format says; undefined when it throws, which ends the connection and nothing else. */
function attempt<Answer>(user: FormatUser, ask: (format: FrameFormat) => Answer): Answer | undefined {
  try {
    return ask(user.format);
  } catch (thrown) {
    user.refuse('codec_failed', `${user.format.name}: ${messageOf(thrown)}`);
    return undefined;
  }
}

class FormatServerCodec extends FrameServerCodec implements FormatUser {
  readonly format: FrameFormat;
  readonly options: CodecOptions;
  readonly measuring: FrameFormat['length'] | undefined;

  constructor(format: FrameFormat, connection: Connection, host: ServerHost, options: CodecOptions) {
    super(connection, host, options, format.headBytes, format.pooling === 'exclusive');
    this.format = format;
    this.options = options;
    this.measuring = format.startMeasuring?.();
  }

  frameLength(bytes: Buffer, at: number, end: number): number {
    return measure(this, bytes, at, end);
  }

  onFrame(frame: Buffer): void {
    switch (attempt(this, (format) => format.kind(frame, this.limits, 'client'))) {
      case 'request':
        this.#onRequest(frame, false);
        return;
      case 'one-way':
        this.#onRequest(frame, true);
        return;
      case 'heartbeat': {
        const reply = attempt(this, (format) => format.heartbeatReply?.(frame));
        if (reply !== undefined) this.connection.write(reply);
        this.host.onHeartbeat?.();
        return;
      }
      case 'heartbeat-reply':
        this.host.onHeartbeatReply?.();
        return;
      case 'unreadable':
        this.#refuseCall(frame);
        return;
      case 'reply':
        this.host.onFault({ scope: 'message', code: 'unexpected_response', message: 'a client sent a response' });
    }
  }

  refuse(code: string, message: string): void {
    this.fail(code, message);
  }

  /** @internal The format threw instead of answering a call: the end of the connection is the answer. */
  reportFailure(thrown: unknown): void {
    const message = `${this.format.name}: ${messageOf(thrown)}`;
    this.host.onFault({ scope: 'connection', code: 'codec_failed', message });
  }

  protected sendGoAway(): void {
    const notice = attempt(this, (format) => format.goAway?.());
    if (notice !== undefined) this.connection.write(notice);
  }

  #onRequest(frame: Buffer, oneWay: boolean): void {
    const light = this.options.light === true;
    const id = attempt(this, (format) => format.readId(frame));
    const head = attempt(this, (format) => {
      const Head = format.arguments === undefined || light ? FormatRequestHead : ArgumentRequestHead;
      return new Head(format, frame, oneWay, light);
    });
    if (id !== undefined && head !== undefined) this.begin(new FormatServerStream(this, frame, id), head);
  }

  /** The frame's length holds, so only this call is lost; without an answer its client would wait for it. */
  #refuseCall(frame: Buffer): void {
    const message = 'a call cannot be read';
    const answer = errorReply(this, frame, { status: 400, body: message, details: 'bad_call', flags: 0 });
    if (answer === undefined) {
      this.fail('bad_call', message);
      return;
    }
    if (answer.length > 0) this.connection.write(answer);
    this.host.onFault({ scope: 'message', code: 'bad_call', message });
  }
}

function errorReply(user: FormatUser, request: Buffer, reply: LocalReply): Buffer | undefined {
  return attempt(user, (format) => format.errorReply(request, format.readId(request), reply));
}

class FormatServerStream extends FrameServerStream {
  readonly #codec: FormatServerCodec;
  /** Once it was passed on, its id is another one. */
  readonly #request: Buffer;
  readonly #id: number | bigint;

  constructor(codec: FormatServerCodec, request: Buffer, id: number | bigint) {
    super(codec);
    this.#codec = codec;
    this.#request = request;
    this.#id = id;
  }

  protected encodeResponse(head: ResponseHead): Buffer | undefined {
    const { format } = this.#codec;
    if (!(head instanceof FormatResponseHead) || head.format !== format) throw foreignHead(format, head);
    return head.encode(this.#id);
  }

  protected encodeReply(reply: LocalReply): Buffer | undefined {
    const { format } = this.#codec;
    try {
      return format.errorReply(this.#request, this.#id, reply);
    } catch (thrown) {
      this.#codec.reportFailure(thrown);
      return undefined;
    }
  }
}

class FormatClientCodec extends FrameClientCodec implements FormatUser {
  readonly format: FrameFormat;
  readonly options: CodecOptions;
  readonly measuring: FrameFormat['length'] | undefined;

  constructor(format: FrameFormat, connection: Connection, host: ClientHost, options: CodecOptions) {
    super(connection, host, options, format.headBytes, format.pooling === 'exclusive');
    this.format = format;
    this.options = options;
    this.measuring = format.startMeasuring?.();
  }

  frameLength(bytes: Buffer, at: number, end: number): number {
    return measure(this, bytes, at, end);
  }

  onFrame(frame: Buffer): void {
    const kind = attempt(this, (format) => format.kind(frame, this.limits, 'server'));
    switch (kind) {
      case 'reply':
        this.#onReply(frame);
        return;
      case 'heartbeat-reply':
        this.deliverHeartbeatReply();
        return;
      case 'heartbeat': {
        const reply = attempt(this, (format) => format.heartbeatReply?.(frame));
        if (reply !== undefined) this.answer(reply);
        return;
      }
      case 'go-away':
        this.retire();
        return;
      case 'request':
      case 'one-way':
      case 'unreadable':
        this.#onServerRequest(frame, kind);
    }
  }

  override sendHeartbeat(): boolean {
    return this.format.heartbeat !== undefined && super.sendHeartbeat();
  }

  refuse(code: string, message: string): void {
    this.fail(code, message);
  }

  protected createStream(handler: ClientStreamHandler): FrameClientStream {
    return new FormatClientStream(this, handler);
  }

  protected encodeHeartbeat(id: number): Buffer {
    return attempt(this, (format) => format.heartbeat!(id)) ?? Buffer.alloc(0);
  }

  /** Ids of ours have 32 bits: one with more is an answer to nobody. */
  #onReply(frame: Buffer): void {
    const id = attempt(this, (format) => format.readId(frame));
    const head = attempt(this, (format) => new FormatResponseHead(format, frame));
    if (id === undefined || head === undefined) return;
    if (typeof id === 'number') this.deliver(id, head);
    else this.unsolicited();
  }

  /** The server would wait for its own timeout if it were told nothing. */
  #onServerRequest(frame: Buffer, kind: FrameKind): void {
    // Where replies come in order, this would have been the one that is waited for.
    if (kind === 'unreadable' && this.format.pooling === 'exclusive') {
      this.fail('bad_reply', 'a reply cannot be read');
      return;
    }
    if (kind !== 'one-way') {
      const body = 'calls from a server to its client are not relayed';
      const answer = errorReply(this, frame, { status: 404, body, details: 'unexpected_request', flags: 0 });
      if (answer !== undefined && answer.length > 0) this.answer(answer);
    }
    this.host.onFault({ scope: 'message', code: 'unexpected_request', message: 'a server called its client' });
  }
}

class FormatClientStream extends FrameClientStream {
  readonly #format: FrameFormat;

  constructor(codec: FormatClientCodec, handler: ClientStreamHandler) {
    super(codec, handler);
    this.#format = codec.format;
  }

  protected encodeRequest(head: RequestHead): Buffer | undefined {
    if (!(head instanceof FormatRequestHead) || head.format !== this.#format) throw foreignHead(this.#format, head);
    return head.encode(this.id);
  }
}
