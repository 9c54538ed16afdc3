import { CodedError } from '@sofamesh/base/errors';
import type { Headers, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type { ClientStream, ClientStreamHandler } from '@sofamesh/contract/protocol';
import { isAuthority } from '../authority.ts';
import { requestOf } from './arguments-request.ts';
import { BodyCollector } from './body-collector.ts';
import type { CallForm } from './call-form.ts';
import { badReply, badRequest, ConversionFault } from './fault.ts';
import { MadeRequestHead } from './json-heads.ts';
import type { Rule } from './mapping.ts';
import { formOf, NativeCall } from './native-codecs.ts';
import { passedHeaders } from './passed-headers.ts';
import { replyOf } from './reply-of-answer.ts';
import type { RpcToJsonClientCodec } from './rpc-to-json-codec.ts';

/**
 * One call on its way to becoming a request of HTTP, whose answer becomes the reply. A call that cannot become one gets an
 * error of its own protocol and is never sent.
 */
export class ConvertedCall implements ClientStream, ClientStreamHandler {
  readonly #codec: RpcToJsonClientCodec;
  readonly #handler: ClientStreamHandler;
  readonly #body: BodyCollector;
  #stream: ClientStream | undefined = undefined;
  #form: CallForm | undefined = undefined;
  #native: NativeCall | undefined = undefined;
  #rule: Rule | undefined = undefined;
  #generic = false;
  #answer: ResponseHead | undefined = undefined;
  #oneWay = false;
  /** The handler is told nothing any more. */
  #over = false;

  constructor(codec: RpcToJsonClientCodec, handler: ClientStreamHandler) {
    this.#codec = codec;
    this.#handler = handler;
    this.#body = new BodyCollector(codec.rules.mapping.bodyBytesMax);
  }

  // ── for the engine ────────────────────────────────────────────────────────────────────────────────────────────

  get writable(): boolean {
    return this.#stream?.writable ?? this.#codec.connection.writable;
  }

  sendHead(head: RequestHead, _end: boolean): void {
    if (this.#over || this.#native !== undefined) return;
    const { protocols, connection, limits } = this.#codec;
    const protocol = protocols.get(head.protocol);
    this.#form = formOf(head.protocol);
    if (protocol === undefined || this.#form === undefined)
      throw new CodedError('foreign_head', `no call of ${head.protocol} can be converted`);
    this.#oneWay = head.oneWay;
    this.#native = new NativeCall(protocol, head, connection, limits);
    if (this.#native.frame === undefined) {
      this.#over = true;
      this.#handler.onResponseReset('overflow');
      this.#codec.forget(this);
      return;
    }
    try {
      this.#sendRequest(head, this.#native.frame);
    } catch (error) {
      this.#refuse(faultOf(error));
    }
  }

  sendData(): void {}
  sendTrailers(): void {}

  reset(reason: ResetReason): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#stream === undefined) this.#codec.forget(this);
    else this.#stream.reset(reason);
  }

  pauseResponse(): void {}
  resumeResponse(): void {}

  // ── of HTTP ───────────────────────────────────────────────────────────────────────────────────────────────────

  onInformational(): void {}

  onResponseHead(head: ResponseHead, end: boolean): void {
    this.#answer = head;
    if (end) this.#onEnd();
  }

  onResponseData(chunk: Buffer, end: boolean): void {
    if (!this.#over && !this.#body.add(chunk)) {
      this.#reply(badReply(`the answer is longer than ${this.#body.bytesMax} bytes`));
      if (!end) this.#stream!.reset('local-reset');
      return;
    }
    if (end) this.#onEnd();
  }

  onResponseTrailers(_trailers: Headers): void {
    this.#onEnd();
  }

  onResponseReset(reason: ResetReason): void {
    if (this.#over) return;
    this.#over = true;
    if (!this.#oneWay) this.#handler.onResponseReset(reason);
  }

  onRequestWritable(): void {
    if (!this.#over) this.#handler.onRequestWritable();
  }

  // ── the conversion ────────────────────────────────────────────────────────────────────────────────────────────

  #sendRequest(head: RequestHead, frame: Buffer): void {
    const { rules } = this.#codec;
    const { args, method } = this.#form!.readCall(frame);
    this.#generic = method !== undefined;
    const rule = rules.ofCall({
      interface: head.authority,
      version: head.get('version') ?? '',
      group: head.get('group') ?? '',
      method: method ?? head.path.slice(1),
      argumentCount: args.length,
    });
    this.#rule = rule;
    const request = requestOf(rule, args, rules.mapping);
    const body = request.body === undefined ? undefined : Buffer.from(request.body);
    const entries: (readonly [string, string])[] = [['accept', 'application/json']];
    if (body !== undefined) entries.push(['content-type', 'application/json'], ['content-length', String(body.length)]);
    entries.push(...passedHeaders(head, rule.call.headers), ...request.headers);
    const authority = isAuthority(head.authority) ? head.authority : head.protocol;
    const stream = this.#codec.begin(this);
    if (stream === undefined) {
      this.#over = true;
      this.#handler.onResponseReset('refused');
      this.#codec.forget(this);
      return;
    }
    this.#stream = stream;
    stream.sendHead(new MadeRequestHead(request.method, authority, request.path, entries), body === undefined);
    if (body !== undefined) stream.sendData(body, true);
  }

  #onEnd(): void {
    if (this.#over) return;
    if (this.#oneWay) {
      this.#over = true;
      return;
    }
    const { types } = this.#codec.rules.mapping;
    try {
      const style = { types, asMaps: this.#generic };
      const reply = replyOf(this.#answer!, this.#body.take(), this.#rule!, style);
      if (reply instanceof ConversionFault) this.#reply(reply);
      else if (reply.kind === 'value')
        this.#deliver(this.#native!.answer(this.#form!.encodeValue(this.#frame, reply.value)));
      else this.#deliver(this.#native!.answer(this.#form!.encodeException(this.#frame, reply.exception)));
    } catch (error) {
      this.#reply(faultOf(error));
    }
  }

  get #frame(): Buffer {
    return this.#native!.frame!;
  }

  /** A call that was not sent: its answer comes when the engine has said what it is just saying. */
  #refuse(fault: ConversionFault): void {
    this.#codec.host.onFault({ scope: 'stream', code: fault.code, message: fault.message });
    queueMicrotask(() => {
      if (this.#over) return;
      if (this.#oneWay) this.#over = true;
      else this.#reply(fault);
      this.#codec.forget(this);
    });
  }

  /** An error in the caller's own protocol. */
  #reply({ status, code, message }: ConversionFault): void {
    if (status >= 500 && status !== 500) this.#codec.host.onFault({ scope: 'stream', code, message });
    this.#deliver(this.#native!.refuse({ status, body: message, details: code, flags: 0 }));
  }

  #deliver(head: ResponseHead | undefined): void {
    if (this.#over) return;
    this.#over = true;
    if (head === undefined) this.#handler.onResponseReset('overflow');
    else this.#handler.onResponseHead(head, true);
  }
}

function faultOf(error: unknown): ConversionFault {
  if (error instanceof ConversionFault) return error;
  if (error instanceof CodedError && error.code === 'bad_hessian2') return badRequest(error.message);
  throw error;
}
