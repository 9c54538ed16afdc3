import type { Protocol } from '@sofamesh/contract/protocol';
import { Carriage } from './carried-head.ts';
import { CarryingClientCodec } from './client-codec.ts';
import { CarryingServerCodec } from './server-codec.ts';

/**
 * Calls of any RPC protocol inside HTTP/2 (docs/rpc-over-http2.md): the body of a request is a frame as its protocol puts
 * it on a connection, and so is the body of the answer. The protocols' own codecs read and write the frames, one call of
 * theirs at a time.
 */
export function compose(protocols: ReadonlyMap<string, Protocol>): Protocol | undefined {
  const http2 = protocols.get('http2');
  if (http2 === undefined) return undefined;
  const carriage = new Carriage(http2, protocols);
  return {
    name: 'rpc-http2',
    pooling: 'multiplexed',
    ...(http2.alpn !== undefined && { alpn: http2.alpn }),
    httpVersion: 2,
    carrier: true,
    detect: (prefix) => http2.detect(prefix),
    createServerCodec: (connection, host, options) => new CarryingServerCodec(carriage, connection, host, options),
    createClientCodec: (connection, host, options) => new CarryingClientCodec(carriage, connection, host, options),
  };
}
