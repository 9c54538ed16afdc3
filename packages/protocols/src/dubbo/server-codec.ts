import type { LocalReply, ResponseHead } from '@sofamesh/contract/message';
import type { CodecOptions, ServerHost } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { readUint32 } from '../shared/byte-writer.ts';
import { FrameServerCodec, FrameServerStream } from '../shared/frame-server-codec.ts';
import { refused } from '../shared/frame-splitter.ts';
import {
  errorReply,
  eventReply,
  faultTexts,
  headBytes,
  isEvent,
  isRequest,
  isTwoWay,
  measure,
  readOnlyEvent,
} from './frame.ts';
import { DubboRequestHead, DubboResponseHead, foreignHead } from './head.ts';
import { type DubboSettings, dubboSettings } from './settings.ts';
import { replyStatusOf, Status } from './status.ts';

export class DubboServerCodec extends FrameServerCodec {
  readonly #settings: DubboSettings;
  readonly #light: boolean;

  constructor(connection: Connection, host: ServerHost, options: CodecOptions) {
    super(connection, host, options, headBytes);
    this.#settings = dubboSettings(options.settings);
    this.#light = options.light === true;
  }

  frameLength(bytes: Buffer, at: number, end: number): number {
    const length = measure(bytes, at, end, this.limits);
    if (length >= 0) return length;
    this.fail(...faultTexts[length]!);
    return refused;
  }

  onFrame(frame: Buffer): void {
    if (isEvent(frame)) {
      this.#onEvent(frame);
      return;
    }
    if (!isRequest(frame)) {
      this.host.onFault({ scope: 'message', code: 'unexpected_response', message: 'a client sent a response' });
      return;
    }
    const head = new DubboRequestHead(frame, this.#settings);
    if (this.#light || head.index()) this.begin(new DubboServerStream(this, frame), head);
    else this.#refuse(frame);
  }

  protected sendGoAway(): void {
    this.connection.write(readOnlyEvent(0));
  }

  #onEvent(frame: Buffer): void {
    if (!isRequest(frame)) return;
    if (isTwoWay(frame)) this.connection.write(eventReply(frame));
    this.host.onHeartbeat?.();
  }

  /** The frame's own length holds, so only this call is lost. */
  #refuse(frame: Buffer): void {
    if (isTwoWay(frame)) {
      const text = '400|the call has no readable service and method';
      this.connection.write(errorReply(Status.badRequest, text, readUint32(frame, 4), readUint32(frame, 8)));
    }
    this.host.onFault({ scope: 'message', code: 'bad_call', message: 'service or method of a call cannot be read' });
  }
}

class DubboServerStream extends FrameServerStream {
  /** The client's id, all 64 bits of it. */
  readonly #idHigh: number;
  readonly #idLow: number;

  constructor(codec: DubboServerCodec, request: Buffer) {
    super(codec);
    this.#idHigh = readUint32(request, 4);
    this.#idLow = readUint32(request, 8);
  }

  protected encodeResponse(head: ResponseHead): Buffer {
    if (!(head instanceof DubboResponseHead)) throw foreignHead(head.protocol);
    return head.encode(this.#idHigh, this.#idLow);
  }

  protected encodeReply(reply: LocalReply): Buffer {
    return errorReply(replyStatusOf(reply), `${reply.status}|${reply.body}`, this.#idHigh, this.#idLow);
  }
}
