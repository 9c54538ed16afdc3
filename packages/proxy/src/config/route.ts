/** A route configuration: `envoy.config.route.v3.RouteConfiguration` as plain data, defaults filled in. */
export interface RouteTableConfig {
  readonly name: string;
  readonly version: string;
  readonly virtualHosts: readonly VirtualHostConfig[];
  readonly headers: HeaderMutations;
  readonly filterConfigs: Readonly<Record<string, unknown>>;
  /** Ignore a port in the authority when a domain has none (Envoy: ignore_port_in_host_matching). */
  readonly ignorePortInHost: boolean;
}

export interface VirtualHostConfig {
  readonly name: string;
  /** Exact, `*.suffix`, `prefix.*` or `*`. */
  readonly domains: readonly string[];
  readonly routes: readonly RouteConfig[];
  readonly headers: HeaderMutations;
  readonly filterConfigs: Readonly<Record<string, unknown>>;
  readonly retry: RetryConfig | undefined;
}

export interface RouteConfig {
  readonly name: string;
  readonly match: RouteMatchConfig;
  readonly action: ForwardConfig | RedirectConfig | DirectResponseConfig;
  readonly headers: HeaderMutations;
  readonly filterConfigs: Readonly<Record<string, unknown>>;
}

export interface RouteMatchConfig {
  readonly path: PathMatchConfig;
  readonly headers: readonly HeaderMatchConfig[];
  readonly queryParameters: readonly QueryMatchConfig[];
  /** Share of requests in parts per million; undefined: all. */
  readonly fractionPpm: number | undefined;
}

export interface PathMatchConfig {
  /** `separated-prefix` matches `/a` and `/a/…` but not `/ab`. A regex covers the whole path without the query. */
  readonly kind: 'prefix' | 'exact' | 'regex' | 'separated-prefix';
  readonly value: string;
  readonly ignoreCase: boolean;
}

export type StringMatchConfig =
  | { readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains'; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: 'regex'; readonly value: string };

export interface HeaderMatchConfig {
  /** Lower case; `:method`, `:authority`, `:path`, `:scheme` too. */
  readonly name: string;
  readonly match:
    | StringMatchConfig
    | { readonly kind: 'present'; readonly present: boolean }
    | { readonly kind: 'range'; readonly start: number; readonly end: number };
  readonly invert: boolean;
  readonly treatMissingAsEmpty: boolean;
}

export interface QueryMatchConfig {
  readonly name: string;
  /** Undefined: the parameter is present. */
  readonly match: StringMatchConfig | undefined;
}

export interface ForwardConfig {
  readonly kind: 'forward';
  /** One entry: no choice. Weights are relative. */
  readonly clusters: readonly WeightedClusterConfig[];
  /** Name of a header that holds the cluster's name, instead of `clusters`. */
  readonly clusterHeader: string | undefined;
  /** Upstream deadline for the whole request with its retries; 0 disables. Envoy's default: 15 s. */
  readonly timeoutMs: number;
  /** Overrides the listener's; undefined: does not. */
  readonly idleTimeoutMs: number | undefined;
  readonly retry: RetryConfig | undefined;
  readonly prefixRewrite: string | undefined;
  readonly regexRewrite: { readonly pattern: string; readonly substitution: string } | undefined;
  /** `auto`: the upstream host's name. */
  readonly hostRewrite: { readonly literal: string } | 'auto' | undefined;
  readonly hashPolicy: readonly { readonly header: string }[];
}

export interface WeightedClusterConfig {
  readonly name: string;
  readonly weight: number;
  readonly headers: HeaderMutations;
  readonly filterConfigs: Readonly<Record<string, unknown>>;
}

export interface RetryConfig {
  /** Envoy's words: `connect-failure`, `refused-stream`, `reset`, `5xx`, `gateway-error`, `retriable-4xx`, … */
  readonly on: readonly string[];
  readonly retriesMax: number;
  /** 0: only the whole deadline counts. */
  readonly perTryTimeoutMs: number;
  readonly retriableStatuses: readonly number[];
  /** Back-off between tries: base and ceiling of the jittered exponential interval. */
  readonly backOffBaseMs: number;
  readonly backOffMaxMs: number;
}

export interface RedirectConfig {
  readonly kind: 'redirect';
  readonly status: number;
  readonly scheme: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly path: string | undefined;
  readonly prefixRewrite: string | undefined;
  readonly stripQuery: boolean;
}

export interface DirectResponseConfig {
  readonly kind: 'direct-response';
  readonly status: number;
  readonly body: string;
}

export interface HeaderMutations {
  readonly request: HeaderMutation;
  readonly response: HeaderMutation;
}

export interface HeaderMutation {
  /** Values are format strings with Envoy's operators. */
  readonly add: readonly { readonly name: string; readonly value: string; readonly action: HeaderAction }[];
  readonly remove: readonly string[];
}

export type HeaderAction = 'append' | 'overwrite' | 'add-if-absent' | 'overwrite-if-exists';

export const noHeaderMutations: HeaderMutations = {
  request: { add: [], remove: [] },
  response: { add: [], remove: [] },
};
