import type { Stats } from '@sofamesh/contract/stats';
import { subscriptionStats } from './subscription-stats.ts';

/** What is known of one resource type. */
export class Subscription {
  readonly typeUrl: string;
  readonly stats: ReturnType<typeof subscriptionStats>;
  /** Undefined: all resources of the type. */
  names: Set<string> | undefined;
  /** The last accepted version; survives reconnects. */
  version = '';
  /** Nonce of the last response that was answered on this stream; empty before the first one. */
  nonce = '';
  /** A first request was sent on this stream. */
  requested = false;
  /** Names changed since the last request. */
  changed = false;
  /** Responses that wait for the one that is being applied. */
  queued = 0;
  /** Tail of the chain of responses being applied. */
  applying: Promise<void> = Promise.resolve();

  constructor(typeUrl: string, names: Iterable<string> | undefined, stats: Stats) {
    this.typeUrl = typeUrl;
    this.names = names === undefined ? undefined : new Set(names);
    this.stats = subscriptionStats(stats, typeUrl);
  }

  /** Nothing to ask for, unless it must be told that names are no longer wanted. */
  get idle(): boolean {
    return this.names?.size === 0;
  }

  onNewStream(): void {
    this.nonce = '';
    this.requested = false;
    this.changed = false;
  }
}
