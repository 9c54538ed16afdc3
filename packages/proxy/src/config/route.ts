/** A route configuration: `envoy.config.route.v3.RouteConfiguration` as plain data, defaults filled in. */
export interface RouteTableConfig {
  readonly name: string;
  readonly version: string;
  readonly virtualHosts: readonly VirtualHostConfig[];
  readonly headers: HeaderMutations;
  readonly filterConfigs: Readonly<Record<string, unknown>>;
  /** Ignore a port in the authority when a domain has none (Envoy: ignore_port_in_host_matching). */
  readonly ignorePortInHost: boolean;
  /** Lower case: taken from requests that do not come from an internal address. */
  readonly internalOnlyHeaders?: readonly string[] | undefined;
  /** Header edits of the table are made first, those of the weighted cluster last. Default: the other way round. */
  readonly mostSpecificEditsLast?: boolean | undefined;
}

export interface VirtualHostConfig {
  readonly name: string;
  /** Exact, `*.suffix`, `prefix.*` or `*`. */
  readonly domains: readonly string[];
  readonly routes: readonly RouteConfig[];
  readonly headers: HeaderMutations;
  readonly filterConfigs: Readonly<Record<string, unknown>>;
  readonly retry: RetryConfig | undefined;
  /** Plain requests are redirected to HTTPS: `external` only those that do not come from an internal address. */
  readonly requireTls?: 'external' | 'all' | undefined;
  /** `x-envoy-attempt-count` for the upstream, for the client. */
  readonly countsAttempts?: boolean | undefined;
  readonly tellsAttempts?: boolean | undefined;
}

export interface RouteConfig {
  readonly name: string;
  readonly match: RouteMatchConfig;
  readonly action: ForwardConfig | RedirectConfig | DirectResponseConfig;
  readonly headers: HeaderMutations;
  readonly filterConfigs: Readonly<Record<string, unknown>>;
  /** What spans of its requests are called; `propagates`: the server's proxy is told. */
  readonly operation?: { readonly name: string; readonly propagates: boolean } | undefined;
}

export interface RouteMatchConfig {
  readonly path: PathMatchConfig;
  readonly headers: readonly HeaderMatchConfig[];
  readonly queryParameters: readonly QueryMatchConfig[];
  /** Share of requests in parts per million; undefined: all. */
  readonly fractionPpm: number | undefined;
  /** Only gRPC requests. */
  readonly grpc?: boolean | undefined;
}

export interface PathMatchConfig {
  /**
   * `separated-prefix` matches `/a` and `/a/…` but not `/ab`. A regex covers the whole path without the query. `connect`
   * matches every CONNECT, which no other kind does.
   */
  readonly kind: 'prefix' | 'exact' | 'regex' | 'separated-prefix' | 'connect';
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
  readonly regexRewrite: RegexRewriteConfig | undefined;
  /** `auto`: the upstream host's name; else a text, the value of a header, or something made of the path. */
  readonly hostRewrite:
    | { readonly literal: string }
    | { readonly header: string }
    | { readonly path: RegexRewriteConfig }
    | 'auto'
    | undefined;
  /** The authority that was rewritten goes on as `x-forwarded-host`. */
  readonly appendForwardedHost?: boolean | undefined;
  readonly hashPolicy: readonly HashPolicyConfig[];
  /** Status when the cluster does not exist. Default 503. */
  readonly clusterMissingStatus?: number | undefined;
  /** Overrides the listener's longest duration of a request and its answer. */
  readonly streamDuration?: StreamDurationConfig | undefined;
  /** gRPC: the request's own `grpc-timeout` is the route's timeout, up to a longest one (0: none). */
  readonly grpcTimeout?: { readonly longestMs: number; readonly offsetMs: number } | undefined;
  readonly upgrades?: readonly RouteUpgradeConfig[] | undefined;
  readonly mirrors?: readonly MirrorConfig[] | undefined;
  /** Redirects of the upstream are followed here. */
  readonly internalRedirect?: InternalRedirectConfig | undefined;
}

export interface InternalRedirectConfig {
  /** Of one request. */
  readonly redirectsMax: number;
  readonly statuses: readonly number[];
  /** From HTTP to HTTPS and back. */
  readonly crossScheme: boolean;
  /** Lower case: the request has them as the redirect has them. */
  readonly copiedHeaders: readonly string[];
}

export interface RegexRewriteConfig {
  readonly pattern: string;
  readonly substitution: string;
}

/** `max_stream_duration` of a route. */
export interface StreamDurationConfig {
  /** 0: no limit; undefined: the listener's. */
  readonly durationMs: number | undefined;
  /** The request's own `grpc-timeout` counts, up to this; 0: however long. Undefined: it does not. */
  readonly grpcLongestMs: number | undefined;
  /** Kept for the way back. */
  readonly grpcOffsetMs: number;
}

export interface RouteUpgradeConfig {
  /** Lower case. */
  readonly type: string;
  readonly enabled: boolean;
  /** CONNECT ends here: its payload goes to the cluster as TCP. */
  readonly terminates: boolean;
  /** So does a POST, whose body is the payload. */
  readonly terminatesPost?: boolean | undefined;
}

/** A copy of the request goes to another cluster, and its answer to nobody. */
export interface MirrorConfig {
  readonly cluster: string;
  readonly ppm: number;
  /** `-shadow` is appended to the host. */
  readonly marksHost: boolean;
}

/** One way to make a number of a request, so that equal requests go to the same host. `terminal`: if it did, no others. */
export type HashPolicyConfig = { readonly terminal: boolean } & (
  | { readonly kind: 'header'; readonly name: string; readonly rewrite: RegexRewriteConfig | undefined }
  | {
      readonly kind: 'cookie';
      readonly name: string;
      /** Undefined: a client without the cookie gets none. 0: until it closes. */
      readonly ttlS: number | undefined;
      readonly path: string;
      readonly attributes: readonly { readonly name: string; readonly value: string }[];
    }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'source-ip' }
);

export interface WeightedClusterConfig {
  readonly name: string;
  /** The authority of requests that go there. */
  readonly hostRewrite?: string | undefined;
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
  /** For `retriable-headers`: an answer that one of them matches is tried again for. */
  readonly retriableHeaders?: readonly HeaderMatchConfig[] | undefined;
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
  readonly regexRewrite?: RegexRewriteConfig | undefined;
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
  readonly add: readonly HeaderAdditionConfig[];
  readonly remove: readonly string[];
}

export interface HeaderAdditionConfig {
  readonly name: string;
  readonly value: string;
  readonly action: HeaderAction;
  /** A value that turns out empty is added all the same. */
  readonly keepsEmpty?: boolean | undefined;
}

export type HeaderAction = 'append' | 'overwrite' | 'add-if-absent' | 'overwrite-if-exists';

export const noHeaderMutations: HeaderMutations = {
  request: { add: [], remove: [] },
  response: { add: [], remove: [] },
};
