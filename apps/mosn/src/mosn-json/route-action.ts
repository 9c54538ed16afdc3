import type { JsonObject } from '@bufbuild/protobuf';
import type { ClusterNames } from './cluster-names.ts';
import { optional } from './envoy-json.ts';
import { secondsText } from './go-duration.ts';
import { readHeaderEdits } from './header-edits.ts';
import type { JsonFields } from './json-fields.ts';
import { readProtocols } from './protocols.ts';
import { regexProblem } from './request-match.ts';
import { httpUpstream, rpcUpstream, type UpstreamUse } from './upstream-use.ts';
import { requestPartOf } from './variables.ts';

const defaultTimeoutMs = 60_000;
const defaultRetries = 3;
const retryPauseMs = 10;

/** What requests of one filter chain have in common. */
export interface Traffic {
  /** Protocols of the calls; empty for HTTP. */
  readonly calls: readonly string[];
  /** How they are sent on, where a route says nothing else. */
  readonly use: UpstreamUse;
  /** Of the stream filter `mirror`: how often a request is copied; 0 without it. */
  readonly mirrorCopies: number;
}

/** Envoy's RouteAction for a router's `route`, and the header edits that stand in it. Undefined: reported. */
export function readRouteAction(
  router: JsonFields,
  traffic: Traffic,
  clusters: ClusterNames,
): { readonly action: JsonObject; readonly edits: JsonObject } | undefined {
  const route = router.object('route');
  if (route === undefined) {
    router.refuse('route', 'a router must have one of route, redirect, direct_response');
    return undefined;
  }
  const use = upstreamUse(route, traffic);
  const target = readTarget(route, use, clusters);
  const timeoutMs = route.durationMs('timeout') || defaultTimeoutMs;
  route.ignore('metadata_match', 'there are no subsets of hosts: all of the cluster get calls');
  const action: JsonObject = {
    ...target,
    timeout: secondsText(timeoutMs),
    retry_policy: readRetry(route, timeoutMs),
    ...readRewrites(route),
    ...optional('hash_policy', readHashPolicy(route)),
  };
  const edits = readHeaderEdits(route);
  route.end('a route');
  return target === undefined ? undefined : { action, edits };
}

function upstreamUse(route: JsonFields, { calls, use }: Traffic): UpstreamUse {
  const own = readProtocols(route, 'upstream_protocol', undefined);
  if (own === undefined) return use;
  const answer = calls.length === 0 ? httpUpstream(own) : rpcUpstream(calls, own);
  if ('use' in answer) return answer.use;
  route.refuse('upstream_protocol', answer.reason);
  return use;
}

/** MOSN prefers weighted clusters to a name, and a name to a variable. */
function readTarget(route: JsonFields, use: UpstreamUse, clusters: ClusterNames): JsonObject | undefined {
  const weighted = route.objects('weighted_clusters').map((each) => readWeighted(each, use, clusters));
  const name = route.text('cluster_name');
  const header = route.text('cluster_header');
  const variable = route.text('cluster_variable');
  if (weighted.length > 0) {
    for (const other of ['cluster_name', 'cluster_header', 'cluster_variable']) {
      route.ignore(other, 'weighted_clusters goes before it, as in MOSN');
    }
    const known = weighted.filter((each) => each !== undefined);
    return known.length < weighted.length ? undefined : { weighted_clusters: { clusters: known } };
  }
  if (name !== undefined) {
    for (const other of ['cluster_header', 'cluster_variable']) {
      route.ignore(other, 'cluster_name goes before it, as in MOSN');
    }
    return { cluster: clusters.use(name, use, route.at('cluster_name')) };
  }
  if (header !== undefined) return { cluster_header: header };
  const part = variable === undefined ? undefined : requestPartOf(variable);
  if (part?.kind === 'header') return { cluster_header: part.name };
  if (variable !== undefined) route.refuse('cluster_variable', 'must be the variable of a request header');
  else route.refuse('cluster_name', 'one of cluster_name, weighted_clusters, cluster_variable is required');
  return undefined;
}

function readWeighted(entry: JsonFields, use: UpstreamUse, clusters: ClusterNames): JsonObject | undefined {
  const cluster = entry.object('cluster');
  entry.end('a weighted cluster');
  const name = cluster?.text('name');
  const weight = cluster?.count('weight') ?? 0;
  cluster?.ignore('metadata_match', 'there are no subsets of hosts: all of the cluster get calls');
  cluster?.end('a weighted cluster');
  if (cluster !== undefined && name !== undefined) return { name: clusters.use(name, use, cluster.at('name')), weight };
  entry.refuse('cluster', 'must have a name');
  return undefined;
}

/**
 * A connection that cannot be made is tried again whatever the policy says. MOSN cannot be asked for less than three retries, which is a
 * defect: a number that is given counts.
 */
function readRetry(route: JsonFields, timeoutMs: number): JsonObject {
  const policy = route.object('retry_policy');
  const on = policy?.flag('retry_on') ?? false;
  const perTryMs = policy?.durationMs('retry_timeout') ?? 0;
  const retries = policy?.count('num_retries') || defaultRetries;
  const statuses = (policy?.list('status_codes') ?? []).filter((status) => typeof status === 'number');
  policy?.end('a retry policy');
  const conditions = ['connect-failure', 'refused-stream'];
  if (on) conditions.push(...(statuses.length > 0 ? ['reset', 'retriable-status-codes'] : ['5xx']));
  return {
    retry_on: conditions.join(','),
    num_retries: retries,
    retry_back_off: { base_interval: secondsText(retryPauseMs), max_interval: secondsText(retryPauseMs) },
    ...(on && optional('retriable_status_codes', statuses)),
    ...(perTryMs > 0 && perTryMs < timeoutMs && { per_try_timeout: secondsText(perTryMs) }),
  };
}

function readRewrites(route: JsonFields): JsonObject {
  const prefix = route.text('prefix_rewrite');
  const regex = readRegexRewrite(route);
  const host = route.text('host_rewrite');
  const header = route.text('auto_host_rewrite_header');
  const auto = route.flag('auto_host_rewrite');
  const hostRewrite =
    (host !== undefined && { host_rewrite_literal: host }) ||
    (header !== undefined && { host_rewrite_header: header }) ||
    (auto && { auto_host_rewrite: true });
  return { ...(prefix === undefined ? regex : { prefix_rewrite: prefix }), ...(hostRewrite || {}) };
}

function readRegexRewrite(route: JsonFields): JsonObject {
  const rewrite = route.object('regex_rewrite');
  const pattern = rewrite?.object('pattern');
  const regex = pattern?.text('regex');
  // The engine of Google's RE2 is the only one there is; how large its programs are is its own affair.
  pattern?.value('google_re2');
  pattern?.end('a pattern');
  const substitution = rewrite?.text('substitution') ?? '';
  rewrite?.end('a rewrite');
  if (rewrite === undefined || regex === undefined) return {};
  const text = substitutionOf(substitution);
  const problem = regexProblem(regex);
  if (problem !== undefined) pattern?.refuse('regex', problem);
  if (text !== undefined) return { regex_rewrite: { pattern: { regex }, substitution: text } };
  rewrite.refuse('substitution', 'may have numbered groups only, as $1');
  return {};
}

/** Go writes `$1`, Envoy `\1`. */
function substitutionOf(text: string): string | undefined {
  let named = false;
  const written = text.replaceAll('\\', '\\\\').replace(/\$(?:\$|(\w+)|\{(\w+)\})/g, (all, plain, braced) => {
    if (all === '$$') return '$';
    const group: string = plain ?? braced;
    named ||= !/^\d$/.test(group);
    return `\\${group}`;
  });
  return named ? undefined : written;
}

/** Only the first entry counts, and without any the client's address. */
function readHashPolicy(route: JsonFields): JsonObject[] {
  const [first, ...rest] = route.objects('hash_policy');
  for (const each of rest)
    each.report.warn(each.path, each.path, 'has no effect: only the first one counts, as in MOSN');
  if (first === undefined) return [];
  const key = first.object('header')?.text('key');
  const cookie = first.object('cookie');
  const name = cookie?.text('name');
  first.value('source_ip');
  first.end('a hash policy');
  if (name !== undefined) {
    const ttlMs = cookie?.durationMs('ttl');
    const path = cookie?.text('path');
    return [{ cookie: { name, ...optional('path', path), ...(ttlMs !== undefined && { ttl: secondsText(ttlMs) }) } }];
  }
  return [key === undefined ? { connection_properties: { source_ip: true } } : { header: { header_name: key } }];
}
