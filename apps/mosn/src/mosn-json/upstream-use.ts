import type { ProtocolSet } from './protocols.ts';

/** How requests or calls of one filter chain are sent on. */
export type UpstreamUse =
  | { readonly traffic: 'http'; readonly speak: 'same' | 'http1' | 'http2' }
  | { readonly traffic: 'rpc'; readonly speak: 'same' | 'http2' };

/** An UpstreamUse, or why there is none. */
export type UpstreamAnswer = { readonly use: UpstreamUse } | { readonly reason: string };

/** `upstream`: undefined where none is given, which is the downstream's. */
export function httpUpstream(upstream: ProtocolSet | undefined): UpstreamAnswer {
  if (upstream === undefined || upstream.auto) return { use: { traffic: 'http', speak: 'same' } };
  if (upstream.rpc.length > 0) {
    return { reason: 'HTTP requests are not turned into calls by this file (see docs/mosn-json.md)' };
  }
  if (upstream.http.length > 1) return { use: { traffic: 'http', speak: 'same' } };
  return { use: { traffic: 'http', speak: upstream.http[0] === 'Http2' ? 'http2' : 'http1' } };
}

/** Calls of the protocols `rpc`. */
export function rpcUpstream(rpc: readonly string[], upstream: ProtocolSet | undefined): UpstreamAnswer {
  if (upstream === undefined || upstream.auto) return { use: { traffic: 'rpc', speak: 'same' } };
  if (upstream.http.length === 1 && upstream.rpc.length === 0) {
    if (upstream.http[0] === 'Http2') return { use: { traffic: 'rpc', speak: 'http2' } };
    return { reason: `calls of ${rpc.join(', ')} cannot be sent as HTTP/1.1` };
  }
  const others = rpc.filter((name) => !upstream.rpc.includes(name));
  if (others.length === 0) return { use: { traffic: 'rpc', speak: 'same' } };
  return { reason: `calls of ${others.join(', ')} are not turned into calls of another protocol` };
}

/** What the hosts of one cluster, or of a twin of it, are spoken to in. */
export interface ClusterVariant {
  /** Of the Envoy cluster. */
  readonly name: string;
  http?: 'same' | 'http1' | 'http2';
  rpc?: 'same' | 'http2';
}

/**
 * In MOSN the protocol towards hosts belongs to the listener or the route, here to the cluster. A cluster that is used in
 * two ways gets a twin for the second, named `NAME~http2`.
 */
export class ClusterUses {
  readonly #variants = new Map<string, ClusterVariant[]>();

  /** The Envoy cluster to name in a route. */
  nameFor(cluster: string, { traffic, speak }: UpstreamUse): string {
    const variants = this.#of(cluster);
    let variant =
      variants.find((each) => each[traffic] === speak) ?? variants.find((each) => each[traffic] === undefined);
    if (variant === undefined) variants.push((variant = { name: `${cluster}~${speak}` }));
    Object.assign(variant, { [traffic]: speak });
    return variant.name;
  }

  /** At least one: the cluster itself. */
  variants(cluster: string): readonly ClusterVariant[] {
    return this.#of(cluster);
  }

  #of(cluster: string): ClusterVariant[] {
    let variants = this.#variants.get(cluster);
    if (variants === undefined) this.#variants.set(cluster, (variants = [{ name: cluster }]));
    return variants;
  }
}
