import type { RequestHead } from '@sofamesh/contract/message';
import type { ClientHost, ClientStreamHandler, CodecOptions } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { readUint32 } from '../shared/byte-writer.ts';
import { FrameClientCodec, FrameClientStream } from '../shared/frame-client-codec.ts';
import { refused } from '../shared/frame-splitter.ts';
import {
  errorReply,
  eventReply,
  faultTexts,
  headBytes,
  heartbeat,
  isEvent,
  isReadOnlyEvent,
  isRequest,
  isTwoWay,
  measure,
} from './frame.ts';
import { DubboRequestHead, DubboResponseHead, foreignHead } from './head.ts';
import { type DubboSettings, dubboSettings } from './settings.ts';
import { Status } from './status.ts';

export class DubboClientCodec extends FrameClientCodec {
  readonly #settings: DubboSettings;

  constructor(connection: Connection, host: ClientHost, options: CodecOptions) {
    super(connection, host, options, headBytes);
    this.#settings = dubboSettings(options.settings);
  }

  frameLength(bytes: Buffer, at: number, end: number): number {
    const length = measure(bytes, at, end, this.limits);
    if (length >= 0) return length;
    this.fail(...faultTexts[length]!);
    return refused;
  }

  onFrame(frame: Buffer): void {
    if (isRequest(frame)) this.#onServerRequest(frame);
    else if (isEvent(frame)) this.deliverHeartbeatReply();
    // Our ids leave the upper half zero.
    else if (readUint32(frame, 4) !== 0) this.host.onUnsolicited();
    else this.deliver(readUint32(frame, 8), new DubboResponseHead(frame, this.#settings));
  }

  protected createStream(handler: ClientStreamHandler): FrameClientStream {
    return new DubboClientStream(this, handler);
  }

  protected encodeHeartbeat(id: number): Buffer {
    return heartbeat(id);
  }

  #onServerRequest(frame: Buffer): void {
    if (isEvent(frame)) {
      if (isReadOnlyEvent(frame)) this.retire();
      if (isTwoWay(frame)) this.answer(eventReply(frame));
      return;
    }
    // A callback on an argument: the server would wait for its own timeout if it were told nothing.
    if (isTwoWay(frame)) {
      const text = '404|calls from a server to its client are not relayed';
      this.answer(errorReply(Status.serviceNotFound, text, readUint32(frame, 4), readUint32(frame, 8)));
    }
    this.host.onFault({ scope: 'message', code: 'unexpected_request', message: 'a server called its client' });
  }
}

class DubboClientStream extends FrameClientStream {
  protected encodeRequest(head: RequestHead): Buffer {
    if (!(head instanceof DubboRequestHead)) throw foreignHead(head.protocol);
    return head.encode(0, this.id);
  }
}
