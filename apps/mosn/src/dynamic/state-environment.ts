import type { Clock } from '@sofamesh/base/clock';
import type { Logger } from '@sofamesh/base/logger';
import type { Stats } from '@sofamesh/contract/stats';
import type { Extensions } from '../config/extensions.ts';
import type { Runtime } from '../config/runtime.ts';
import type { Secrets } from '../config/secrets.ts';
import type { TracingDefaults } from '../config/tracing.ts';
import type { Applier, Subscriptions } from './applier.ts';
import type { Resolve } from './dns.ts';

export interface StateEnvironment {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stats: Stats;
  readonly extensions: Extensions;
  readonly applier: Applier;
  readonly resolve: Resolve;
}

/** What the two halves of the state share. */
export interface StateContext extends StateEnvironment {
  readonly runtime: Runtime;
  readonly secrets: Secrets;
  readonly tracing: TracingDefaults;
  readonly subscriptions: Subscriptions;
  /** Something that was waited for came, or did not come in time: look again, after what is going on now. */
  readonly wake: () => void;
}
