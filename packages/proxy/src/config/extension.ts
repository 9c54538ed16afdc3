import type { LogFilterConfig } from './log-filter.ts';

/** A filter of a chain: the kind's name and the plain data that its `config.ts` made. */
export interface FilterConfig {
  readonly name: string;
  readonly config: unknown;
  readonly disabled: boolean;
}

export interface AccessLogConfig {
  readonly sink:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'stdout' }
    | { readonly kind: 'stderr' };
  readonly format: LogFormatConfig;
  /** Undefined: everything is logged. */
  readonly filter?: LogFilterConfig | undefined;
}

/**
 * `text` is a format string with Envoy's operators; `json` an object of such strings. `omitsEmpty`: nothing stands for what
 * is not there, in place of `-`, and in JSON its key is left out.
 */
export type LogFormatConfig =
  | { readonly kind: 'text'; readonly text: string; readonly omitsEmpty?: boolean }
  | { readonly kind: 'json'; readonly json: JsonFormat; readonly omitsEmpty?: boolean };

export type JsonFormat =
  | string
  | number
  | boolean
  | null
  | readonly JsonFormat[]
  | { readonly [key: string]: JsonFormat };
