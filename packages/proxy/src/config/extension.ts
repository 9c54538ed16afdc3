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
  /** `text` is a format string with Envoy's operators; `json` an object of such strings. */
  readonly format:
    | { readonly kind: 'text'; readonly text: string }
    | { readonly kind: 'json'; readonly json: JsonFormat };
}

export type JsonFormat =
  | string
  | number
  | boolean
  | null
  | readonly JsonFormat[]
  | { readonly [key: string]: JsonFormat };
