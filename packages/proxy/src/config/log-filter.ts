import type { HeaderMatchConfig } from './route.ts';

/** Which exchanges are logged, or whose reply is changed: `envoy.config.accesslog.v3.AccessLogFilter`. */
export type LogFilterConfig =
  | { readonly kind: 'status' | 'duration'; readonly operator: 'eq' | 'ge' | 'le'; readonly value: number }
  /** Everything but requests that health checkers sent. */
  | { readonly kind: 'not-health-check' }
  /** A share at random, in parts per million. */
  | { readonly kind: 'share'; readonly ppm: number }
  | { readonly kind: 'and' | 'or'; readonly filters: readonly LogFilterConfig[] }
  /** On the request. */
  | { readonly kind: 'header'; readonly header: HeaderMatchConfig }
  /** Any of these bits of ResponseFlag; 0: any flag at all. */
  | { readonly kind: 'flags'; readonly flags: number }
  | { readonly kind: 'grpc-status'; readonly statuses: readonly number[]; readonly exclude: boolean };
