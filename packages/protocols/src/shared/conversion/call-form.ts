import type { ResponseHead } from '@sofamesh/contract/message';
import { HessianMap, HessianObject, type HessianValue } from '../hessian2/value.ts';
import type { CallRule } from './mapping.ts';

/** What a call of an RPC protocol looks like inside its frame: read and written for conversions, and for nothing else. */
export interface CallForm {
  /** The frame of a call, to be passed to the protocol's own codec, which gives it an id. */
  encodeCall(call: OutgoingCall): Buffer;
  /** What a reply says. Throws `bad_hessian2` for what cannot be read. */
  readReply(head: ResponseHead): Reply;
  /** Interface, method and arguments of a call's frame. Throws `bad_hessian2`. */
  readCall(frame: Buffer): IncomingCall;
  /** The frame of a reply to a call's frame: a value, or an exception of the application. */
  encodeValue(call: Buffer, value: HessianValue): Buffer;
  encodeException(call: Buffer, exception: HessianObject): Buffer;
}

export interface OutgoingCall {
  readonly rule: CallRule;
  readonly args: readonly HessianValue[];
  /** Milliseconds that the caller waits. */
  readonly timeoutMs: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export type Reply =
  | { readonly kind: 'value'; readonly value: HessianValue }
  | { readonly kind: 'exception'; readonly className: string; readonly message: string }
  /** The call failed outside of the application; the head has the status. */
  | { readonly kind: 'failure'; readonly message: string };

export interface IncomingCall {
  readonly args: readonly HessianValue[];
  /** Undefined: the head says it; else what a generic invocation names. */
  readonly method: string | undefined;
}

/** Class and message of an exception; undefined: the value is none. */
export function exceptionOf(value: HessianValue): { className: string; message: string } | undefined {
  const isThrowable = value instanceof HessianObject || (value instanceof HessianMap && value.type !== '');
  if (!isThrowable || value.get('detailMessage') === undefined || value.get('stackTrace') === undefined)
    return undefined;
  const className = value instanceof HessianObject ? value.className : value.type;
  const inner = value.get('exceptionClass');
  // What Dubbo's generic invocation throws in place of a class that its caller may not have.
  if (typeof inner === 'string' && className.endsWith('.GenericException')) {
    return { className: inner, message: textOr(value.get('exceptionMessage'), '') };
  }
  return { className, message: textOr(value.get('detailMessage'), '') };
}

export function textOr(value: HessianValue | undefined, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}
