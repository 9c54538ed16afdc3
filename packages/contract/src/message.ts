/**
 * What a request and a response look like to routes, filters, logs and codecs, whatever the protocol. RPC calls appear
 * as requests too: authority is the interface, path is "/" + method, other headers are the call's own (see
 * docs/rpc-as-http.md).
 */

/**
 * A block of headers. Names are lower case without exception. A codec keeps the bytes it received and decodes a value
 * when somebody asks; edits are remembered and applied when the message is written.
 */
export interface Headers {
  /** The value; several of one name joined by "," (";" + space for `cookie`). */
  get(name: string): string | undefined;
  /** Every value in order, for names that must not be joined (`set-cookie`). */
  getAll(name: string): readonly string[];
  /** One value in place of all present ones. */
  set(name: string, value: string): void;
  add(name: string, value: string): void;
  remove(name: string): void;
  /** Whether a name begins like this: one look instead of one for each of several names. Absent: not known. */
  hasPrefix?(prefix: string): boolean;
  /** In wire order, pseudo-headers excluded. */
  visit(visitor: (name: string, value: string) => void): void;
}

interface Head extends Headers {
  /** As access logs print it: `HTTP/1.1`, `bolt`, `dubbo`. */
  readonly protocol: string;
  /**
   * Whole-message protocols: the body, which came with the head in one frame. Undefined where the body streams.
   * Setting it makes the codec encode the message anew.
   */
  body: Buffer | undefined;
  /** Bytes of the message that came with the head and count as its body: the frame's length for RPC, 0 when it streams. */
  readonly wholeBytes: number;
  /** One object for many messages, which nobody edits: a codec may keep what it has made of it. Default: false. */
  readonly constant?: boolean;
}

export interface RequestHead extends Head {
  method: string;
  /** HTTP: host and optional port. RPC: interface name. */
  authority: string;
  /** HTTP: path with query. RPC: "/" + method name. */
  path: string;
  /** `http`, `https`, `bolt`, `dubbo`, …; HTTP: as the client has reached the first proxy, and as it goes on. */
  scheme: string;
  /** No answer is expected; nothing that is sent back reaches the client. */
  readonly oneWay: boolean;
  /** Deadline that the message itself carries; 0 when it has none. */
  readonly timeoutMs: number;
  /**
   * Protocol that the client asks to switch to (`websocket`), or undefined. `CONNECT` has the method to tell. Always in
   * HTTP/1's form: method GET, answered by 101; an HTTP/2 codec turns its extended CONNECT (RFC 8441) into this and back.
   */
  readonly upgrade: string | undefined;
  /**
   * Requests that differ in this never share a `multiplexed` connection: a peer may read all of a connection as the first
   * request on it was written. A small whole number, for it counts connections; undefined is 0.
   */
  readonly dialect?: number;
  /**
   * An argument of an RPC call by its place, counted from 0, as text: what routes match as the query parameter of that name.
   * Undefined: there is none, or it is no text, number or boolean. Absent: the codec does not look into bodies.
   */
  argument?(index: number): string | undefined;
  /** The same by the number that the interface definition gives it (field of Thrift, tag of Tars): `#1` to routes. Absent: there are none. */
  argumentOfId?(id: number): string | undefined;
}

export interface ResponseHead extends Head {
  /** HTTP status, or the HTTP status that the protocol's own status stands for. */
  status: number;
  /** The protocol's own status, for logs; equals `status` for HTTP. */
  readonly nativeStatus: number;
  /** A reply that says so itself is one whose call failed inside the application (SOFARPC, Dubbo); HTTP has none. */
  readonly applicationError: boolean;
}

/** Why a stream ended before its message did. */
export type ResetReason =
  /** no connection could be made */
  | 'connection-failure'
  | 'connection-timeout'
  /** the connection went away under the stream */
  | 'connection-termination'
  /** this side gave up: timeout, client gone, shutdown */
  | 'local-reset'
  /** the peer reset just this stream */
  | 'remote-reset'
  /** the peer promises that it did not begin: always safe to retry */
  | 'refused'
  /** the peer sent what its protocol forbids */
  | 'protocol-error'
  /** a limit of ours */
  | 'overflow';

/** An answer that the proxy makes itself; each protocol puts it in its own form. */
export interface LocalReply {
  /** HTTP status; RPC protocols map it (docs/rpc-as-http.md has the tables). */
  readonly status: number;
  /** One sentence for people. Part of the answer where the protocol has room for a text. */
  readonly body: string;
  /** Envoy's response code details: `route_not_found`, `response_timeout`, … */
  readonly details: string;
  /** Bits of {@link ResponseFlag}. */
  readonly flags: number;
  /** Status for a gRPC client; undefined: the one that stands for `status`. */
  readonly grpcStatus?: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** Why a request ended as it did: Envoy's response flags, as bits. */
export const ResponseFlag = {
  none: 0,
  noHealthyUpstream: 1 << 0,
  upstreamConnectionFailure: 1 << 1,
  upstreamOverflow: 1 << 2,
  noRouteFound: 1 << 3,
  upstreamRetryLimitExceeded: 1 << 4,
  noClusterFound: 1 << 5,
  downstreamConnectionTermination: 1 << 6,
  upstreamRequestTimeout: 1 << 7,
  streamIdleTimeout: 1 << 8,
  localReset: 1 << 9,
  upstreamRemoteReset: 1 << 10,
  upstreamConnectionTermination: 1 << 11,
  delayInjected: 1 << 12,
  faultInjected: 1 << 13,
  rateLimited: 1 << 14,
  downstreamProtocolError: 1 << 15,
  upstreamProtocolError: 1 << 16,
  durationTimeout: 1 << 17,
  overloadManager: 1 << 18,
  upstreamMaxStreamDuration: 1 << 19,
} as const;

/** Short codes in the order in which Envoy prints them (config/access_log documentation, `RESPONSE_FLAGS`). */
const flagCodes: readonly (readonly [number, string])[] = [
  [ResponseFlag.noHealthyUpstream, 'UH'],
  [ResponseFlag.upstreamConnectionFailure, 'UF'],
  [ResponseFlag.upstreamOverflow, 'UO'],
  [ResponseFlag.noRouteFound, 'NR'],
  [ResponseFlag.upstreamRetryLimitExceeded, 'URX'],
  [ResponseFlag.noClusterFound, 'NC'],
  [ResponseFlag.downstreamConnectionTermination, 'DC'],
  [ResponseFlag.upstreamRequestTimeout, 'UT'],
  [ResponseFlag.streamIdleTimeout, 'SI'],
  [ResponseFlag.localReset, 'LR'],
  [ResponseFlag.upstreamRemoteReset, 'UR'],
  [ResponseFlag.upstreamConnectionTermination, 'UC'],
  [ResponseFlag.delayInjected, 'DI'],
  [ResponseFlag.faultInjected, 'FI'],
  [ResponseFlag.rateLimited, 'RL'],
  [ResponseFlag.downstreamProtocolError, 'DPE'],
  [ResponseFlag.upstreamProtocolError, 'UPE'],
  [ResponseFlag.durationTimeout, 'DT'],
  [ResponseFlag.upstreamMaxStreamDuration, 'UMSDR'],
  [ResponseFlag.overloadManager, 'OM'],
];

/** The bit of a short code; undefined when there is none (some of Envoy's never occur here). */
export function responseFlagOf(code: string): number | undefined {
  return flagCodes.find(([, each]) => each === code)?.[0] ?? (knownElsewhere.has(code) ? 0x4000_0000 : undefined);
}

/** Codes of Envoy for what this proxy does not do. */
const knownElsewhere = new Set(['LH', 'UAEX', 'RLSE', 'IH', 'NFCF', 'UMSDR', 'RFCF', 'DF', 'DO', 'UPR', 'OMO']);

/** `UF,URX`; `-` when no flag is set. */
export function formatResponseFlags(flags: number): string {
  if (flags === 0) return '-';
  let text = '';
  for (const [bit, code] of flagCodes) if (flags & bit) text += text === '' ? code : `,${code}`;
  return text;
}
