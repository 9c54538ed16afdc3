/**
 * A protocol of whole frames, said as data: what docs/declarative-codec.md explains and {@link declarativeFormat} turns into a
 * `FrameFormat`. A frame is a head of fixed size and the parts behind it. Positions count from the frame's first byte;
 * numbers are unsigned and in `byteOrder` unless they say otherwise.
 */
export interface CodecSpec {
  /** Lower-case letters, digits and dashes. */
  readonly name: string;
  /** Default: `multiplexed`. */
  readonly pooling?: 'multiplexed' | 'exclusive';
  /** Default: `big`. */
  readonly byteOrder?: 'big' | 'little';
  /** By what the protocol is told from others. Absent: it cannot be. */
  readonly magic?: MagicSpec | readonly MagicSpec[];
  /** What each kind of frame has in its head; the first kind that holds is the frame's. One that has none ends its connection. */
  readonly kinds: Readonly<Partial<Record<SpecKind, ConditionSpec | readonly ConditionSpec[]>>>;
  /** Of 4 or 8 bytes. Needed unless pooling is `exclusive`. */
  readonly id?: FieldSpec;
  /** One for all, or one for each group of kinds. */
  readonly layout: LayoutSpec | readonly LayoutSpec[];
  /** How the part `headers` is written. */
  readonly headers?: HeadersSpec;
  readonly service?: SourceSpec;
  readonly method?: SourceSpec;
  readonly timeout?: TimeoutSpec;
  readonly status?: StatusSpec;
  /** A reply in which it holds is one of an application that failed. */
  readonly applicationError?: ConditionSpec | { readonly header: string; readonly is: string };
  readonly heartbeat?: TemplateSpec;
  readonly heartbeatReply?: TemplateSpec;
  readonly goAway?: TemplateSpec;
  /** Absent: the end of the connection is the proxy's only answer. */
  readonly errorReply?: ErrorReplySpec;
}

export const specKinds = ['request', 'one-way', 'reply', 'heartbeat', 'heartbeat-reply', 'go-away', 'ignored'] as const;
export type SpecKind = (typeof specKinds)[number];

export interface MagicSpec {
  /** Default 0. */
  readonly at?: number;
  readonly hex: string;
}

/** A number in the head. */
export interface FieldSpec {
  readonly at: number;
  /** Bytes, 1 to 4 (an id: 4 or 8). Default 1 (an id: 4). */
  readonly size?: number;
  /** Only these bits of it. */
  readonly mask?: number;
  readonly signed?: boolean;
  readonly byteOrder?: 'big' | 'little';
}

export interface ConditionSpec extends FieldSpec {
  readonly is: number | readonly number[];
}

export interface LayoutSpec {
  /** Default: all that no other layout is for. */
  readonly kinds?: readonly SpecKind[];
  /** Bytes of the head. */
  readonly head: number;
  /** Tells where the frame ends. Absent: the lengths of its parts do. */
  readonly length?: LengthSpec;
  /** Default: `body`, all that follows the head. */
  readonly parts?: readonly PartSpec[];
}

export interface LengthSpec extends FieldSpec {
  /** The whole frame, what follows this field, or what follows the head (default). */
  readonly counts?: 'frame' | 'rest' | 'body';
  /** Added to what the field says. */
  readonly add?: number;
}

/** One of `length`, `prefix` and `bytes`; none: the rest of the frame (only the last part, and only with a `length` of the layout). */
export interface PartSpec {
  /** `headers` and `body` have a meaning, others get theirs from {@link SourceSpec}. */
  readonly name: string;
  /** The field of the head that has the part's length. */
  readonly length?: FieldSpec;
  /** Bytes (1 to 4) of a length that stands before the part. */
  readonly prefix?: number;
  /** A part that is always so long. */
  readonly bytes?: number;
}

/** Pairs of a key and a value, each behind its length. */
export interface HeadersSpec {
  /** Bytes of a key's length. */
  readonly key: number;
  /** Bytes of a value's length. */
  readonly value: number;
  /** A length of nothing but ones stands for no key or value at all. Default false. */
  readonly nulls?: boolean;
}

/** Where a service or method has its name. */
export type SourceSpec =
  | { readonly text: string }
  | { readonly part: string }
  /** `until`: only what stands before this text. */
  | { readonly header: string; readonly until?: string }
  /** `names`: what numbers are called; others are called by their digits. */
  | (FieldSpec & { readonly names?: Readonly<Record<string, string>> });

/** Time until the caller gives up; 0 and less: it does not say. `unit` is `ms` (default) or `s`. */
export type TimeoutSpec =
  | { readonly header: string; readonly unit?: 'ms' | 's' }
  | (FieldSpec & { readonly unit?: 'ms' | 's' });

export interface StatusSpec extends FieldSpec {
  /** What stands for success. Default 0. */
  readonly ok?: number | readonly number[];
  /** HTTP statuses of others. */
  readonly http?: Readonly<Record<string, number>>;
  /** HTTP status of all the others. Default 500. */
  readonly otherwise?: number;
}

/** A whole frame, into which the id is written. */
export interface TemplateSpec {
  /** Spaces are allowed. */
  readonly hex: string;
  /** Fields that are taken over from the frame that is answered; `from`: where they stand there, if elsewhere. */
  readonly copy?: readonly { readonly at: number; readonly size?: number; readonly from?: number }[];
}

export interface ErrorReplySpec extends TemplateSpec {
  /** Put the reason into the part `body`. Default: the template's own body stays. */
  readonly text?: boolean;
  /** Statuses of the protocol by cause, then by HTTP status. Default: the template's own. */
  readonly status?: Readonly<Record<string, number>>;
}
