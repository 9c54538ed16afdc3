import { closeSync, openSync, writeSync } from 'node:fs';
import type { Logger } from '@sofamesh/base/logger';
import { ComponentLogs, type LogLevel } from '@sofamesh/telemetry/component-log';

/** Plain data, so that it can be posted to workers. */
export interface LogLevels {
  /** Of all components that have none of their own. */
  readonly level: LogLevel;
  readonly components: Readonly<Record<string, LogLevel>>;
}

/** What the log lines of this program name as their origin; `/logging` lists them. */
export const logComponents = ['main', 'config', 'xds', 'admin', 'supervisor', 'proxy', 'dns', 'plugins'] as const;
export type LogComponent = (typeof logComponents)[number];

/**
 * The component log of one thread. Lines are written at once, by each thread for itself, so that the last words of a
 * thread that crashes are not lost; a line that the system does not take (a full pipe) is dropped rather than waited for.
 */
export class ProgramLog {
  readonly #logs: ComponentLogs;
  /** Undefined: standard error. */
  readonly path: string | undefined;
  #descriptor: number;
  #levels: LogLevels;

  /** Without `path`: standard error. Throws the system's error when the file cannot be opened. */
  constructor(path: string | undefined, levels: LogLevels) {
    this.path = path;
    this.#descriptor = path === undefined ? 2 : openSync(path, 'a');
    this.#levels = levels;
    this.#logs = new ComponentLogs(levels.level, Date.now, (line) => this.#write(line));
    this.levels = levels;
  }

  get levels(): LogLevels {
    return this.#levels;
  }

  set levels(levels: LogLevels) {
    this.#levels = levels;
    this.#logs.setLevel(levels.level);
    for (const [component, level] of Object.entries(levels.components)) this.#logs.setComponentLevel(component, level);
  }

  logger(component: LogComponent): Logger {
    return this.#logs.logger(component);
  }

  /** After a log rotation. Keeps the old file when the new one cannot be opened. */
  reopen(): void {
    if (this.path === undefined) return;
    const old = this.#descriptor;
    try {
      this.#descriptor = openSync(this.path, 'a');
    } catch {
      return;
    }
    closeSync(old);
  }

  #write(line: string): void {
    try {
      writeSync(this.#descriptor, line);
    } catch {
      // Nobody is left to be told.
    }
  }
}
