import type { Node } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';

/** A proxy on an open stream. The node is what it said of itself in its first request. */
export interface ConnectedProxy {
  /** Unique in this process: a proxy that reconnects gets another one. */
  readonly connectionId: number;
  readonly node: Node;
  readonly peer: string;
  readonly connectedAtMs: number;
}

/** What `proxy-status` tells of a proxy. Times are wall-clock milliseconds. */
export interface ProxyStatus extends ConnectedProxy {
  readonly types: readonly TypeStatus[];
}

export interface TypeStatus {
  readonly typeUrl: string;
  /** Undefined: all resources of the type. */
  readonly names: readonly string[] | undefined;
  /** `not sent`: nothing to send yet; `stale`: sent, no answer yet; `rejected`: the last answer was a NACK. */
  readonly state: 'synced' | 'stale' | 'rejected' | 'not sent';
  readonly sentVersion: string;
  readonly sentAtMs: number;
  readonly ackedVersion: string;
  readonly nackedVersion: string;
  /** Reason of the last NACK; empty when the proxy accepted what came after. */
  readonly error: string;
}
