import type { Headers, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type { ClientStream, ClientStreamHandler } from '@sofamesh/contract/protocol';
import { BodyCollector } from '../shared/conversion/body-collector.ts';
import { badReply, badRequest, ConversionFault } from '../shared/conversion/fault.ts';
import { MadeResponseHead } from '../shared/conversion/json-heads.ts';
import type { Rule } from '../shared/conversion/mapping.ts';
import { headOfCall } from '../shared/conversion/native-codecs.ts';
import { passedHeaders } from '../shared/conversion/passed-headers.ts';
import { argumentsOf, pathOf } from '../shared/conversion/request-arguments.ts';
import type { RuleMatch } from '../shared/conversion/rule-index.ts';
import type { ConvertingClientCodec } from './client-codec.ts';
import { answerOfFault, answerOfReply, type JsonAnswer } from './json-answer.ts';

/** Envoy's header that says how long the caller waits. */
const expectedTimeoutHeader = 'x-envoy-expected-rq-timeout-ms';

/**
 * One request of HTTP on its way to becoming a call: its body is collected, the call is made, and the reply is told in
 * HTTP. A request that cannot become a call is answered here and never sent.
 */
export class ConvertedRequest implements ClientStream, ClientStreamHandler {
  readonly #codec: ConvertingClientCodec;
  readonly #handler: ClientStreamHandler;
  readonly #body: BodyCollector;
  /** The stream of the protocol's own codec. */
  call: ClientStream | undefined = undefined;
  #head: RequestHead | undefined = undefined;
  #match: RuleMatch | undefined = undefined;
  /** An answer is there, or on its way to the handler. */
  #answered = false;
  #over = false;

  constructor(codec: ConvertingClientCodec, handler: ClientStreamHandler) {
    this.#codec = codec;
    this.#handler = handler;
    this.#body = new BodyCollector(codec.rules.mapping.bodyBytesMax);
  }

  // ── for the engine ────────────────────────────────────────────────────────────────────────────────────────────

  get writable(): boolean {
    return this.call!.writable;
  }

  sendHead(head: RequestHead, end: boolean): void {
    if (this.#over || this.#head !== undefined) return;
    this.#head = head;
    this.#attempt(() => {
      if (head.upgrade !== undefined) throw badRequest('a call cannot switch protocols');
      this.#match = this.#codec.rules.ofRequest(head.method, pathOf(head.path));
      if (end) this.#makeCall();
    });
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (this.#answered || this.#over) return;
    this.#attempt(() => {
      if (!this.#body.add(chunk)) {
        throw new ConversionFault(413, 'body_too_large', `the body is longer than ${this.#body.bytesMax} bytes`);
      }
      if (end) this.#makeCall();
    });
  }

  sendTrailers(_trailers: Headers): void {
    if (!this.#answered && !this.#over) this.#attempt(() => this.#makeCall());
  }

  reset(reason: ResetReason): void {
    if (this.#over) return;
    this.#over = true;
    this.call!.reset(reason);
  }

  pauseResponse(): void {}
  resumeResponse(): void {}

  // ── of the protocol's own codec ───────────────────────────────────────────────────────────────────────────────

  onInformational(): void {}

  onResponseHead(reply: ResponseHead): void {
    if (this.#answered || this.#over) return;
    this.#attempt(() => {
      this.#deliver(answerOfReply(this.#codec.form, reply, this.#rule, this.#codec.rules.mapping));
    });
  }

  onResponseData(): void {}
  onResponseTrailers(): void {}

  onResponseReset(reason: ResetReason): void {
    if (this.#answered || this.#over) return;
    this.#over = true;
    this.#handler.onResponseReset(reason);
  }

  onRequestWritable(): void {
    if (!this.#answered && !this.#over) this.#handler.onRequestWritable();
  }

  // ── the conversion ────────────────────────────────────────────────────────────────────────────────────────────

  get #rule(): Rule {
    return this.#match!.rule;
  }

  #makeCall(): void {
    const { form, protocol, connection, limits, rules } = this.#codec;
    const head = this.#head!;
    const { call: rule } = this.#rule;
    const style = { types: rules.mapping.types, asMaps: protocol.name === 'dubbo' && rule.generic };
    const args = argumentsOf(this.#match!, head, this.#body.take(), style);
    const headers = passedHeaders(head, rule.headers);
    const frame = form.encodeCall({ rule, args, timeoutMs: timeoutOf(head, rule.timeoutMs), headers });
    const native = headOfCall(protocol, frame, connection, limits);
    if (native === undefined) throw badRequest('the call is too long');
    this.call!.sendHead(native, true);
    if (rule.oneWay) this.#answerLater({ head: new MadeResponseHead(202, [['content-length', '0']]), body: undefined });
  }

  /** Anything that cannot be converted is answered. */
  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      const fault = faultOf(error);
      const { code, message, status } = fault;
      if (status >= 500) this.#codec.host.onFault({ scope: 'stream', code, message });
      const answer = answerOfFault(fault);
      if (status >= 500) this.#deliver(answer);
      else this.#answerLater(answer);
    }
  }

  /** After the engine has said what it is just saying: it expects no answer within its own calls. */
  #answerLater(answer: JsonAnswer): void {
    this.#answered = true;
    queueMicrotask(() => {
      if (this.#over) return;
      this.#deliver(answer);
      // Nothing was sent on it, or nothing comes back.
      this.call!.reset('local-reset');
    });
  }

  #deliver({ head, body }: JsonAnswer): void {
    this.#answered = true;
    this.#over = true;
    this.#handler.onResponseHead(head, body === undefined);
    if (body !== undefined) this.#handler.onResponseData(body, true);
  }
}

function faultOf(error: unknown): ConversionFault {
  if (error instanceof ConversionFault) return error;
  if (error instanceof Error && 'code' in error && error.code === 'bad_hessian2') return badReply(error.message);
  throw error;
}

function timeoutOf(head: RequestHead, ruleMs: number): number {
  const expected = Number(head.get(expectedTimeoutHeader));
  return expected >= 1 && expected < ruleMs ? Math.floor(expected) : ruleMs;
}
