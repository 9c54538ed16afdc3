import type { ClientHost, CodecOptions, Protocol, ServerHost } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { Http1ClientCodec } from './client-codec.ts';
import { detectHttp1 } from './detect.ts';
import { Http1ServerCodec } from './server-codec.ts';

/** HTTP/1.1 (RFC 9110, RFC 9112); HTTP/1.0 clients where settings allow them. `settings`: {@link Http1Settings}. */
export const protocol: Protocol = {
  name: 'http1',
  pooling: 'exclusive',
  alpn: ['http/1.1', 'http/1.0'],
  httpVersion: 1,
  detect: detectHttp1,
  createServerCodec: (connection: Connection, host: ServerHost, options: CodecOptions) =>
    new Http1ServerCodec(connection, host, options),
  createClientCodec: (connection: Connection, host: ClientHost, options: CodecOptions) =>
    new Http1ClientCodec(connection, host, options),
};
