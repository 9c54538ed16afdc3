import type { Random } from '@sofamesh/base/random';
import type { RequestHead } from '@sofamesh/contract/message';
import { writeB3, writeB3Single } from './b3.ts';
import type { Incoming } from './incoming.ts';
import { hashedTraceId } from './sofa-context.ts';
import { Form } from './trace-context.ts';
import { newId } from './trace-ids.ts';
import { writeTraceparent } from './w3c.ts';

/** The trace that a sampled request belongs to, as its caller has told it or as it begins here. */
export class Trace {
  readonly traceId: string;
  /** Of the caller's span; undefined where it tells of none. */
  readonly callerId: string | undefined;
  readonly callersParentId: string | undefined;
  readonly #incoming: Incoming | undefined;
  /** In which headers it goes on. */
  readonly #forms: number;

  /** `ownForm`: of traces that begin here. */
  constructor(incoming: Incoming | undefined, random: Random, longIds: boolean, ownForm: number) {
    const context = incoming?.context;
    this.#incoming = incoming;
    this.#forms = incoming?.forms || ownForm;
    if (context?.traceId) {
      this.traceId = context.traceId;
      this.callerId = context.spanId;
      this.callersParentId = context.parentId;
    } else if (incoming?.sofa !== undefined) this.traceId = hashedTraceId(incoming.sofa.traceId);
    else this.traceId = newId(random, longIds ? 32 : 16);
  }

  get sofa(): Incoming['sofa'] {
    return this.#incoming?.sofa;
  }

  /** What the caller says is all that would be written for a span of this id. */
  #saysAlready(spanId: string): boolean {
    return spanId === this.callerId && this.#incoming?.context?.sampled === true && !this.#incoming.losesState;
  }

  /** Names the span as the parent of what the receiver of the request does. A head that says so already stays as it came. */
  write(head: RequestHead, spanId: string, parentId: string | undefined): void {
    if (this.#saysAlready(spanId)) return;
    const { traceId } = this;
    const forms = this.#forms;
    if (forms & Form.w3c) {
      head.set('traceparent', writeTraceparent(traceId, spanId));
      if (this.#incoming?.losesState && head.get('tracestate') !== undefined) head.remove('tracestate');
    }
    if (forms & Form.b3) writeB3(head, { traceId, spanId, parentId });
    if (forms & Form.b3Single) {
      head.set('b3', writeB3Single({ traceId, spanId, parentId }, this.#incoming?.context?.debug === true));
    }
  }
}
