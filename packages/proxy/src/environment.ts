import type { Clock } from '@sofamesh/base/clock';
import type { Logger } from '@sofamesh/base/logger';
import type { Random } from '@sofamesh/base/random';
import type { TimerWheel } from '@sofamesh/base/timer-wheel';
import type { AccessLog } from '@sofamesh/contract/access-log';
import type { BalancerKind } from '@sofamesh/contract/balancer';
import type { FilterKind } from '@sofamesh/contract/filter';
import type { Protocol } from '@sofamesh/contract/protocol';
import type { Stats } from '@sofamesh/contract/stats';
import type { Transport } from '@sofamesh/contract/transport';
import type { AccessLogConfig } from './config/extension.ts';
import type { CompileFormat } from './route/header-edits.ts';

/** Everything that the engine has from outside: the composition root (or the simulated world) puts it together. */
export interface EngineEnvironment {
  readonly clock: Clock;
  /** Request, idle and per-try timeouts. Of this thread. */
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly transport: Transport;
  readonly stats: Stats;
  readonly logger: Logger;
  readonly protocols: ReadonlyMap<string, Protocol>;
  readonly balancers: ReadonlyMap<string, BalancerKind>;
  readonly filters: ReadonlyMap<string, FilterKind>;
  /** Throws a CodedError when the format is not usable. */
  readonly openAccessLog: (config: AccessLogConfig) => AccessLog;
  readonly compileFormat: CompileFormat;
  /** A new value for `x-request-id`. */
  readonly requestId: () => string;
  /** Connections of a filter chain that was replaced or removed are closed after this. Default 600 s, as Envoy's. */
  readonly drainMs?: number;
}
