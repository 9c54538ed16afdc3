import type { Protocol } from '@sofamesh/contract/protocol';
import { rpcToJson } from '../shared/conversion/rpc-to-json-codec.ts';

/** Calls of an RPC protocol as requests of HTTP/2 with JSON (docs/conversion.md). */
export function compose(protocols: ReadonlyMap<string, Protocol>): Protocol | undefined {
  return rpcToJson('rpc-to-json-http2', 'http2', protocols);
}
