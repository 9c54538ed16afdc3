import { hash } from 'node:crypto';
import type { Headers } from '@sofamesh/contract/message';

/** What SOFATracer puts into the header block of a SOFARPC call (entries `rpc_trace_context.…`, their names in lower case). */
const traceHeader = 'rpc_trace_context.sofatraceid';
const rpcHeader = 'rpc_trace_context.sofarpcid';
const sampledHeader = 'rpc_trace_context.sampled';

/** Longer ones are not SOFATracer's. */
const idCharactersMax = 256;

export interface SofaContext {
  readonly traceId: string;
  readonly rpcId: string | undefined;
  readonly sampled: boolean | undefined;
}

/** Undefined: the call carries none. */
export function readSofaContext(head: Headers): SofaContext | undefined {
  const traceId = head.get(traceHeader);
  if (traceId === undefined || traceId === '' || traceId.length > idCharactersMax) return undefined;
  const sampled = head.get(sampledHeader);
  const rpcId = head.get(rpcHeader)?.slice(0, idCharactersMax);
  return {
    traceId,
    rpcId: rpcId || undefined,
    sampled: sampled === 'true' ? true : sampled === 'false' ? false : undefined,
  };
}

/** SOFATracer's ids are made of address, time and process; every proxy makes the same 128 bits of one. */
export function hashedTraceId(sofaTraceId: string): string {
  return hash('sha256', sofaTraceId, 'hex').slice(0, 32);
}
