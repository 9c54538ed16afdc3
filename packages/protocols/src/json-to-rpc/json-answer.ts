import type { ResponseHead } from '@sofamesh/contract/message';
import type { CallForm } from '../shared/conversion/call-form.ts';
import { badReply, type ConversionFault } from '../shared/conversion/fault.ts';
import { MadeResponseHead } from '../shared/conversion/json-heads.ts';
import type { Mapping, Rule } from '../shared/conversion/mapping.ts';
import { passedHeaders } from '../shared/conversion/passed-headers.ts';
import { toJson } from '../shared/conversion/to-json.ts';

/** An answer of HTTP, and its body unless it has none. */
export interface JsonAnswer {
  readonly head: ResponseHead;
  readonly body: Buffer | undefined;
}

type Entries = readonly (readonly [name: string, value: string])[];

/** What a reply says in HTTP. Throws a fault, or `bad_hessian2`, for a reply that cannot be told. */
export function answerOfReply(
  form: CallForm,
  reply: ResponseHead,
  { call, errors }: Rule,
  { types, bodyBytesMax }: Mapping,
): JsonAnswer {
  const { nativeStatus } = reply;
  const said = form.readReply(reply);
  const headers = passedHeaders(reply, call.headers);
  switch (said.kind) {
    case 'failure':
      // A success that says of itself that it failed is SOFARPC's way to report an error of its framework.
      return error(
        reply.status >= 400 ? reply.status : 500,
        `${reply.protocol}_${nativeStatus}`,
        said.message,
        headers,
        nativeStatus,
      );
    case 'exception': {
      const { className, message } = said;
      const status = errors.find(({ exception }) => exception === className)?.status ?? 500;
      return error(status, className, message, headers, nativeStatus, true);
    }
    case 'value': {
      const style = {
        types,
        classNames: call.classNames,
        classEntries: call.generic && reply.protocol === 'dubbo',
        lengthMax: bodyBytesMax,
      };
      const json = toJson(said.value, style, (reason) => badReply(`the reply ${reason}`));
      return answer(200, json, headers, nativeStatus, false);
    }
  }
}

/** A refusal, in the form of all errors. */
export function answerOfFault({ status, code, message, allowed }: ConversionFault): JsonAnswer {
  return error(status, code, message, allowed.length > 0 ? [['allow', allowed.join(', ')]] : [], status);
}

function error(
  status: number,
  word: string,
  message: string,
  headers: Entries,
  nativeStatus: number,
  applicationError = false,
): JsonAnswer {
  return answer(status, JSON.stringify({ error: word, message }), headers, nativeStatus, applicationError);
}

function answer(
  status: number,
  json: string,
  headers: Entries,
  nativeStatus: number,
  applicationError: boolean,
): JsonAnswer {
  const body = Buffer.from(json);
  const entries: Entries = [['content-type', 'application/json'], ['content-length', String(body.length)], ...headers];
  return { head: new MadeResponseHead(status, entries, nativeStatus, applicationError), body };
}
