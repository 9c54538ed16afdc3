import type { LocalReply, ResponseHead } from '@sofamesh/contract/message';
import type { CodecOptions, ServerHost } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { FrameServerCodec, FrameServerStream } from '../shared/frame-server-codec.ts';
import { refused } from '../shared/frame-splitter.ts';
import {
  Command,
  checksumHolds,
  codecOf,
  commandOf,
  emptyRequest,
  emptyResponse,
  FrameType,
  faultTexts,
  headBytes,
  idOf,
  measure,
  typeOf,
} from './frame.ts';
import { BoltRequestHead, BoltResponseHead, foreignHead } from './head.ts';
import { errorReply } from './replies.ts';
import { type BoltSettings, boltSettings } from './settings.ts';
import { replyStatusOf, Status } from './status.ts';

const brokenHeaders = 'the header block of a call is broken';

/** The kind of frame that is sent before the client has shown which version it speaks. */
const versionOne = Uint8Array.of(1);

export class BoltServerCodec extends FrameServerCodec {
  readonly #settings: BoltSettings;
  readonly #light: boolean;
  /** First bytes of the client's last request: what it can read. */
  #peer: Uint8Array = versionOne;

  constructor(connection: Connection, host: ServerHost, options: CodecOptions) {
    super(connection, host, options, headBytes);
    this.#settings = boltSettings(options.settings);
    this.#light = options.light === true;
  }

  frameLength(bytes: Buffer, at: number, end: number): number {
    const length = measure(bytes, at, end, this.limits);
    if (length >= 0) return length;
    this.fail(...faultTexts[length]!);
    return refused;
  }

  onFrame(frame: Buffer): void {
    if (!checksumHolds(frame)) {
      this.fail('bad_checksum', 'the checksum of a frame is wrong');
      return;
    }
    if (typeOf(frame) === FrameType.response) {
      this.host.onFault({ scope: 'message', code: 'unexpected_response', message: 'a client sent a response' });
      return;
    }
    const command = commandOf(frame);
    // A client that goes away needs nothing done: it will close.
    if (command === Command.goAway) return;
    if (this.#peer[0] !== frame[0] || this.#peer[1] !== frame[1]) this.#peer = Uint8Array.of(frame[0]!, frame[1]!);
    if (command === Command.heartbeat) {
      this.#onHeartbeat(frame);
      return;
    }
    const head = new BoltRequestHead(frame, this.#light);
    if (this.#light || head.index(this.limits.headerCountMax)) this.begin(new BoltServerStream(this, frame), head);
    else this.#refuse(frame);
  }

  protected sendGoAway(): void {
    if (this.#settings.goAwayFrame) this.connection.write(emptyRequest(this.#peer, Command.goAway, 0, 0));
  }

  #onHeartbeat(frame: Buffer): void {
    if (typeOf(frame) === FrameType.request) {
      this.connection.write(emptyResponse(frame, Command.heartbeat, idOf(frame), Status.success, codecOf(frame)));
    }
    this.host.onHeartbeat?.();
  }

  /** The frame's own lengths add up, so only this call is lost. */
  #refuse(frame: Buffer): void {
    if (typeOf(frame) === FrameType.request) {
      this.connection.write(errorReply(frame, idOf(frame), Status.codecException, `400|${brokenHeaders}`));
    }
    this.host.onFault({ scope: 'message', code: 'bad_header_block', message: brokenHeaders });
  }
}

class BoltServerStream extends FrameServerStream {
  /** The request; once it was passed on, its id is another one. */
  readonly #request: Buffer;
  readonly #id: number;

  constructor(codec: BoltServerCodec, request: Buffer) {
    super(codec);
    this.#request = request;
    this.#id = idOf(request);
  }

  protected encodeResponse(head: ResponseHead): Buffer | undefined {
    if (!(head instanceof BoltResponseHead)) throw foreignHead(head.protocol);
    return head.encode(this.#id);
  }

  protected encodeReply(reply: LocalReply): Buffer {
    return errorReply(this.#request, this.#id, replyStatusOf(reply), `${reply.status}|${reply.body}`);
  }
}
