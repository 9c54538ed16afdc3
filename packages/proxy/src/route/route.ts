import { CodedError } from '@sofamesh/base/errors';
import type { Random } from '@sofamesh/base/random';
import type { LogRecord } from '@sofamesh/contract/access-log';
import type { RouteView } from '@sofamesh/contract/filter';
import type { LocalReply, RequestHead, ResponseHead } from '@sofamesh/contract/message';
import { ResponseFlag } from '@sofamesh/contract/message';
import type { Counter, Stats } from '@sofamesh/contract/stats';
import type {
  ForwardConfig,
  HeaderMutations,
  RedirectConfig,
  RouteConfig,
  RouteTableConfig,
  VirtualHostConfig,
} from '../config/route.ts';
import { type CompileFormat, HeaderEdits } from './header-edits.ts';
import { RetryPolicy } from './retry-policy.ts';
import { RouteMatch } from './route-match.ts';
import { RouteStats } from './route-stats.ts';
import { compileRe2 } from './string-match.ts';

/** One entry of a forward action: where to, and what holds for requests that go there only. */
export interface WeightedCluster {
  readonly name: string;
  readonly weight: number;
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
  /** Undefined for a route without a name. */
  readonly stats: RouteStats | undefined;
  readonly #totalWeight: number;
  readonly #edits: readonly { readonly request: HeaderEdits | undefined; readonly response: HeaderEdits | undefined }[];
  readonly #rewritePath: ((path: string) => string) | undefined;
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
    this.retry = retry === undefined || retry.retriesMax === 0 ? undefined : new RetryPolicy(retry);
    // Most specific first, as Envoy's default (most_specific_header_mutations_wins: false) applies them.
    this.#edits = [config.headers, host.headers, table.headers]
      .map((mutations) => compileEdits(mutations, compileFormat, where))
      .filter((edits) => edits.request !== undefined || edits.response !== undefined);
    this.#rewritePath = action.kind === 'forward' ? compileRewrite(config, action, where) : undefined;
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

  /** Header mutations and rewrites, once, before the request goes upstream. */
  applyRequest(head: RequestHead, cluster: WeightedCluster | undefined, record: LogRecord): void {
    cluster?.requestEdits?.apply(head, record);
    for (const edits of this.#edits) edits.request?.apply(head, record);
    const { action } = this.config;
    if (action.kind !== 'forward') return;
    if (this.#rewritePath !== undefined) {
      head.set('x-envoy-original-path', head.path);
      head.path = this.#rewritePath(head.path);
    }
    if (action.hostRewrite !== undefined && action.hostRewrite !== 'auto') head.authority = action.hostRewrite.literal;
  }

  /** The authority becomes the name of the host that was picked (Envoy: auto_host_rewrite). */
  get rewritesHostToUpstream(): boolean {
    const { action } = this.config;
    return action.kind === 'forward' && action.hostRewrite === 'auto';
  }

  applyResponse(head: ResponseHead, cluster: WeightedCluster | undefined, record: LogRecord): void {
    cluster?.responseEdits?.apply(head, record);
    for (const edits of this.#edits) edits.response?.apply(head, record);
  }

  /** The answer of a redirect or direct response; undefined for a forward. */
  reply(head: RequestHead): LocalReply | undefined {
    const { action } = this.config;
    if (action.kind === 'forward') return undefined;
    if (action.kind === 'direct-response') {
      return { status: action.status, body: action.body, details: 'direct_response', flags: ResponseFlag.none };
    }
    return {
      status: action.status,
      body: '',
      details: 'direct_response',
      flags: ResponseFlag.none,
      headers: [['location', redirectLocation(action, head, this.config)]],
    };
  }
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
    .map(({ name, weight, headers, filterConfigs }) => {
      const edits = compileEdits(headers, compileFormat, where);
      return {
        name,
        weight,
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

function compileRewrite(
  config: RouteConfig,
  action: ForwardConfig,
  where: string,
): ((path: string) => string) | undefined {
  const { prefixRewrite, regexRewrite } = action;
  if (prefixRewrite !== undefined) {
    const { path: matched } = config.match;
    // An exact match has the whole path for its prefix; a regex match has none to replace.
    if (matched.kind === 'regex') return undefined;
    return (path) => prefixRewrite + path.slice(matched.value.length);
  }
  if (regexRewrite === undefined) return undefined;
  const pattern = compileRe2(regexRewrite.pattern, `${where}.route.regex_rewrite`);
  const substitute = compileSubstitution(
    regexRewrite.substitution,
    pattern.groupCount(),
    `${where}.route.regex_rewrite.substitution`,
  );
  return (path) => {
    const [bare, query] = splitPath(path);
    const rewritten = pattern.matcher(bare).replaceAll(substitute);
    return query === undefined ? rewritten : `${rewritten}?${query}`;
  };
}

/** RE2's own form: `\1` is a group, `\0` the whole match, `\\` a backslash; nothing else is special. */
function compileSubstitution(text: string, groups: number, where: string): (...found: unknown[]) => string {
  const parts: (string | number)[] = [];
  for (const [part] of text.matchAll(/\\.?|[^\\]+/gs)) {
    const group = /^\\\d$/.test(part) ? Number(part[1]) : undefined;
    if (part[0] === '\\' && part !== '\\\\' && (group === undefined || group > groups)) {
      throw new CodedError('bad_substitution', `${where}: ${JSON.stringify(part)}: there are ${groups} groups`);
    }
    parts.push(group ?? (part === '\\\\' ? '\\' : part));
  }
  return (...found) => parts.map((part) => (typeof part === 'string' ? part : String(found[part] ?? ''))).join('');
}

/** Path and query; the query is undefined when there is no question mark. */
export function splitPath(path: string): [path: string, query: string | undefined] {
  const mark = path.indexOf('?');
  return mark < 0 ? [path, undefined] : [path.slice(0, mark), path.slice(mark + 1)];
}

const defaultPorts: Readonly<Record<string, string>> = { http: ':80', https: ':443' };

function redirectLocation(action: RedirectConfig, head: RequestHead, config: RouteConfig): string {
  const scheme = action.scheme ?? head.scheme;
  let host = action.host ?? head.authority;
  if (action.port !== undefined) host = `${host.replace(/:\d+$/, '')}:${action.port}`;
  else if (scheme !== head.scheme) host = dropSuffix(host, defaultPorts[head.scheme]);
  const [bare, query] = splitPath(head.path);
  let path = bare;
  if (action.path !== undefined) path = action.path;
  else if (action.prefixRewrite !== undefined) path = action.prefixRewrite + bare.slice(config.match.path.value.length);
  const keepQuery = query !== undefined && !action.stripQuery && !path.includes('?');
  return `${scheme}://${host}${path}${keepQuery ? `?${query}` : ''}`;
}

function dropSuffix(text: string, suffix: string | undefined): string {
  return suffix !== undefined && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
}
