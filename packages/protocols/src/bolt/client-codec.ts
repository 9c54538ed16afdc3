import type { RequestHead } from '@sofamesh/contract/message';
import type { ClientHost, ClientStreamHandler, CodecOptions } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { FrameClientCodec, FrameClientStream } from '../shared/frame-client-codec.ts';
import { refused } from '../shared/frame-splitter.ts';
import {
  Command,
  checksumHolds,
  commandOf,
  emptyRequest,
  emptyResponse,
  FrameType,
  faultTexts,
  headBytes,
  hessian2Codec,
  idOf,
  measure,
  typeOf,
} from './frame.ts';
import { BoltRequestHead, BoltResponseHead, foreignHead } from './head.ts';
import { Status } from './status.ts';

/** sofa-bolt's heartbeats carry −1: no timeout. */
const heartbeatTimeoutMs = -1;

export class BoltClientCodec extends FrameClientCodec {
  /** First bytes of the server's last frame: the version to send heartbeats in. */
  #peer: Uint8Array = Uint8Array.of(1);

  constructor(connection: Connection, host: ClientHost, options: CodecOptions) {
    super(connection, host, options, headBytes);
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
    if (this.#peer[0] !== frame[0] || this.#peer[1] !== frame[1]) this.#peer = Uint8Array.of(frame[0]!, frame[1]!);
    const command = commandOf(frame);
    if (typeOf(frame) !== FrameType.response) this.#onServerRequest(frame, command);
    else if (command === Command.heartbeat) this.deliverHeartbeatReply();
    else this.deliver(idOf(frame), new BoltResponseHead(frame));
  }

  protected createStream(handler: ClientStreamHandler): FrameClientStream {
    return new BoltClientStream(this, handler);
  }

  protected encodeHeartbeat(id: number): Buffer {
    return emptyRequest(this.#peer, Command.heartbeat, id, heartbeatTimeoutMs);
  }

  #onServerRequest(frame: Buffer, command: number): void {
    if (command === Command.goAway) {
      this.retire();
      return;
    }
    const wantsAnswer = typeOf(frame) === FrameType.request;
    if (command === Command.heartbeat) {
      if (wantsAnswer) this.answer(emptyResponse(frame, command, idOf(frame), Status.success, hessian2Codec));
      return;
    }
    // The server would wait for its own timeout if it were told nothing.
    if (wantsAnswer) {
      this.answer(emptyResponse(frame, Command.response, idOf(frame), Status.noProcessor, hessian2Codec));
    }
    this.host.onFault({ scope: 'message', code: 'unexpected_request', message: 'a server called its client' });
  }
}

class BoltClientStream extends FrameClientStream {
  protected encodeRequest(head: RequestHead): Buffer | undefined {
    if (!(head instanceof BoltRequestHead)) throw foreignHead(head.protocol);
    return head.encode(this.id);
  }
}
