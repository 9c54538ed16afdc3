import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { messageOf } from '@sofamesh/base/errors';
import type { ConfigReader } from '@sofamesh/contract/filter';
import type { FilterConfig } from '@sofamesh/proxy/config/extension';
import { FieldError } from './fields.ts';

/** Message name of `type.googleapis.com/envoy.…`. */
export function typeNameOf(any: Any): string {
  return any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1);
}

/** The message in an Any of the schema's type. */
export function decodeAny<Desc extends DescMessage>(schema: Desc, any: Any, path: string): MessageShape<Desc> {
  try {
    return fromBinary(schema, any.value);
  } catch (thrown) {
    throw new FieldError(path, any.typeUrl, `cannot be decoded: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** The main-thread halves of the filters in the catalogue, by the messages that they read. */
export class Extensions {
  readonly #byTypeName = new Map<string, ConfigReader>();
  readonly schemas: readonly DescMessage[];

  constructor(readers: readonly ConfigReader[]) {
    this.schemas = readers.flatMap((reader) => reader.schemas as readonly DescMessage[]);
    for (const reader of readers) {
      for (const schema of reader.schemas as readonly DescMessage[]) this.#byTypeName.set(schema.typeName, reader);
    }
  }

  /** Names and type URLs, for the xDS node. */
  list(): { readonly name: string; readonly typeUrls: readonly string[] }[] {
    const byName = new Map<string, string[]>();
    for (const [typeName, { name }] of this.#byTypeName) {
      byName.set(name, [...(byName.get(name) ?? []), `type.googleapis.com/${typeName}`]);
    }
    return [...byName].map(([name, typeUrls]) => ({ name, typeUrls }));
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
    if (config === undefined) {
      if (filter.optional) return undefined;
      throw new FieldError(`${path}.typed_config`, undefined, `filter ${filter.name} needs one`);
    }
    const reader = this.#byTypeName.get(typeNameOf(config));
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
      const reader = this.#byTypeName.get(typeNameOf(config));
      if (reader !== undefined) result[reader.name] = readWith(reader, config, `${path}[${JSON.stringify(name)}]`);
      else if (!optional)
        throw new FieldError(`${path}[${JSON.stringify(name)}]`, config.typeUrl, 'no filter of this proxy reads this');
    }
    return result;
  }
}

function readWith(reader: ConfigReader, any: Any, path: string): unknown {
  try {
    return reader.read(typeNameOf(any), any.value);
  } catch (thrown) {
    throw new FieldError(path, any.typeUrl, messageOf(thrown), { cause: thrown });
  }
}
