import type { LocalReply, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type {
  ClientCodec,
  ClientHost,
  ClientStreamHandler,
  CodecLimits,
  Protocol,
  ServerHost,
  ServerStream,
  ServerStreamHandler,
} from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { boltForm } from './bolt-form.ts';
import type { CallForm } from './call-form.ts';
import { dubboForm } from './dubbo-form.ts';
import { FrameConnection } from './frame-connection.ts';

/** RPC protocols that can be converted. */
const forms: Readonly<Record<string, CallForm>> = { bolt: boltForm, dubbo: dubboForm };

export function formOf(protocolName: string): CallForm | undefined {
  return Object.hasOwn(forms, protocolName) ? forms[protocolName] : undefined;
}

/**
 * The head that a protocol makes of a call's frame: only its own server codec can, and only such a head is what its client
 * codec sends. Undefined where it refuses the frame (too long).
 */
export function headOfCall(
  protocol: Protocol,
  frame: Buffer,
  connection: Connection,
  limits: CodecLimits,
): RequestHead | undefined {
  return takeCall(protocol, frame, connection, limits).head;
}

/** One call's way through its protocol's own codecs: the frame that is sent for a head, and the head that a reply makes. */
export class NativeCall {
  readonly #protocol: Protocol;
  readonly #connection: Connection;
  readonly #limits: CodecLimits;
  readonly #codec: ClientCodec;
  /** The frame; undefined: the head has something that its protocol cannot say. */
  readonly frame: Buffer | undefined;
  #answer: ResponseHead | undefined = undefined;

  constructor(protocol: Protocol, head: RequestHead, connection: Connection, limits: CodecLimits) {
    this.#protocol = protocol;
    this.#connection = connection;
    this.#limits = limits;
    const scratch = new FrameConnection(connection);
    this.#codec = protocol.createClientCodec(scratch, silentHost, { limits });
    this.#codec
      .openStream({ ...silentHandler, onResponseHead: (answer) => this.#onAnswer(answer) })
      .sendHead(head, true);
    this.frame = scratch.written;
  }

  /** The head that a reply's frame makes; undefined where the protocol refuses it (too long). */
  answer(reply: Buffer): ResponseHead | undefined {
    this.#codec.receive(reply);
    return this.#answer;
  }

  /** The same for an answer of the proxy's own, which the protocol puts in its form. */
  refuse(reply: LocalReply): ResponseHead | undefined {
    const copy = Buffer.from(this.frame!);
    const { stream, scratch } = takeCall(this.#protocol, copy, this.#connection, this.#limits);
    stream?.sendReply(reply);
    return scratch.written && this.answer(scratch.written);
  }

  #onAnswer(answer: ResponseHead): void {
    this.#answer = answer;
  }
}

interface TakenCall {
  readonly head: RequestHead | undefined;
  readonly stream: ServerStream | undefined;
  readonly scratch: FrameConnection;
}

function takeCall(protocol: Protocol, frame: Buffer, connection: Connection, limits: CodecLimits): TakenCall {
  const scratch = new FrameConnection(connection);
  const taken: { head?: RequestHead; stream?: ServerStream } = {};
  const host: ServerHost = {
    onRequest(stream, head) {
      taken.head = head;
      taken.stream = stream;
      return silentServerHandler;
    },
    onFault() {},
  };
  protocol.createServerCodec(scratch, host, { limits }).receive(frame);
  return { head: taken.head, stream: taken.stream, scratch };
}

const silentServerHandler: ServerStreamHandler = {
  onRequestData() {},
  onRequestTrailers() {},
  onRequestReset() {},
  onResponseWritable() {},
};

const silentHost: ClientHost = {
  onStreamEnd() {},
  onAvailabilityChange() {},
  onFault() {},
  onUnsolicited() {},
};

const silentHandler: ClientStreamHandler = {
  onInformational() {},
  onResponseHead() {},
  onResponseData() {},
  onResponseTrailers() {},
  onResponseReset(_reason: ResetReason) {},
  onRequestWritable() {},
};
