import { CodedError } from '@sofamesh/base/errors';
import type {
  ClientHost,
  ClientStream,
  ClientStreamHandler,
  CodecLimits,
  CodecOptions,
  Protocol,
} from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import { ClientCodecLayer } from '../client-codec-layer.ts';
import { resetReasonOf } from '../reset-reason.ts';
import { ConvertedCall } from './converted-call.ts';
import type { RuleIndex } from './rule-index.ts';
import { type ConversionSettings, rulesOf } from './settings.ts';

/**
 * What turns calls into requests of HTTP, pooled as that is: what a cluster of HTTP hosts is spoken to in by an RPC listener.
 * Undefined where the HTTP codec is not there.
 */
export function rpcToJson(
  name: string,
  httpName: 'http1' | 'http2',
  protocols: ReadonlyMap<string, Protocol>,
): Protocol | undefined {
  const http = protocols.get(httpName);
  if (http === undefined) return undefined;
  return {
    name,
    pooling: http.pooling,
    ...(http.alpn !== undefined && { alpn: http.alpn }),
    ...(http.httpVersion !== undefined && { httpVersion: http.httpVersion }),
    upstreamOnly: true,
    detect: () => 'mismatch',
    createServerCodec() {
      throw new CodedError('no_server', `${name} is spoken to hosts only`);
    },
    createClientCodec: (connection, host, options) =>
      new RpcToJsonClientCodec(http, protocols, connection, host, options),
  };
}

/**
 * Everything but the calls themselves is left to the codec of HTTP. A stream of it is opened when a call has become a
 * request: a call that cannot costs the connection nothing.
 */
export class RpcToJsonClientCodec extends ClientCodecLayer {
  readonly connection: Connection;
  readonly host: ClientHost;
  readonly limits: CodecLimits;
  readonly protocols: ReadonlyMap<string, Protocol>;
  readonly rules: RuleIndex;
  /** Calls without a stream of HTTP: not sent yet, or answered here. */
  readonly #waiting = new Set<ConvertedCall>();

  constructor(
    http: Protocol,
    protocols: ReadonlyMap<string, Protocol>,
    connection: Connection,
    host: ClientHost,
    { limits, settings }: CodecOptions,
  ) {
    const { http: options = { limits } } = settings as ConversionSettings;
    super(http.createClientCodec(connection, host, options));
    this.connection = connection;
    this.host = host;
    this.limits = limits;
    this.protocols = protocols;
    this.rules = rulesOf(settings);
  }

  override get available(): number {
    return Math.max(0, super.available - this.#waiting.size);
  }

  override get activeStreams(): number {
    return super.activeStreams + this.#waiting.size;
  }

  openStream(handler: ClientStreamHandler): ClientStream {
    const call = new ConvertedCall(this, handler);
    this.#waiting.add(call);
    return call;
  }

  /** @internal A stream for a call that has become a request; undefined: the connection takes none any more. */
  begin(call: ConvertedCall): ClientStream | undefined {
    if (!this.#waiting.has(call) || super.available < 1) return undefined;
    this.#waiting.delete(call);
    return this.inner.openStream(call);
  }

  /** @internal A call is over and never had a stream. */
  forget(call: ConvertedCall): void {
    if (this.#waiting.delete(call)) this.host.onStreamEnd();
  }

  override connectionClosed(cause: CloseCause): void {
    super.connectionClosed(cause);
    for (const call of [...this.#waiting]) {
      call.onResponseReset(resetReasonOf(cause));
      this.forget(call);
    }
  }

  override detach(): Buffer | undefined {
    return this.#waiting.size > 0 ? undefined : super.detach();
  }
}
