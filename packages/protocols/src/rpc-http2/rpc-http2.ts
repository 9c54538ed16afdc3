import type { Protocol } from '@sofamesh/contract/protocol';
import { CarryingClientCodec } from './client-codec.ts';
import { CarryingServerCodec } from './server-codec.ts';

/**
 * Calls of any RPC protocol inside HTTP/2 (docs/rpc-over-http2.md): the body of a request is a frame as its protocol puts
 * it on a connection, and so is the body of the answer. The protocols' own codecs read and write the frames, each call
 * with a pair of codecs of its own.
 */
export function compose(protocols: ReadonlyMap<string, Protocol>): Protocol | undefined {
  const http2 = protocols.get('http2');
  if (http2 === undefined) return undefined;
  return {
    name: 'rpc-http2',
    pooling: 'multiplexed',
    detect: (prefix) => http2.detect(prefix),
    createServerCodec: (connection, host, options) =>
      new CarryingServerCodec({ http2, protocols }, connection, host, options),
    createClientCodec: (connection, host, options) =>
      new CarryingClientCodec({ http2, protocols }, connection, host, options),
  };
}
