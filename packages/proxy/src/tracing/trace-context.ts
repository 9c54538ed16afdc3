/** What a caller says of the trace that its request belongs to. */
export interface TraceContext {
  /** Lower-case hexadecimal, 32 digits or 16; empty: the caller has decided about sampling and no more. */
  readonly traceId: string;
  /** The caller's span; 16 digits. Empty: it is not known here. */
  readonly spanId: string;
  /** The parent of that span, where the caller tells (B3). */
  readonly parentId: string | undefined;
  /** Undefined: the decision is left to whoever is asked. */
  readonly sampled: boolean | undefined;
  /** B3: to be sampled by everybody, whatever their rates are. */
  readonly debug: boolean;
}

/** The header families in which a context travels. Bits. */
export const Form = { w3c: 1, b3: 2, b3Single: 4 } as const;

const zeros = /^0+$/;

/** Lower case; undefined when it is no id of one of these lengths. Zero is none either. */
export function readId(text: string | undefined, ...lengths: readonly number[]): string | undefined {
  if (text === undefined || !lengths.includes(text.length)) return undefined;
  return /^[0-9a-fA-F]+$/.test(text) && !zeros.test(text) ? text.toLowerCase() : undefined;
}
