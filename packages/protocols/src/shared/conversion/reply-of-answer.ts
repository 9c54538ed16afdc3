import type { ResponseHead } from '@sofamesh/contract/message';
import { HessianList, HessianObject, type HessianValue } from '../hessian2/value.ts';
import { badReply, ConversionFault } from './fault.ts';
import { isObject, type Json, parseJson } from './json-text.ts';
import type { Rule } from './mapping.ts';
import { type ObjectStyle, toHessian } from './to-hessian.ts';

/** What an answer of HTTP means to the caller. */
export type NativeReply =
  | { readonly kind: 'value'; readonly value: HessianValue }
  | { readonly kind: 'exception'; readonly exception: HessianObject };

/** Longest text of an error that is not JSON. */
const errorTextMax = 256;

/**
 * The value in an answer of HTTP, or the exception that the rule has for its status; a fault is the error that the caller gets.
 * Throws a fault for a body that is not what the rule says.
 */
export function replyOf(
  answer: ResponseHead,
  body: Buffer,
  { call, errors }: Rule,
  style: ObjectStyle,
): NativeReply | ConversionFault {
  const { status } = answer;
  if (status < 300) {
    const json = body.length === 0 ? null : parseJson(body, (reason) => badReply(`the answer ${reason}`));
    try {
      return { kind: 'value', value: toHessian(json, call.returns, style, 'answer') };
    } catch (error) {
      throw error instanceof ConversionFault ? badReply(error.message) : error;
    }
  }
  const text = errorText(body);
  const rule = errors.find((each) => each.status === status);
  if (rule === undefined) {
    // A redirection is nothing that a caller could follow.
    return new ConversionFault(status < 400 ? 502 : status, 'upstream_error', text || `HTTP status ${status}`);
  }
  const stackTrace = new HessianList([], '[java.lang.StackTraceElement');
  return {
    kind: 'exception',
    exception: new HessianObject(rule.exception, ['detailMessage', 'stackTrace'], [text, stackTrace]),
  };
}

/** What a person would read in the body of an error. */
function errorText(body: Buffer): string {
  const text = body.toString('utf8');
  let json: Json = null;
  try {
    json = JSON.parse(text) as Json;
  } catch {
    return text.slice(0, errorTextMax);
  }
  if (typeof json === 'string') return json;
  if (!isObject(json)) return text.slice(0, errorTextMax);
  const found = ['message', 'detail', 'title', 'error']
    .map((name) => json[name])
    .find((each) => typeof each === 'string');
  return typeof found === 'string' ? found : text.slice(0, errorTextMax);
}
