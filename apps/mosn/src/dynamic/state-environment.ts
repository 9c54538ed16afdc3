import type { Clock } from '@sofamesh/base/clock';
import type { Logger } from '@sofamesh/base/logger';
import type { Stats } from '@sofamesh/contract/stats';
import type { AdsSink } from '@sofamesh/xds/client/ads-client';
import type { NodeNames } from '../config/context.ts';
import type { ControlPlaneConfig } from '../config/control-plane.ts';
import type { Extensions } from '../config/extensions.ts';
import type { Runtime } from '../config/runtime.ts';
import type { ReceivedSecrets } from '../config/secret-reference.ts';
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
  /** Asks a server for secrets alone. Tries for ever; what comes goes to `sink`. */
  readonly openSecretService: (config: ControlPlaneConfig, sink: AdsSink) => SecretServiceLink;
}

export interface SecretServiceLink extends Subscriptions {
  stop(): void;
}

/** What the two halves of the state share. */
export interface StateContext extends StateEnvironment {
  readonly runtime: Runtime;
  readonly secrets: Secrets;
  /** Those of control planes; {@link secrets} knows them, too. */
  readonly receivedSecrets: ReceivedSecrets;
  readonly tracing: TracingDefaults;
  readonly node: NodeNames;
  readonly subscriptions: Subscriptions;
  /** Something that was waited for came, or did not come in time: look again, after what is going on now. */
  readonly wake: () => void;
}
