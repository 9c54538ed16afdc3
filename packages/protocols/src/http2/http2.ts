import type { ClientHost, CodecOptions, Protocol, ServerHost } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { Http2ClientCodec } from './client-codec.ts';
import { detectHttp2 } from './detect.ts';
import { Http2ServerCodec } from './server-codec.ts';

/** HTTP/2 (RFC 9113), WebSockets over it (RFC 8441). `settings`: {@link Http2Settings}. */
export const protocol: Protocol = {
  name: 'http2',
  pooling: 'multiplexed',
  alpn: ['h2'],
  httpVersion: 2,
  detect: detectHttp2,
  createServerCodec: (connection: Connection, host: ServerHost, options: CodecOptions) =>
    new Http2ServerCodec(connection, host, options),
  createClientCodec: (connection: Connection, host: ClientHost, options: CodecOptions) =>
    new Http2ClientCodec(connection, host, options),
};
