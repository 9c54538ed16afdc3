import type { RequestHead } from '@sofamesh/contract/message';
import { b3Prefix, readB3, readB3Single } from './b3.ts';
import { readSofaContext, type SofaContext } from './sofa-context.ts';
import { Form, type TraceContext } from './trace-context.ts';
import { readTraceparent } from './w3c.ts';

/** What a request brings along of a trace. */
export interface Incoming {
  /** Bits of {@link Form}: which headers are there, readable or not. */
  readonly forms: number;
  /** Undefined: nothing readable. */
  readonly context: TraceContext | undefined;
  /** `traceparent` is there and unreadable, so that `tracestate` has lost its meaning (W3C §3.3). */
  readonly losesState: boolean;
  /** Where nothing else tells of a trace. */
  readonly sofa: SofaContext | undefined;
}

/**
 * Looks for the context of a trace in all forms; undefined when there is none. `preferred`: the form that counts when
 * several are there. `sofa`: entries of SOFATracer are looked for, too.
 */
export function readIncoming(head: RequestHead, preferred: number, sofa: boolean): Incoming | undefined {
  const parent = head.get('traceparent');
  const single = head.get('b3');
  const multiple = head.hasPrefix?.(b3Prefix) === false ? undefined : readB3(head);
  if (parent === undefined && single === undefined && multiple === undefined) {
    const sofaContext = sofa ? readSofaContext(head) : undefined;
    return sofaContext && { forms: 0, context: undefined, losesState: false, sofa: sofaContext };
  }
  const ofW3c = parent === undefined ? undefined : readTraceparent(parent);
  const ofB3 = readable(multiple) ?? (single === undefined ? undefined : readable(readB3Single(single)));
  const context = preferred === Form.w3c ? better(ofW3c, ofB3) : better(ofB3, ofW3c);
  const sofaContext = sofa && !context?.traceId ? readSofaContext(head) : undefined;
  return {
    forms:
      (parent === undefined ? 0 : Form.w3c) |
      (multiple === undefined ? 0 : Form.b3) |
      (single === undefined ? 0 : Form.b3Single),
    context,
    losesState: parent !== undefined && ofW3c === undefined,
    sofa: sofaContext,
  };
}

function readable(context: TraceContext | 'unreadable' | undefined): TraceContext | undefined {
  return context === 'unreadable' ? undefined : context;
}

/** One that names its trace before one that only has an opinion. */
function better(first: TraceContext | undefined, second: TraceContext | undefined): TraceContext | undefined {
  if (first === undefined || (first.traceId === '' && second !== undefined && second.traceId !== '')) return second;
  return first;
}
