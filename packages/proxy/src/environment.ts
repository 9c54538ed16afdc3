import type { Clock } from '@sofamesh/base/clock';
import type { Logger } from '@sofamesh/base/logger';
import type { Random } from '@sofamesh/base/random';
import type { TimerWheel } from '@sofamesh/base/timer-wheel';
import type { AccessLog, LogRecord } from '@sofamesh/contract/access-log';
import type { BalancerKind } from '@sofamesh/contract/balancer';
import type { DatagramTransport } from '@sofamesh/contract/datagram';
import type { FilterKind } from '@sofamesh/contract/filter';
import type { NetworkFilterKind } from '@sofamesh/contract/network-filter';
import type { Protocol } from '@sofamesh/contract/protocol';
import type { Stats } from '@sofamesh/contract/stats';
import type { SpanFormat, SpanFormatName } from '@sofamesh/contract/trace';
import type { Transport } from '@sofamesh/contract/transport';
import type { AccessLogConfig, JsonFormat } from './config/extension.ts';
import type { CompileFormat } from './route/header-edits.ts';

/** Everything that the engine has from outside: the composition root (or the simulated world) puts it together. */
export interface EngineEnvironment {
  readonly clock: Clock;
  /** Request, idle and per-try timeouts. Of this thread. */
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly transport: Transport;
  /** Absent: UDP listeners are refused. */
  readonly datagrams?: DatagramTransport;
  readonly stats: Stats;
  readonly logger: Logger;
  readonly protocols: ReadonlyMap<string, Protocol>;
  readonly balancers: ReadonlyMap<string, BalancerKind>;
  readonly filters: ReadonlyMap<string, FilterKind>;
  readonly networkFilters: ReadonlyMap<string, NetworkFilterKind>;
  /** Throws a CodedError when the format is not usable. */
  readonly openAccessLog: (config: AccessLogConfig) => AccessLog;
  readonly compileFormat: CompileFormat;
  /** The same for a JSON object of such strings: one object, and a line end. */
  readonly compileJsonFormat: (
    format: JsonFormat,
    where: string,
    omitsEmpty?: boolean,
  ) => (record: LogRecord) => string;
  /** How spans are written for a collector, `service` being who made them. Absent: listeners that trace are refused. */
  readonly spanFormat?: (name: SpanFormatName, service: string) => SpanFormat;
  /** This machine's address, for X-Forwarded-For of clients on it; undefined: the one that they have. */
  readonly localAddress?: string | undefined;
  /** A new value for `x-request-id`. */
  readonly requestId: () => string;
  /** Connections of a filter chain that was replaced or removed are closed after this. Default 600 s, as Envoy's. */
  readonly drainMs?: number;
  /** Which of the workers this is, from 0 (default). */
  readonly worker?: number;
  /** Client connections of all listeners in all workers together. Default: no limit but that of the system. */
  readonly downstreamConnectionsMax?: number;
  /** Of `sharedMemory`: where workers count them. Absent: there are no others. */
  readonly downstreamPlaces?: SharedArrayBuffer;
}
