import type { Filter } from '@sofamesh/contract/filter';
import type { Headers, LocalReply, ResponseHead } from '@sofamesh/contract/message';
import type { ActiveExchange } from '../stream/exchange.ts';
import { heldByFilter } from '../stream/exchange.ts';
import { LocalResponseHead } from '../stream/local-response.ts';

/**
 * Takes one exchange through its filters: the request in their order, the response in reverse. Filters that wait for
 * nothing are passed in one turn; at one that waits, its direction is held and goes on from there.
 *
 * A codec delivers nothing while it is paused, so one position for each direction is all there is to remember. The one
 * thing kept is a body that a filter asked for as a whole.
 */
export class FilterWalk {
  readonly #exchange: ActiveExchange;
  readonly #filters: readonly Filter[];
  /** The filter that the request's head has reached; the number of filters once it has passed them all. */
  #headAt = 0;
  #gathering: BodyGathering | undefined = undefined;
  /** Request data and trailers that wait for the head. */
  #waitingData: Buffer | undefined = undefined;
  #waitingEnd = false;
  #waitingTrailers: Headers | undefined = undefined;

  constructor(exchange: ActiveExchange, filters: readonly Filter[]) {
    this.#exchange = exchange;
    this.#filters = filters;
  }

  // ── request ───────────────────────────────────────────────────────────────────────────────────────────────────

  requestHead(at: number, end: boolean): void {
    const exchange = this.#exchange;
    const filters = this.#filters;
    const head = exchange.request;
    for (let index = at; index < filters.length; index++) {
      this.#headAt = index;
      const filter = filters[index]!;
      const waits = filter.onRequestHead?.(head, exchange, end);
      if (waits !== undefined) {
        this.awaitHead(waits, index, end);
        return;
      }
      if (exchange.answered) return;
      if (end && head.body !== undefined && filter.onRequestData !== undefined && !this.#wholeBody(index, filter))
        return;
    }
    this.#headAt = filters.length;
  }

  /** The head hook of filter `index` waits. */
  awaitHead(waits: Promise<void>, index: number, end: boolean): void {
    this.#headAt = index;
    this.#holdRequest(waits, () => this.#afterHead(index, end));
  }

  /** Continues behind a filter whose head hook has waited. */
  #afterHead(index: number, end: boolean): void {
    const filter = this.#filters[index]!;
    const whole = end && this.#exchange.request.body !== undefined && filter.onRequestData !== undefined;
    if (whole && !this.#wholeBody(index, filter)) return;
    this.requestHead(index + 1, end);
    if (this.#headAt === this.#filters.length) this.#releaseWaiting(index);
  }

  /** False when the filter waits, or has answered. */
  #wholeBody(index: number, filter: Filter): boolean {
    const exchange = this.#exchange;
    const head = exchange.request;
    const body = head.body!;
    const passed = filter.onRequestData!(body, exchange, true);
    if (Buffer.isBuffer(passed)) {
      if (passed !== body) head.body = passed;
      return !exchange.answered;
    }
    this.#holdRequest(passed, (changed) => {
      if (changed !== body) head.body = changed;
      this.requestHead(index + 1, true);
    });
    return false;
  }

  requestData(chunk: Buffer, end: boolean): void {
    this.#requestDataFrom(0, chunk, end);
  }

  #requestDataFrom(at: number, chunk: Buffer, end: boolean): void {
    const exchange = this.#exchange;
    const filters = this.#filters;
    let data = chunk;
    for (let index = at; index < filters.length; index++) {
      if (index === this.#headAt) {
        this.#keep(data, end);
        return;
      }
      const filter = filters[index]!;
      if (filter.onRequestData === undefined) continue;
      const passed = filter.onRequestData(data, exchange, end);
      if (!Buffer.isBuffer(passed)) {
        this.#holdRequest(passed, (changed) => this.#requestDataFrom(index + 1, changed, end));
        return;
      }
      if (exchange.answered) return;
      data = passed;
    }
    exchange.forwardData(data, end);
  }

  requestTrailers(trailers: Headers): void {
    this.#requestTrailersFrom(0, trailers);
  }

  #requestTrailersFrom(at: number, trailers: Headers): void {
    const exchange = this.#exchange;
    const filters = this.#filters;
    for (let index = at; index < filters.length; index++) {
      if (index === this.#headAt) {
        this.#waitingTrailers = trailers;
        this.#gathering?.finish();
        return;
      }
      const waits = filters[index]!.onRequestTrailers?.(trailers, exchange);
      if (waits !== undefined) {
        this.#holdRequest(waits, () => this.#requestTrailersFrom(index + 1, trailers));
        return;
      }
      if (exchange.answered) return;
    }
    exchange.forwardTrailers(trailers);
  }

  /** The head hook of the filter at which the head stands asks for the whole body; it resolves with the last byte. */
  gather(bytesMax: number): Promise<Buffer> {
    const whole = this.#exchange.request.body;
    if (whole !== undefined || this.#exchange.requestEnded) {
      const body = whole ?? this.#waitingData ?? Buffer.alloc(0);
      if (body.length > bytesMax) return Promise.reject(this.#exchange.refuseBody(bytesMax));
      return Promise.resolve(body);
    }
    return new Promise((resolve, reject) => {
      this.#gathering = new BodyGathering(bytesMax, resolve, reject);
      this.#exchange.releaseRequest(heldByFilter);
    });
  }

  #keep(data: Buffer, end: boolean): void {
    const gathering = this.#gathering;
    if (gathering === undefined) {
      this.#waitingData = this.#waitingData === undefined ? data : Buffer.concat([this.#waitingData, data]);
      this.#waitingEnd = end;
      return;
    }
    if (gathering.add(data)) {
      if (!end) return;
      this.#waitingEnd = true;
      gathering.finish();
    } else gathering.reject(this.#exchange.refuseBody(gathering.bytesMax));
  }

  /** The head has passed every filter: what came behind it follows, from the filter that the head had waited at. */
  #releaseWaiting(index: number): void {
    const data = this.#gathering === undefined ? this.#waitingData : this.#gathering.body;
    this.#gathering = undefined;
    this.#waitingData = undefined;
    const trailers = this.#waitingTrailers;
    if (data !== undefined && (data.length > 0 || this.#waitingEnd)) {
      this.#requestDataFrom(index, data, this.#waitingEnd);
    }
    if (trailers !== undefined) this.#requestTrailersFrom(index, trailers);
  }

  // ── response ──────────────────────────────────────────────────────────────────────────────────────────────────

  responseHead(head: ResponseHead, end: boolean): void {
    this.#responseHeadFrom(this.#filters.length - 1, head, end);
  }

  #responseHeadFrom(at: number, head: ResponseHead, end: boolean): void {
    const exchange = this.#exchange;
    const filters = this.#filters;
    for (let index = at; index >= 0; index--) {
      const filter = filters[index]!;
      const waits = filter.onResponseHead?.(head, exchange, end);
      if (waits !== undefined) {
        this.#holdResponse(waits, () => {
          if (this.#wholeResponse(index, head, end)) this.#responseHeadFrom(index - 1, head, end);
        });
        return;
      }
      if (!this.#wholeResponse(index, head, end)) return;
    }
    exchange.sendHead(head, end);
  }

  /** The body of a whole message passes the filter as data. False when it waits. */
  #wholeResponse(index: number, head: ResponseHead, end: boolean): boolean {
    const filter = this.#filters[index]!;
    const body = head.body;
    if (!end || body === undefined || filter.onResponseData === undefined) return true;
    const passed = filter.onResponseData(body, this.#exchange, true);
    if (Buffer.isBuffer(passed)) {
      if (passed !== body) head.body = passed;
      return true;
    }
    this.#holdResponse(passed, (changed) => {
      if (changed !== body) head.body = changed;
      this.#responseHeadFrom(index - 1, head, end);
    });
    return false;
  }

  responseData(chunk: Buffer, end: boolean): void {
    this.#responseDataFrom(this.#filters.length - 1, chunk, end);
  }

  #responseDataFrom(at: number, chunk: Buffer, end: boolean): void {
    let data = chunk;
    for (let index = at; index >= 0; index--) {
      const filter = this.#filters[index]!;
      if (filter.onResponseData === undefined) continue;
      const passed = filter.onResponseData(data, this.#exchange, end);
      if (!Buffer.isBuffer(passed)) {
        this.#holdResponse(passed, (changed) => this.#responseDataFrom(index - 1, changed, end));
        return;
      }
      data = passed;
    }
    this.#exchange.sendData(data, end);
  }

  responseTrailers(trailers: Headers): void {
    this.#responseTrailersFrom(this.#filters.length - 1, trailers);
  }

  #responseTrailersFrom(at: number, trailers: Headers): void {
    for (let index = at; index >= 0; index--) {
      const result = this.#filters[index]!.onResponseTrailers?.(trailers, this.#exchange);
      if (result === undefined) continue;
      if (Buffer.isBuffer(result)) this.#responseDataFrom(index - 1, result, true);
      else {
        this.#holdResponse(result, (data) => {
          if (data === undefined) this.#responseTrailersFrom(index - 1, trailers);
          else this.#responseDataFrom(index - 1, data, true);
        });
      }
      return;
    }
    this.#exchange.sendTrailers(trailers);
  }

  /** An answer of the proxy's own passes the response filters before the one that the request has reached. */
  localReply(reply: LocalReply): void {
    this.#localReplyFrom(Math.min(this.#headAt, this.#filters.length) - 1, new LocalResponseHead(reply));
  }

  #localReplyFrom(at: number, head: LocalResponseHead): void {
    for (let index = at; index >= 0; index--) {
      const waits = this.#filters[index]!.onResponseHead?.(head, this.#exchange, true);
      if (waits !== undefined) {
        this.#holdResponse(waits, () => this.#localReplyFrom(index - 1, head));
        return;
      }
    }
    this.#exchange.sendReply(head.toReply());
  }

  // ── both ──────────────────────────────────────────────────────────────────────────────────────────────────────

  onEnd(): void {
    this.#gathering?.reject(new Error('the exchange is over'));
    for (const filter of this.#filters) {
      try {
        filter.onEnd?.(this.#exchange);
      } catch (thrown) {
        this.#exchange.reportFailure(thrown);
      }
    }
  }

  #holdRequest<Value>(waits: Promise<Value>, next: (value: Value) => void): void {
    const exchange = this.#exchange;
    // A filter that gathers the body waits, too, but needs the request to go on.
    if (this.#gathering === undefined) exchange.holdRequest(heldByFilter);
    waits.then(
      (value) => {
        if (exchange.over || exchange.answered) return;
        exchange.touch();
        try {
          exchange.releaseRequest(heldByFilter, () => next(value));
        } catch (thrown) {
          exchange.fail(thrown);
        }
      },
      (reason: unknown) => exchange.fail(reason),
    );
  }

  #holdResponse<Value>(waits: Promise<Value>, next: (value: Value) => void): void {
    const exchange = this.#exchange;
    exchange.holdResponse(heldByFilter);
    waits.then(
      (value) => {
        if (exchange.over) return;
        exchange.touch();
        try {
          exchange.releaseResponse(heldByFilter, () => next(value));
        } catch (thrown) {
          exchange.fail(thrown);
        }
      },
      (reason: unknown) => exchange.fail(reason),
    );
  }
}

/** A request body that one filter wants as a whole. */
class BodyGathering {
  readonly bytesMax: number;
  readonly reject: (reason: Error) => void;
  readonly #resolve: (body: Buffer) => void;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #body: Buffer | undefined = undefined;

  constructor(bytesMax: number, resolve: (body: Buffer) => void, reject: (reason: Error) => void) {
    this.bytesMax = bytesMax;
    this.#resolve = resolve;
    this.reject = reject;
  }

  /** False beyond the limit. */
  add(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > this.bytesMax) return false;
    this.#chunks.push(chunk);
    return true;
  }

  get body(): Buffer {
    this.#body ??= this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    return this.#body;
  }

  finish(): void {
    this.#resolve(this.body);
  }
}
