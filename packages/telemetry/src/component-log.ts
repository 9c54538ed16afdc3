import type { Logger } from '@sofamesh/base/logger';
import { isoTime } from './access-log/time-format.ts';

export const logLevels = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * Lines for operators on standard error, in Envoy's shape: `[time][pid][level][component] message key=value`. The level of
 * each component can be changed at run time.
 */
export class ComponentLogs {
  #level: number;
  readonly #levels = new Map<string, number>();
  readonly #write: (line: string) => void;
  readonly #wallMs: () => number;

  constructor(level: LogLevel, wallMs: () => number, write: (line: string) => void) {
    this.#level = logLevels.indexOf(level);
    this.#wallMs = wallMs;
    this.#write = write;
  }

  /** For all components that have no level of their own. */
  setLevel(level: LogLevel): void {
    this.#level = logLevels.indexOf(level);
    this.#levels.clear();
  }

  setComponentLevel(component: string, level: LogLevel): void {
    this.#levels.set(component, logLevels.indexOf(level));
  }

  logger(component: string): Logger {
    const at = (level: LogLevel) => {
      const rank = logLevels.indexOf(level);
      return (message: string, fields?: Readonly<Record<string, unknown>>) => {
        if (rank < (this.#levels.get(component) ?? this.#level)) return;
        this.#write(
          `[${isoTime(this.#wallMs())}][${process.pid}][${level}][${component}] ${message}${renderFields(fields)}\n`,
        );
      };
    };
    return { debug: at('debug'), info: at('info'), warn: at('warning'), error: at('error') };
  }
}

function renderFields(fields: Readonly<Record<string, unknown>> | undefined): string {
  if (fields === undefined) return '';
  let text = '';
  for (const [key, value] of Object.entries(fields)) {
    text += ` ${key}=${typeof value === 'string' && !/[\s"]/.test(value) ? value : JSON.stringify(value)}`;
  }
  return text;
}
