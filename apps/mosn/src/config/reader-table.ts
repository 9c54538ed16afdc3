import type { DescMessage } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { messageOf } from '@sofamesh/base/errors';
import type { ConfigReader } from '@sofamesh/contract/filter';
import { FieldError } from './fields.ts';

/** An extension that the proxy has, and the messages that configure it. */
export interface ExtensionTypes {
  readonly name: string;
  readonly typeUrls: readonly string[];
}

/** The main-thread halves of one kind of extension, by the messages that they read. */
export class ReaderTable<Reader extends ConfigReader> {
  readonly schemas: readonly DescMessage[];
  readonly #byTypeName = new Map<string, Reader[]>();

  constructor(readers: readonly Reader[]) {
    this.schemas = readers.flatMap((reader) => reader.schemas as readonly DescMessage[]);
    for (const reader of readers) {
      for (const { typeName } of reader.schemas as readonly DescMessage[]) {
        this.#byTypeName.set(typeName, [...(this.#byTypeName.get(typeName) ?? []), reader]);
      }
    }
  }

  /** Where several read the same message (a Struct), the name decides that the filter has in its chain. */
  find(typeName: string, name: string): Reader | undefined {
    const readers = this.#byTypeName.get(typeName) ?? [];
    return readers.length > 1 ? readers.find((reader) => reader.name === name) : readers[0];
  }

  list(): ExtensionTypes[] {
    const byName = new Map<string, string[]>();
    for (const [typeName, readers] of this.#byTypeName) {
      for (const { name } of readers) {
        byName.set(name, [...(byName.get(name) ?? []), `type.googleapis.com/${typeName}`]);
      }
    }
    return [...byName].map(([name, typeUrls]) => ({ name, typeUrls }));
  }
}

/** Message name of `type.googleapis.com/envoy.…`. */
export function typeNameOf(any: Any): string {
  return any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1);
}

/** What a reader makes of a message. Throws a FieldError: the reader's own, seen from `path`, or one about the message. */
export function readWith(reader: ConfigReader, any: Any, path: string): unknown {
  try {
    return reader.read(typeNameOf(any), any.value);
  } catch (thrown) {
    if (thrown instanceof FieldError) throw thrown.within(path);
    throw new FieldError(path, any.typeUrl, messageOf(thrown), { cause: thrown });
  }
}
