import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { messageOf } from '@sofamesh/base/errors';
import type { ConfigReader } from '@sofamesh/contract/filter';
import type { NetworkFilterReader } from '@sofamesh/contract/network-filter';
import type { PluginFilter } from '@sofamesh/contract/plugin';
import type { FilterConfig } from '@sofamesh/proxy/config/extension';
import type { CatalogueFilterConfig } from '@sofamesh/proxy/config/listener';
import { type LoadedPlugins, noPlugins } from '../plugins/loaded-plugins.ts';
import { FieldError } from './fields.ts';
import { type ExtensionTypes, ReaderTable, readWith, typeNameOf } from './reader-table.ts';
import { readUntypedConfig } from './untyped-config.ts';

export { typeNameOf };

/** The message in an Any of the schema's type. */
export function decodeAny<Desc extends DescMessage>(schema: Desc, any: Any, path: string): MessageShape<Desc> {
  try {
    return fromBinary(schema, any.value);
  } catch (thrown) {
    throw new FieldError(path, any.typeUrl, `cannot be decoded: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** A network filter of the catalogue, read. */
export interface ReadNetworkFilter {
  readonly terminal: boolean;
  readonly filter: CatalogueFilterConfig;
}

/** The main-thread halves of the filters in the catalogue, by the messages that they read, and what plug-ins add, by name. */
export class Extensions {
  readonly #filters: ReaderTable<ConfigReader>;
  readonly #networkFilters: ReaderTable<NetworkFilterReader>;
  readonly #pluginFilters: ReadonlyMap<string, PluginFilter>;
  readonly #pluginBalancers: ReadonlySet<string>;
  readonly schemas: readonly DescMessage[];

  constructor(
    readers: readonly ConfigReader[],
    networkReaders: readonly NetworkFilterReader[],
    plugins: LoadedPlugins = noPlugins,
  ) {
    this.#filters = new ReaderTable(readers);
    this.#networkFilters = new ReaderTable(networkReaders);
    this.#pluginFilters = new Map(plugins.filters.map((filter) => [filter.name, filter]));
    this.#pluginBalancers = new Set(plugins.balancers.map(({ name }) => name));
    this.schemas = [...this.#filters.schemas, ...this.#networkFilters.schemas];
  }

  /** HTTP filters, for the xDS node. */
  list(): readonly ExtensionTypes[] {
    const plugins = [...this.#pluginFilters.keys()].map((name) => ({ name, typeUrls: [] }));
    return [...this.#filters.list(), ...plugins];
  }

  /** Network filters, for the xDS node. */
  listNetworkFilters(): readonly ExtensionTypes[] {
    return this.#networkFilters.list();
  }

  /** A network filter of a chain; undefined where none of the catalogue reads it. `path` is that of its message. */
  networkFilter(name: string, any: Any, path: string): ReadNetworkFilter | undefined {
    const reader = this.#networkFilters.find(typeNameOf(any), name);
    if (reader === undefined) return undefined;
    const config = readWith(reader, any, path);
    const sharesAs = reader.sharesAs?.(config);
    const filter = {
      kind: 'catalogue',
      name: reader.name,
      config,
      ...(sharesAs !== undefined && { sharesAs }),
    } as const;
    return { terminal: reader.terminal, filter };
  }

  /** One filter of a chain; undefined when it is optional and unknown. */
  filter(
    filter: {
      readonly name: string;
      readonly config: Any | undefined;
      readonly optional: boolean;
      readonly disabled: boolean;
    },
    path: string,
  ): FilterConfig | undefined {
    const { config } = filter;
    const fromPlugin = this.#pluginFilter(filter.name, config, `${path}.typed_config`);
    if (fromPlugin !== undefined) return { ...fromPlugin, disabled: filter.disabled };
    if (config === undefined) {
      if (filter.optional) return undefined;
      throw new FieldError(`${path}.typed_config`, undefined, `filter ${filter.name} needs one`);
    }
    const reader = this.#filters.find(typeNameOf(config), filter.name);
    if (reader === undefined) {
      if (filter.optional) return undefined;
      throw new FieldError(
        `${path}.typed_config`,
        config.typeUrl,
        `no filter of this proxy reads this (${filter.name})`,
      );
    }
    return { name: reader.name, config: readWith(reader, config, `${path}.typed_config`), disabled: filter.disabled };
  }

  /** `typed_per_filter_config`: unknown ones are refused unless they are wrapped as optional. */
  perFilter(
    configs: Readonly<Record<string, Any>>,
    unwrap: (any: Any) => { readonly config: Any | undefined; readonly optional: boolean },
    path: string,
  ): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const [name, any] of Object.entries(configs)) {
      const { config, optional } = unwrap(any);
      if (config === undefined) continue;
      const fromPlugin = this.#pluginFilter(name, config, `${path}[${JSON.stringify(name)}]`);
      if (fromPlugin !== undefined) {
        result[fromPlugin.name] = fromPlugin.config;
        continue;
      }
      const reader = this.#filters.find(typeNameOf(config), name);
      if (reader !== undefined) result[reader.name] = readWith(reader, config, `${path}[${JSON.stringify(name)}]`);
      else if (!optional)
        throw new FieldError(`${path}[${JSON.stringify(name)}]`, config.typeUrl, 'no filter of this proxy reads this');
    }
    return result;
  }

  /** A policy of a plug-in, and its options; undefined: no plug-in has one of that name. */
  balancer(name: string, config: Any, path: string): { readonly name: string; readonly options: unknown } | undefined {
    const untyped = untypedOf(config, path);
    if (untyped === undefined) return undefined;
    const found = [untyped.typeName, name].find((each) => this.#pluginBalancers.has(each));
    return found === undefined ? undefined : { name: found, options: untyped.json };
  }

  /** What a TypedStruct says it is counts more than the name that the filter has in its chain. */
  #pluginFilter(
    name: string,
    config: Any | undefined,
    path: string,
  ): { readonly name: string; readonly config: unknown } | undefined {
    if (this.#pluginFilters.size === 0) return undefined;
    const untyped = config === undefined ? { typeName: '', json: {} } : untypedOf(config, path);
    if (untyped === undefined) return undefined;
    const filter = this.#pluginFilters.get(untyped.typeName) ?? this.#pluginFilters.get(name);
    if (filter === undefined) return undefined;
    try {
      const read = filter.readConfig === undefined ? untyped.json : filter.readConfig(untyped.json);
      // It goes to other threads, and what cannot is better refused here.
      return { name: filter.name, config: structuredClone(read) };
    } catch (thrown) {
      throw new FieldError(path, filter.name, messageOf(thrown), { cause: thrown });
    }
  }
}

function untypedOf(any: Any, path: string): ReturnType<typeof readUntypedConfig> {
  try {
    return readUntypedConfig(typeNameOf(any), any.value);
  } catch (thrown) {
    throw new FieldError(path, any.typeUrl, `cannot be decoded: ${messageOf(thrown)}`, { cause: thrown });
  }
}
