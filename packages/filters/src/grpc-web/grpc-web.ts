import type { Exchange, Filter, FilterEnvironment, FilterKind } from '@sofamesh/contract/filter';
import { type Headers, type RequestHead, ResponseFlag, type ResponseHead } from '@sofamesh/contract/message';
import { grpcContentType, grpcStatusOfHttp, isGrpcResponse } from '../shared/grpc.ts';
import { type CallCounters, GrpcCallStats } from '../shared/grpc-call-stats.ts';
import { Base64Decoder } from './base64-decoder.ts';
import { StatusBody, trailersFrame } from './status-body.ts';

/** Envoy's gRPC-Web filter has no settings. */
export type GrpcWebConfig = Readonly<Record<string, never>>;

const binaryTypes: ReadonlySet<string> = new Set(['application/grpc-web', 'application/grpc-web+proto']);
const textTypes: ReadonlySet<string> = new Set(['application/grpc-web-text', 'application/grpc-web-text+proto']);

/**
 * Makes a gRPC call of a gRPC-Web one, which browsers can send, and the answer gRPC-Web again: trailers become the last
 * frame of the body, and both bodies are base64 where the client wants it so (gRPC's PROTOCOL-WEB).
 */
class GrpcWebFilter implements Filter {
  readonly #calls: GrpcCallStats;
  #translates = false;
  #requestText: Base64Decoder | undefined = undefined;
  #answersText = false;
  #counters: CallCounters | undefined = undefined;
  #statusSeen = false;
  /** The answer is no gRPC. */
  #statusBody: StatusBody | undefined = undefined;

  constructor(calls: GrpcCallStats) {
    this.#calls = calls;
  }

  onRequestHead(head: RequestHead, exchange: Exchange): undefined {
    const type = head.get('content-type') ?? '';
    const text = textTypes.has(type);
    if (!text && !binaryTypes.has(type)) return;
    this.#translates = true;
    if (text) this.#requestText = new Base64Decoder();
    this.#answersText = textTypes.has(head.get('accept') ?? '');
    head.remove('content-length');
    head.set('content-type', grpcContentType);
    head.set('te', 'trailers');
    if (head.get('grpc-accept-encoding') === undefined) head.set('grpc-accept-encoding', 'identity');
    const cluster = exchange.route?.cluster;
    if (cluster !== undefined) this.#counters = this.#calls.of(cluster, head.path);
  }

  onRequestData(chunk: Buffer, exchange: Exchange, end: boolean): Buffer {
    const decoder = this.#requestText;
    if (decoder === undefined) return chunk;
    const decoded = decoder.decode(chunk);
    if (decoded === undefined) refuse(exchange, 'grpc_base_64_decode_failed');
    else if (end) this.#onRequestEnd(exchange);
    return decoded ?? empty;
  }

  onRequestTrailers(_trailers: Headers, exchange: Exchange): undefined {
    this.#onRequestEnd(exchange);
  }

  #onRequestEnd(exchange: Exchange): void {
    if (this.#requestText?.whole === false) refuse(exchange, 'grpc_base_64_decode_failed_bad_size');
  }

  onResponseHead(head: ResponseHead, _exchange: Exchange, end: boolean): undefined {
    if (!this.#translates) return;
    this.#onStatus(head);
    const status = isGrpcResponse(head, end) || isBinaryWeb(head) ? undefined : grpcStatusOfHttp(head.status);
    head.remove('content-length');
    head.set('content-type', this.#answersText ? 'application/grpc-web-text+proto' : 'application/grpc-web+proto');
    if (status === undefined) return;
    head.set('grpc-status', String(status));
    if (!end) this.#statusBody = new StatusBody(status);
  }

  onResponseData(chunk: Buffer, _exchange: Exchange, end: boolean): Buffer {
    if (!this.#translates) return chunk;
    const status = this.#statusBody;
    if (status === undefined) return this.#answer(chunk);
    status.add(chunk);
    return end ? this.#answer(status.finish()) : empty;
  }

  onResponseTrailers(trailers: Headers): undefined | Buffer {
    if (!this.#translates) return undefined;
    if (this.#statusBody !== undefined) return this.#answer(this.#statusBody.finish());
    this.#onStatus(trailers);
    return this.#answer(trailersFrame(trailers));
  }

  /** Base64 is padded at the end of every piece, which readers must expect. */
  #answer(bytes: Buffer): Buffer {
    return this.#answersText ? Buffer.from(bytes.toString('base64'), 'latin1') : bytes;
  }

  #onStatus(headers: Headers): void {
    const status = this.#statusSeen ? undefined : headers.get('grpc-status');
    if (status === undefined) return;
    this.#statusSeen = true;
    this.#counters?.recordStatus(status);
  }
}

const empty = Buffer.alloc(0);

/** An upstream that speaks gRPC-Web by itself. */
function isBinaryWeb(head: ResponseHead): boolean {
  const type = head.get('content-type')?.split(';', 1)[0]?.trimEnd().toLowerCase();
  return head.status === 200 && type !== undefined && binaryTypes.has(type);
}

function refuse(exchange: Exchange, details: string): void {
  exchange.reply({
    status: 400,
    body: 'Bad gRPC-web request, invalid base64 data.',
    details,
    flags: ResponseFlag.none,
  });
}

export const kind: FilterKind<GrpcWebConfig> = {
  name: 'envoy.filters.http.grpc_web',
  prepare(_config, { stats, statPrefix }: FilterEnvironment) {
    const overflow = stats.counter(`${statPrefix}grpc_web.methods_overflow`);
    const calls = new GrpcCallStats({ stats, protocol: 'grpc-web', methods: 'all', replaceDots: false, overflow });
    return () => new GrpcWebFilter(calls);
  },
};
