import type { LocalReply } from '@sofamesh/contract/message';
import type { ProtocolFault } from '@sofamesh/contract/protocol';

/**
 * What {@link protocolSuite} needs to know of a protocol: sample messages as bytes, built without the codec under test,
 * and what the codec must make of them. Everything optional is for protocols that lack the thing.
 */
export interface ProtocolFixtures {
  /** `streamed`: head, data, trailers arrive one after the other. `whole`: one call, the body is `head.body`. */
  readonly messages: 'streamed' | 'whole';
  /** Passed to both codecs. */
  readonly settings?: unknown;
  /**
   * At least two, the first one plain (an answered call with a small body and status 200). Streamed messages: one with bodies
   * of more than 4 bytes in both directions, given in the expectations.
   */
  readonly exchanges: readonly ExchangeSample[];
  /** Where a connection has a state of its own, and its messages are numbered streams of it. */
  readonly opening?: OpeningSample;
  /** The request id that a message carries: needed unless pooling is `exclusive`. `message` is one whole message. */
  readonly idOf?: (message: Buffer) => number;
  /** A call that wants no answer. */
  readonly oneWay?: RequestSample;
  readonly heartbeat?: HeartbeatSample;
  readonly goAway?: GoAwaySample;
  /** Answers that the proxy makes itself, and what a client of the protocol understands. At least one. */
  readonly localReplies: readonly LocalReplySample[];
  /** Bytes that must be refused. At least one for each side. */
  readonly refused: readonly RefusedSample[];
  /**
   * `relay-bytes` (default for `whole`): what goes on to the other side is the sample itself but for the id.
   * `same-meaning` (default for `streamed`): decoding what goes on gives the same events.
   */
  readonly relay?: 'relay-bytes' | 'same-meaning';
  /** Where a protocol cannot say everything that a rule may change. Default: it can. */
  readonly edits?: EditSample;
  /** First bytes of other protocols that {@link Protocol.detect} must tell from its own. */
  readonly notMine?: readonly Buffer[];
}

/** What can be changed in the plain exchange's request. */
export interface EditSample {
  /** False: headers that are set or removed stay within the proxy. Default true. */
  readonly headers?: boolean;
  /** Another authority and path; omitted: the protocol has no place for any. */
  readonly authority?: string;
  readonly path?: string;
}

export interface RequestSample {
  readonly name: string;
  /** The request as a client writes it; `id` where the protocol has ids. A new buffer for every call. */
  request(id: number): Buffer;
  readonly expectRequest: ExpectedRequest;
}

/** A request and its answer. */
export interface ExchangeSample extends RequestSample {
  /** The answer as a server writes it, to the request that reached it under `id`. A new buffer for every call. */
  response(id: number): Buffer;
  readonly expectResponse: ExpectedResponse;
  /** The response has no end but the connection's (HTTP without length). Default false. */
  readonly endsWithConnection?: boolean;
  /** The connection cannot be used again after this exchange. Default: the value of `endsWithConnection`. */
  readonly retires?: boolean;
}

/** Only what is given is compared; headers and trailers need the given entries and may have more. */
export interface ExpectedRequest {
  readonly method?: string;
  readonly authority?: string;
  readonly path?: string;
  readonly scheme?: string;
  readonly protocol?: string;
  readonly oneWay?: boolean;
  readonly timeoutMs?: number;
  readonly upgrade?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Names that must not be there. */
  readonly absent?: readonly string[];
  /** The whole body, however it came. Default: not compared. */
  readonly body?: Buffer;
  readonly trailers?: Readonly<Record<string, string>>;
}

export interface ExpectedResponse {
  readonly status?: number;
  readonly nativeStatus?: number;
  readonly applicationError?: boolean;
  readonly protocol?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly absent?: readonly string[];
  readonly body?: Buffer;
  readonly trailers?: Readonly<Record<string, string>>;
  /** Status of each 1xx head before. */
  readonly informational?: readonly number[];
}

/**
 * What a connection begins with (HTTP/2). Its messages are then streams whose ids are used once, in ascending order: a
 * frame for a stream that nobody opened breaks the connection, requests above the limit are refused by themselves, and
 * the connection cannot move to another process.
 */
export interface OpeningSample {
  fromClient(): Buffer;
  fromServer(): Buffer;
}

export interface HeartbeatSample {
  /** As the asking side writes it. */
  request(id: number): Buffer;
  /** As the asked side must answer. The codec's answer must equal it unless `anyAnswer`. */
  response(id: number): Buffer;
  readonly anyAnswer?: boolean;
  /** A server may ask, too: the client codec answers. Default true. */
  readonly fromServer?: boolean;
  /** The client codec can ask ({@link ClientCodec.sendHeartbeat}). Default true. */
  readonly fromClient?: boolean;
}

export interface GoAwaySample {
  /** What a server sends to say that it takes no new requests; the client codec then has `available` 0. */
  fromServer(): Buffer;
  /** `retired` follows, too. Default true. */
  readonly retires?: boolean;
  /** What the server codec writes at once on `goAway()`; undefined where nothing is written then. */
  readonly expectNotice?: Buffer;
  /** What a client sends when it has seen the notice, where the server waits for that. */
  readonly confirmation?: () => Buffer;
}

export interface LocalReplySample {
  readonly reply: LocalReply;
  /** What the client codec makes of the bytes. */
  readonly expectResponse: ExpectedResponse;
}

export interface RefusedSample {
  readonly name: string;
  /** Who reads the bytes. `client`: as the answer to the first exchange's request, sent under `id`. */
  readonly side: 'server' | 'client';
  bytes(id: number): Buffer;
  /** Code of the fault; omitted: any. */
  readonly code?: string;
  readonly scope?: ProtocolFault['scope'];
  /** The connection is closed. Default: what `scope` says (`connection`). */
  readonly closes?: boolean;
  /** Server side: what a client understands of the answer; omitted: there may be an answer or not, but no success. */
  readonly answer?: ExpectedResponse;
}
