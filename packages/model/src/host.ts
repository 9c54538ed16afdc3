/** Host names as Istio's resources use them: short names, full names, and wildcards whose `*` stands at the front. */

export const DEFAULT_CLUSTER_DOMAIN = 'cluster.local';

/** `reviews`, `shop` → `reviews.shop.svc.cluster.local`. */
export function serviceFqdn(name: string, namespace: string, clusterDomain = DEFAULT_CLUSTER_DOMAIN): string {
  return `${name}.${namespace}.svc.${clusterDomain}`;
}

/**
 * What a host in a resource means: a name without dots is a service in the resource's own namespace; anything with a dot,
 * and anything with a wildcard, stays as it is.
 */
export function resolveHost(host: string, namespace: string, clusterDomain = DEFAULT_CLUSTER_DOMAIN): string {
  if (host === '' || host.includes('.') || host.startsWith('*')) return host;
  return serviceFqdn(host, namespace, clusterDomain);
}

/** Name and namespace of a cluster service; undefined for a host that is not of the form `name.namespace.svc.DOMAIN`. */
export function parseServiceFqdn(
  host: string,
  clusterDomain = DEFAULT_CLUSTER_DOMAIN,
): { readonly name: string; readonly namespace: string } | undefined {
  const suffix = `.svc.${clusterDomain}`;
  if (!host.endsWith(suffix)) return undefined;
  const parts = host.slice(0, -suffix.length).split('.');
  const [name, namespace] = parts;
  if (parts.length !== 2 || !name || !namespace) return undefined;
  return { name, namespace };
}

/**
 * Every name under which a workload of `callerNamespace` may ask for a host: the host itself, and for a cluster service
 * also `name.namespace.svc`, `name.namespace` and, within its own namespace, `name`.
 */
export function hostNames(host: string, callerNamespace: string, clusterDomain = DEFAULT_CLUSTER_DOMAIN): string[] {
  const service = parseServiceFqdn(host, clusterDomain);
  if (service === undefined) return [host];
  const { name, namespace } = service;
  const names = [host, `${name}.${namespace}.svc`, `${name}.${namespace}`];
  if (namespace === callerNamespace) names.push(name);
  return names;
}

export function isWildcardHost(host: string): boolean {
  return host.startsWith('*');
}

/** True if some name belongs to both: either covers the other, or they are equal. `*.foo.com` does not cover `foo.com`. */
export function hostsOverlap(a: string, b: string): boolean {
  return hostCovers(a, b) || hostCovers(b, a);
}

/** True if every name that `inner` stands for belongs to `outer` as well. */
export function hostCovers(outer: string, inner: string): boolean {
  if (!isWildcardHost(outer)) return outer === inner;
  const suffix = outer.slice(1);
  return isWildcardHost(inner) ? inner.slice(1).endsWith(suffix) : inner.endsWith(suffix);
}

/** For `sort`: the more specific host first (full names, then the longer wildcard), equal ones by name. */
export function compareHosts(a: string, b: string): number {
  const wildcards = Number(isWildcardHost(a)) - Number(isWildcardHost(b));
  if (wildcards !== 0) return wildcards;
  if (isWildcardHost(a) && a.length !== b.length) return b.length - a.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The most specific of the patterns that cover a host, or undefined. */
export function mostSpecificHost(host: string, patterns: Iterable<string>): string | undefined {
  let best: string | undefined;
  for (const pattern of patterns) {
    if (hostCovers(pattern, host) && (best === undefined || compareHosts(pattern, best) < 0)) best = pattern;
  }
  return best;
}
