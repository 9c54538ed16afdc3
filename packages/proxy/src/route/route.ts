import type { Random } from '@sofamesh/base/random';
import type { LogRecord } from '@sofamesh/contract/access-log';
import type { RouteView } from '@sofamesh/contract/filter';
import type { LocalReply, RequestHead, ResponseHead } from '@sofamesh/contract/message';
import { ResponseFlag } from '@sofamesh/contract/message';
import type { Counter, Stats } from '@sofamesh/contract/stats';
import type {
  ForwardConfig,
  HeaderMutations,
  MirrorConfig,
  RetryConfig,
  RouteConfig,
  RouteTableConfig,
  RouteUpgradeConfig,
  StreamDurationConfig,
  VirtualHostConfig,
} from '../config/route.ts';
import { clusterNotFound } from '../stream/replies.ts';
import { grpcTimeoutMs, isGrpc, lowerGrpcTimeout } from './grpc.ts';
import { HashPolicy } from './hash-policy.ts';
import { type CompileFormat, HeaderEdits } from './header-edits.ts';
import { compileRedirect, httpsLocation } from './redirect.ts';
import { RetryPolicy } from './retry-policy.ts';
import { compilePathRewrite, compileRewrite, splitPath } from './rewrite.ts';
import { RouteMatch } from './route-match.ts';
import { RouteStats } from './route-stats.ts';

/** One entry of a forward action: where to, and what holds for requests that go there only. */
export interface WeightedCluster {
  readonly name: string;
  readonly weight: number;
  readonly hostRewrite?: string | undefined;
  readonly filterConfigs: Readonly<Record<string, unknown>>;
  readonly requestEdits: HeaderEdits | undefined;
  readonly responseEdits: HeaderEdits | undefined;
  /** Counts the requests of a named route that went here. */
  readonly share: Counter | undefined;
}

/** A route, compiled: shared by all requests that match it, and immutable. */
export class Route implements RouteView {
  readonly name: string;
  readonly virtualHost: string;
  readonly config: RouteConfig;
  readonly match: RouteMatch;
  readonly clusters: readonly WeightedCluster[];
  /** Whole-request deadline; 0: none. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy | undefined;
  readonly retryConfig: RetryConfig | undefined;
  /** Chooses the host; undefined: the balancer does as it likes. */
  readonly hashPolicy: HashPolicy | undefined;
  /** `x-envoy-attempt-count` goes to the upstream, to the client. */
  /** Undefined: requests are not copied. */
  readonly mirrors: readonly MirrorConfig[] | undefined;
  readonly countsAttempts: boolean;
  /** The answer when the cluster does not exist. */
  readonly clusterMissing: LocalReply;
  readonly tellsAttempts: boolean;
  /** Undefined for a route without a name. */
  readonly stats: RouteStats | undefined;
  readonly #totalWeight: number;
  readonly #edits: readonly { readonly request: HeaderEdits | undefined; readonly response: HeaderEdits | undefined }[];
  readonly #forward: ReturnType<typeof compileForward> | undefined;
  readonly #location: ((head: RequestHead) => string) | undefined;
  readonly #requireTls: VirtualHostConfig['requireTls'];
  readonly #upgrades: ReadonlyMap<string, RouteUpgradeConfig> | undefined;
  readonly #editsClusterFirst: boolean;
  readonly #filterConfigs: readonly Readonly<Record<string, unknown>>[];

  constructor(
    config: RouteConfig,
    host: VirtualHostConfig,
    table: RouteTableConfig,
    compileFormat: CompileFormat,
    stats: Stats,
    where: string,
  ) {
    this.name = config.name;
    this.virtualHost = host.name;
    this.config = config;
    this.match = new RouteMatch(config.match, `${where}.match`);
    this.stats = config.name === '' ? undefined : new RouteStats(stats, host.name, config.name);
    const { action } = config;
    this.clusters = action.kind === 'forward' ? compileClusters(action, this.stats, compileFormat, where) : [];
    this.#totalWeight = this.clusters.reduce((sum, cluster) => sum + cluster.weight, 0);
    this.timeoutMs = action.kind === 'forward' ? action.timeoutMs : 0;
    const retry = (action.kind === 'forward' ? action.retry : undefined) ?? host.retry;
    this.retryConfig = retry;
    this.retry =
      retry === undefined || retry.retriesMax === 0 ? undefined : new RetryPolicy(retry, `${where}.retry_policy`);
    // Most specific first, as Envoy's default (most_specific_header_mutations_wins: false) applies them.
    const levels = [config.headers, host.headers, table.headers];
    this.#editsClusterFirst = table.mostSpecificEditsLast !== true;
    if (!this.#editsClusterFirst) levels.reverse();
    this.#edits = levels
      .map((mutations) => compileEdits(mutations, compileFormat, where))
      .filter((edits) => edits.request !== undefined || edits.response !== undefined);
    const forward = action.kind === 'forward' ? action : undefined;
    this.#forward = forward && compileForward(config, forward, where);
    this.#location = action.kind === 'redirect' ? compileRedirect(action, config.match.path, where) : undefined;
    this.hashPolicy = forward && HashPolicy.compile(forward.hashPolicy, `${where}.route.hash_policy`);
    this.#requireTls = host.requireTls;
    this.clusterMissing = { ...clusterNotFound, status: forward?.clusterMissingStatus ?? clusterNotFound.status };
    this.mirrors = forward?.mirrors;
    this.countsAttempts = host.countsAttempts === true;
    this.tellsAttempts = host.tellsAttempts === true;
    this.#upgrades =
      forward?.upgrades === undefined ? undefined : new Map(forward.upgrades.map((each) => [each.type, each]));
    this.#filterConfigs = [config.filterConfigs, host.filterConfigs, table.filterConfigs];
  }

  get cluster(): string | undefined {
    return this.clusters.length === 1 ? this.clusters[0]!.name : undefined;
  }

  /** Undefined only when the cluster is named by a header that the request lacks. */
  pickCluster(head: RequestHead, random: Random): WeightedCluster | undefined {
    const { action } = this.config;
    if (action.kind === 'forward' && action.clusterHeader !== undefined)
      return clusterOfHeader(head, action.clusterHeader);
    const { clusters } = this;
    if (clusters.length === 1) return clusters[0];
    let point = random.next() * this.#totalWeight;
    for (const cluster of clusters) {
      point -= cluster.weight;
      if (point < 0) return cluster;
    }
    return clusters[clusters.length - 1];
  }

  /** `typed_per_filter_config`: weighted cluster, then route, virtual host, table. */
  filterConfig(filterName: string, cluster: WeightedCluster | undefined): unknown {
    const ofCluster = cluster?.filterConfigs[filterName];
    if (ofCluster !== undefined) return ofCluster;
    for (const configs of this.#filterConfigs) {
      const found = configs[filterName];
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Header mutations and rewrites, once, before the request goes upstream. `tells`: what it was before goes along. */
  applyRequest(head: RequestHead, cluster: WeightedCluster | undefined, record: LogRecord, tells: boolean): void {
    if (this.#editsClusterFirst) cluster?.requestEdits?.apply(head, record);
    for (const edits of this.#edits) edits.request?.apply(head, record);
    if (!this.#editsClusterFirst) cluster?.requestEdits?.apply(head, record);
    const forward = this.#forward;
    if (forward === undefined) return;
    const received = head.path;
    if (forward.path !== undefined) {
      if (tells) head.set('x-envoy-original-path', received);
      head.path = forward.path(received);
    }
    const authority = cluster?.hostRewrite ?? forward.host?.(head, received);
    if (authority !== undefined) this.rewriteHost(head, authority, tells && cluster?.hostRewrite === undefined);
  }

  /** The authority changes on the way to the upstream. */
  rewriteHost(head: RequestHead, authority: string, tells: boolean): void {
    const { action } = this.config;
    if (action.kind === 'forward' && action.appendForwardedHost) head.add('x-forwarded-host', head.authority);
    if (tells) head.set('x-envoy-original-host', head.authority);
    head.authority = authority;
  }

  /** The authority becomes the name of the host that was picked (Envoy: auto_host_rewrite). */
  get rewritesHostToUpstream(): boolean {
    const { action } = this.config;
    return action.kind === 'forward' && action.hostRewrite === 'auto';
  }

  applyResponse(head: ResponseHead, cluster: WeightedCluster | undefined, record: LogRecord): void {
    if (this.#editsClusterFirst) cluster?.responseEdits?.apply(head, record);
    for (const edits of this.#edits) edits.response?.apply(head, record);
    if (!this.#editsClusterFirst) cluster?.responseEdits?.apply(head, record);
  }

  /** Answers of the proxy's own get the headers that this route adds to answers. */
  get editsReplies(): boolean {
    return this.config.action.kind === 'forward' && this.#edits.length + this.clusters.length > 0;
  }

  /** What the route says of a protocol that a request wants to switch to, `connect` included. */
  upgrade(type: string): RouteUpgradeConfig | undefined {
    return this.#upgrades?.get(type);
  }

  /**
   * How long request and answer may take together: 0 for ever, undefined as the listener says. A gRPC upstream is told.
   */
  streamDurationMs(head: RequestHead): number | undefined {
    const { action } = this.config;
    if (action.kind !== 'forward' || action.streamDuration === undefined) return undefined;
    const durationMs = durationOf(action.streamDuration, head);
    if (durationMs !== undefined && durationMs > 0 && isGrpc(head)) lowerGrpcTimeout(head, durationMs);
    return durationMs;
  }

  /** The answer of a redirect or direct response; undefined for a forward. */
  reply(head: RequestHead): LocalReply | undefined {
    const { action } = this.config;
    if (this.#requireTls !== undefined && this.#wantsTls(head)) return redirectTo(301, httpsLocation(head));
    if (action.kind === 'forward') return undefined;
    if (action.kind === 'direct-response') {
      return { status: action.status, body: action.body, details: 'direct_response', flags: ResponseFlag.none };
    }
    return redirectTo(action.status, this.#location!(head));
  }

  #wantsTls(head: RequestHead): boolean {
    if (head.get('x-forwarded-proto') === 'https') return false;
    return this.#requireTls === 'all' || head.get('x-envoy-internal') !== 'true';
  }
}

function redirectTo(status: number, location: string): LocalReply {
  const { none } = ResponseFlag;
  return { status, body: '', details: 'direct_response', flags: none, headers: [['location', location]] };
}

function durationOf({ durationMs, grpcLongestMs, grpcOffsetMs }: StreamDurationConfig, head: RequestHead) {
  const asked = grpcLongestMs === undefined ? undefined : grpcTimeoutMs(head);
  if (asked === undefined) return durationMs;
  const bounded = grpcLongestMs! > 0 ? Math.min(asked, grpcLongestMs!) : asked;
  // What is up at once is not 0, which would be for ever.
  return Math.max(bounded - grpcOffsetMs, 1);
}

function clusterOfHeader(head: RequestHead, header: string): WeightedCluster | undefined {
  const name = head.get(header);
  if (name === undefined || name === '') return undefined;
  return { name, weight: 1, filterConfigs: {}, requestEdits: undefined, responseEdits: undefined, share: undefined };
}

function compileClusters(
  action: ForwardConfig,
  stats: RouteStats | undefined,
  compileFormat: CompileFormat,
  where: string,
): WeightedCluster[] {
  return action.clusters
    .filter((cluster) => cluster.weight > 0 || action.clusters.length === 1)
    .map(({ name, weight, headers, filterConfigs, hostRewrite }) => {
      const edits = compileEdits(headers, compileFormat, where);
      return {
        name,
        weight,
        hostRewrite,
        filterConfigs,
        requestEdits: edits.request,
        responseEdits: edits.response,
        share: stats?.share(name),
      };
    });
}

function compileEdits(mutations: HeaderMutations, compileFormat: CompileFormat, where: string) {
  return {
    request: HeaderEdits.compile(mutations.request, compileFormat, `${where}.request_headers`),
    response: HeaderEdits.compile(mutations.response, compileFormat, `${where}.response_headers`),
  };
}

function compileForward(config: RouteConfig, action: ForwardConfig, where: string) {
  const { hostRewrite } = action;
  return {
    path: compilePrefixOrRegex(config, action, where),
    host: compileHostRewrite(hostRewrite, where),
  };
}

function compilePrefixOrRegex(
  config: RouteConfig,
  { prefixRewrite, regexRewrite }: ForwardConfig,
  where: string,
): ((path: string) => string) | undefined {
  if (prefixRewrite !== undefined) {
    const { path: matched } = config.match;
    // An exact match has the whole path for its prefix; a regex match has none to replace.
    if (matched.kind === 'regex' || matched.kind === 'connect') return undefined;
    return (path) => prefixRewrite + path.slice(matched.value.length);
  }
  return regexRewrite && compilePathRewrite(regexRewrite, `${where}.route.regex_rewrite`);
}

/** The new authority; undefined leaves it as it is. `auto` is known only when a host was picked. */
function compileHostRewrite(
  rewrite: ForwardConfig['hostRewrite'],
  where: string,
): ((head: RequestHead, path: string) => string | undefined) | undefined {
  if (rewrite === undefined || rewrite === 'auto') return undefined;
  if ('literal' in rewrite) return () => rewrite.literal;
  if ('header' in rewrite) return (head) => head.get(rewrite.header) || undefined;
  const ofPath = compileRewrite(rewrite.path, `${where}.route.host_rewrite_path_regex`);
  return (_head, path) => {
    const [bare] = splitPath(path);
    const host = ofPath(bare);
    // Nothing matched: a path is no host.
    return host === bare ? undefined : host;
  };
}
