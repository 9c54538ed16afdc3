import type { Labels } from '../../labels.ts';
import type { Destination, HttpRetry, Percent, StringMatch } from '../parts/types.ts';

/** How requests and connections for some hosts are routed. */
export interface VirtualServiceSpec {
  /** As written; empty in a delegate, which other virtual services include. */
  readonly hosts: readonly string[];
  /** `mesh` stands for all sidecars. Default: `mesh`. */
  readonly gateways: readonly string[];
  /** In order: the first route that matches is taken. */
  readonly http: readonly HttpRoute[];
  readonly tls: readonly TlsRoute[];
  readonly tcp: readonly TcpRoute[];
  /** Empty: the mesh's default. */
  readonly exportTo: readonly string[];
}

/** Has a route, a redirect, a direct response or a delegate. */
export interface HttpRoute {
  /** May be empty. */
  readonly name: string;
  /** One of them has to match; empty: every request does. */
  readonly match: readonly HttpMatch[];
  readonly route: readonly HttpRouteDestination[];
  readonly redirect?: HttpRedirect;
  readonly directResponse?: HttpDirectResponse;
  readonly delegate?: { readonly name: string; readonly namespace?: string };
  readonly rewrite?: HttpRewrite;
  /** Duration; absent: none. */
  readonly timeout?: string;
  /** Absent: the mesh's default. */
  readonly retries?: HttpRetry;
  readonly fault?: HttpFault;
  /** The older `mirror` with its percentage is turned into an entry of this. */
  readonly mirrors: readonly HttpMirror[];
  readonly corsPolicy?: CorsPolicy;
  readonly headers: Headers;
  /** @deprecated As written; use `mirrors`. */
  readonly mirror?: Destination;
  /** @deprecated As written; use `mirrors`. */
  readonly mirrorPercentage?: Percent;
  /** @deprecated As written; use `mirrors`. */
  readonly mirrorPercent?: number;
  /** @deprecated As written; use `mirrors`. */
  readonly mirror_percent?: number;
}

/** Everything in it has to hold. */
export interface HttpMatch {
  readonly name: string;
  readonly uri?: StringMatch;
  readonly scheme?: StringMatch;
  readonly method?: StringMatch;
  readonly authority?: StringMatch;
  /** An empty match means that the header is there. */
  readonly headers: Readonly<Record<string, StringMatch>>;
  /** None of these may match; an empty match means that the header is absent. */
  readonly withoutHeaders: Readonly<Record<string, StringMatch>>;
  /** An empty match means that the parameter is there. */
  readonly queryParams: Readonly<Record<string, StringMatch>>;
  readonly ignoreUriCase: boolean;
  /** Of the service; absent: every port. */
  readonly port?: number;
  /** Labels of the caller. */
  readonly sourceLabels: Labels;
  /** Namespace of the caller. */
  readonly sourceNamespace?: string;
  /** Replaces the gateways of the whole; empty: those apply. */
  readonly gateways: readonly string[];
  readonly statPrefix?: string;
}

export interface HttpRouteDestination {
  readonly destination: Destination;
  /** Share of the sum of all weights; the only destination of a route has 100. */
  readonly weight: number;
  readonly headers: Headers;
}

export interface Headers {
  readonly request: HeaderOperations;
  readonly response: HeaderOperations;
}

export interface HeaderOperations {
  readonly set: Readonly<Record<string, string>>;
  readonly add: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

export interface HttpRedirect {
  readonly uri?: string;
  /** Replaces what the prefix match matched. */
  readonly prefixRewrite?: string;
  readonly authority?: string;
  readonly port?: number;
  readonly derivePort?: 'FROM_PROTOCOL_DEFAULT' | 'FROM_REQUEST_PORT';
  readonly scheme?: string;
  /** Default 301. */
  readonly redirectCode: number;
}

export interface HttpDirectResponse {
  readonly status: number;
  /** One of the two; `bytes` is base64. */
  readonly body?: { readonly string?: string; readonly bytes?: string };
}

export interface HttpRewrite {
  /** Replaces what the prefix match matched, or the whole path. */
  readonly uri?: string;
  readonly authority?: string;
  readonly uriRegexRewrite?: { readonly match: string; readonly rewrite: string };
}

export interface HttpFault {
  readonly delay?: HttpDelay;
  readonly abort?: HttpAbort;
}

export interface HttpDelay {
  /** Duration. */
  readonly fixedDelay?: string;
  /** Default 100; the older `percent` is turned into this. */
  readonly percentage: Percent;
  /** @deprecated As written; use `percentage`. */
  readonly percent?: number;
  /** Refused: nobody implements it. */
  readonly exponentialDelay?: string;
}

/** One of the two statuses. */
export interface HttpAbort {
  readonly httpStatus?: number;
  /** The name of a gRPC status: `UNAVAILABLE`. */
  readonly grpcStatus?: string;
  /** Default 100. */
  readonly percentage: Percent;
  /** Refused: nobody implements it. */
  readonly http2Error?: string;
}

export interface HttpMirror {
  readonly destination: Destination;
  /** Default 100. */
  readonly percentage: Percent;
}

export interface CorsPolicy {
  /** The older `allowOrigin` is turned into exact matches, `*` into a regex for everything. */
  readonly allowOrigins: readonly StringMatch[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  /** Duration of whole seconds. */
  readonly maxAge?: string;
  readonly allowCredentials?: boolean;
  readonly unmatchedPreflights: 'UNSPECIFIED' | 'FORWARD' | 'IGNORE';
  /** @deprecated As written; use `allowOrigins`. */
  readonly allowOrigin?: readonly string[];
}

/** Connections that begin with TLS, routed by the server name they ask for. */
export interface TlsRoute {
  readonly match: readonly TlsMatch[];
  readonly route: readonly RouteDestination[];
}

export interface TlsMatch extends ConnectionMatch {
  readonly sniHosts: readonly string[];
}

export interface TcpRoute {
  /** Empty: every connection. */
  readonly match: readonly TcpMatch[];
  readonly route: readonly RouteDestination[];
}

export interface TcpMatch extends ConnectionMatch {
  /** @deprecated Has never had an effect. */
  readonly sourceSubnet?: string;
}

export interface ConnectionMatch {
  /** Addresses and ranges; empty: all. */
  readonly destinationSubnets: readonly string[];
  readonly port?: number;
  readonly sourceLabels: Labels;
  readonly sourceNamespace?: string;
  readonly gateways: readonly string[];
}

export interface RouteDestination {
  readonly destination: Destination;
  /** As in HttpRouteDestination. */
  readonly weight: number;
}
