import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import type { Rejection } from '@sofamesh/proxy/engine-api';

/** The data plane behind its two phases: all workers prepare, and what none refuses is switched to in all of them. */
export interface Applier {
  /** Everything but the rejections is in use when this resolves. One update at a time. */
  apply(update: ConfigUpdate): Promise<readonly Rejection[]>;
}

/** What the state asks of the xDS client. */
export interface Subscriptions {
  subscribe(typeUrl: string, names: Iterable<string> | undefined): void;
  unsubscribe(typeUrl: string, names: Iterable<string>): void;
}
