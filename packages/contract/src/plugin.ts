import type { BalancerKind } from './balancer.ts';
import type { FilterKind } from './filter.ts';
import type { Protocol } from './protocol.ts';

/**
 * What a plug-in module exports by default: from helpers and the configuration that the bootstrap has for it (JSON, `{}`
 * where it has none) to what it adds. Called once in the main thread and once in every worker, so what it makes must not
 * depend on being alone. What it throws is why the proxy does not start.
 *
 * A plug-in imports this package for its types only, which are gone at run time; code comes by `kit` (`Kit` of
 * `@sofamesh/protocols/kit`).
 */
export type Plugin<Kit> = (kit: Kit, config: unknown) => PluginManifest | Promise<PluginManifest>;

/** What a plug-in adds. Names must be new: neither built in nor those of another plug-in. */
export interface PluginManifest {
  /** The plug-in itself, for logs and errors. */
  readonly name: string;
  readonly protocols?: readonly Protocol[];
  readonly filters?: readonly PluginFilter[];
  readonly balancers?: readonly BalancerKind[];
}

/**
 * An HTTP filter from a plug-in. A filter chain asks for it with a `typed_config` that is a `google.protobuf.Struct`, a
 * `xds.type.v3.TypedStruct`, or absent: no message of its own is needed.
 */
export interface PluginFilter<Config = unknown> extends FilterKind<Config> {
  /**
   * From the JSON that stands in the configuration (of a filter chain, or of a route) to what `prepare` and
   * `Exchange.routeConfig` are given. Runs in the main thread; the result crosses threads, so it must be plain
   * data. Throws with a reason to refuse. Absent: the JSON as it is.
   */
  readConfig?(json: unknown): Config;
}
