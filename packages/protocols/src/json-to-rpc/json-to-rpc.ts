import { CodedError } from '@sofamesh/base/errors';
import type { Protocol } from '@sofamesh/contract/protocol';
import { ConvertingClientCodec } from './client-codec.ts';

/**
 * Requests of HTTP with JSON as calls of an RPC protocol (docs/conversion.md): what a cluster of bolt or Dubbo hosts is
 * spoken to in by an HTTP listener. Connection, ids and limits are those of the protocol's own codec.
 */
export function compose(protocols: ReadonlyMap<string, Protocol>): Protocol | undefined {
  return {
    name: 'json-to-rpc',
    pooling: 'multiplexed',
    upstreamOnly: true,
    detect: () => 'mismatch',
    createServerCodec() {
      throw new CodedError('no_server', 'json-to-rpc is spoken to hosts only');
    },
    createClientCodec: (connection, host, options) => new ConvertingClientCodec(protocols, connection, host, options),
  };
}
