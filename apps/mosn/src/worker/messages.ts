import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import type { EngineStatus, Rejection } from '@sofamesh/proxy/engine-api';
import type { MetricDefinition } from '@sofamesh/telemetry/metrics/thread-stats';
import type { LogLevels } from '../lifecycle/program-log.ts';
import type { PluginSource } from '../plugins/plugin-source.ts';

/**
 * What the supervisor asks of a worker and what it answers: plain data only, for it crosses threads. A worker handles one
 * command after the other except `status`, `levels` and `reopen-logs`, which are answered at once.
 */
export interface Commands {
  /** First phase of a change of configuration; exactly one `commit` or `abandon` follows. */
  prepare: { readonly takes: ConfigUpdate; readonly gives: readonly Rejection[] };
  /** Second phase: everything but what this or another worker refused. */
  commit: { readonly takes: readonly Rejection[]; readonly gives: undefined };
  abandon: { readonly takes: undefined; readonly gives: undefined };
  status: { readonly takes: undefined; readonly gives: EngineStatus };
  /** Milliseconds that connections may take to end. */
  drain: { readonly takes: number; readonly gives: undefined };
  /** Ends everything and writes out the access logs. */
  close: { readonly takes: undefined; readonly gives: undefined };
  levels: { readonly takes: LogLevels; readonly gives: undefined };
  'reopen-logs': { readonly takes: undefined; readonly gives: undefined };
}

export type CommandName = keyof Commands;

/** Supervisor to worker. */
export type CommandMessage = {
  [Name in CommandName]: { readonly id: number; readonly name: Name; readonly argument: Commands[Name]['takes'] };
}[CommandName];

/** Worker to supervisor. */
export type ReportMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'metrics'; readonly definitions: readonly MetricDefinition[] }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string };

/** What a worker thread is started with (`workerData`). */
export interface WorkerSettings {
  /** Among the workers, from 0 (default). */
  readonly place?: number;
  readonly levels: LogLevels;
  readonly logPath: string | undefined;
  readonly drainMs: number;
  readonly downstream?: DownstreamLimitSettings | undefined;
  /** Default: none. */
  readonly plugins?: readonly PluginSource[];
}

/** The limit of client connections of all listeners in all workers together. */
export interface DownstreamLimitSettings {
  readonly connectionsMax: number;
  /** Where workers count them. */
  readonly places: SharedArrayBuffer;
}
