import { Hessian2DraftWriter } from '../shared/hessian2/draft-writer.ts';
import { HessianList, HessianObject } from '../shared/hessian2/value.ts';
import { Command, codecOf, emptyResponse, hessian2Codec, response } from './frame.ts';

/** A longer text of an error is cut. */
const errorTextMax = 1024;

/** What sofa-bolt's own servers answer with when they cannot carry out a call. */
const exceptionClass = 'com.alipay.remoting.rpc.exception.RpcServerException';
const exceptionFields = ['detailMessage', 'stackTrace', 'cause'];
const className = Buffer.from(exceptionClass);

/**
 * The answer to a call that failed, under `id`. sofa-bolt tells its callers the status and, with `SERVER_EXCEPTION`, the
 * exception in the content; sofa-rpc-node tells nothing but the exception. Another serialization than hessian2 gets none: what
 * its clients read there is not known.
 */
export function errorReply(request: Buffer, id: number, status: number, text: string): Buffer {
  const codec = codecOf(request);
  if (codec !== hessian2Codec) return emptyResponse(request, Command.response, id, status, codec);
  const content = new Hessian2DraftWriter();
  const stack = new HessianList([], '[java.lang.StackTraceElement');
  content.write(new HessianObject(exceptionClass, exceptionFields, [text.slice(0, errorTextMax), stack, null]));
  return response(request, Command.response, id, status, codec, className, content.finish());
}
