import { Deadline, type Timed } from '@sofamesh/base/timer-wheel';
import type { Headers } from '@sofamesh/contract/message';
import type { ClientStream } from '@sofamesh/contract/protocol';
import { RequestBody } from './request-body.ts';

/** The part of a call that holds its request's body: until there is a stream to send it on, and for another try. */
export abstract class KeptRequest implements Timed {
  readonly deadline = new Deadline(this);
  /** The request cannot be sent once more: some of its body was let go. */
  protected bodyLost = false;
  /** More of a body that is being sent is not kept. */
  protected keptBytesMax = 0;
  #body: RequestBody | undefined = undefined;

  abstract onDeadline(): void;

  /** Some of the body was kept once. */
  protected get bodyBegan(): boolean {
    return this.#body !== undefined;
  }

  protected get keptBytes(): number {
    return this.#body?.bytes ?? 0;
  }

  /** There is something to send before what comes. */
  protected get holdsBody(): boolean {
    return this.#body !== undefined && !this.#body.empty;
  }

  /** There is nowhere to send it yet. */
  protected keepUnsent(chunk: Buffer, end: boolean): void {
    (this.#body ??= new RequestBody()).add(chunk, end);
  }

  /** It is sent as well. With more than may be kept everything is let go. */
  protected keep(chunk: Buffer, end: boolean): void {
    if (this.keptBytes + chunk.length > this.keptBytesMax) this.letGo();
    else this.keepUnsent(chunk, end);
  }

  protected keepTrailers(trailers: Headers): void {
    (this.#body ??= new RequestBody()).addTrailers(trailers);
  }

  protected sendKept(stream: ClientStream): void {
    this.#body!.sendTo(stream);
  }

  /** What is kept belongs to the caller from now on. Undefined: the request had no body. */
  protected takeBody(): RequestBody | undefined {
    const body = this.#body;
    this.#body = undefined;
    return body;
  }

  protected letGo(): void {
    this.bodyLost = true;
    this.#body?.drop();
  }
}
