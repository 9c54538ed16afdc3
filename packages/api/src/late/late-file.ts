import { startupSnapshot } from 'node:v8';
import type { DescEnum, DescFile, DescMessage } from '@bufbuild/protobuf';
import type { DescriptorProto, FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { type Parts, partsFrom } from './late-parts.ts';
import { oneMessage } from './one-message.ts';

/** The library's way from an encoded FileDescriptorProto to a descriptor. */
export type BuildFile = (encoded: Uint8Array, imports: readonly DescFile[]) => DescFile;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const parts = Symbol('parts');
const source = Symbol('source');

/**
 * A file's descriptor that knows its types and their names, and nothing of their fields: what a message consists of is made
 * when it is first asked for, together with the messages inside it. In every other respect it is what `build` makes.
 */
export function lateFile(base64: string, imports: readonly DescFile[], build: BuildFile): DescFile {
  const from = new FileSource(base64, imports, build);
  const { proto: _, toString: __, ...rest } = from.whole();
  const late: Mutable<Omit<DescFile, 'proto'>> = { ...rest, toString: fileName };
  const file = Object.defineProperties(late, { ...lateFileProperties, [source]: { value: from } }) as DescFile;
  const replaced = new Map<DescMessage, DescMessage>();
  late.messages = rest.messages.map((message) => lateMessage(message, file, undefined, replaced));
  const messages = [...replaced.keys()];
  const nested = messages.flatMap(({ nestedEnums, nestedExtensions }) => [...nestedEnums, ...nestedExtensions]);
  const types = [...rest.enums, ...rest.extensions, ...rest.services, ...nested];
  for (const type of types as Mutable<(typeof types)[number]>[]) {
    type.file = file;
    if (type.kind !== 'service' && type.parent !== undefined) type.parent = replaced.get(type.parent);
    if (type.kind === 'extension') type.extendee = replaced.get(type.extendee) ?? type.extendee;
  }
  for (const method of rest.services.flatMap(({ methods }) => methods) as Mutable<DescMethod>[]) {
    method.input = replaced.get(method.input) ?? method.input;
    method.output = replaced.get(method.output) ?? method.output;
  }
  for (const message of late.messages) for (const type of typesIn(message)) known.set(type.typeName, type);
  for (const type of late.enums) known.set(type.typeName, type);
  return file;
}

type DescMethod = DescFile['services'][number]['methods'][number];

function lateMessage(
  message: DescMessage,
  file: DescFile,
  parent: DescMessage | undefined,
  replaced: Map<DescMessage, DescMessage>,
): DescMessage {
  const { kind, deprecated, name, typeName, nestedEnums, nestedExtensions } = message;
  const late = {
    ...{ kind, deprecated, file, parent, name, typeName, nestedEnums, nestedExtensions },
    nestedMessages: [] as DescMessage[],
    toString: messageName,
  };
  const made = Object.defineProperties(late, lateMessageProperties) as unknown as DescMessage;
  replaced.set(message, made);
  late.nestedMessages = message.nestedMessages.map((nested) => lateMessage(nested, file, made, replaced));
  return made;
}

/** From where the parts of a file's messages come. */
class FileSource {
  readonly #base64: string;
  readonly #imports: readonly DescFile[];
  readonly #build: BuildFile;

  constructor(base64: string, imports: readonly DescFile[], build: BuildFile) {
    this.#base64 = base64;
    this.#imports = imports;
    this.#build = build;
  }

  whole(): DescFile {
    return this.#build(Buffer.from(this.#base64, 'base64'), this.#imports);
  }

  /** The message with that index in `file`, with all that is in it; the other types that it refers to are those of `file`. */
  message(index: number, file: DescFile): DescMessage {
    const { encoded, typeNames } = oneMessage(Buffer.from(this.#base64, 'base64'), index);
    const imports = [Object.create(file, nameless) as DescFile, ...this.#imports];
    const { typeName } = file.messages[index]!;
    const others = [...typeNames].filter((name) => name !== typeName && !name.startsWith(`${typeName}.`));
    const types = others.map((name) => known.get(name));
    const found = types.filter((type) => type !== undefined && imports.some((each) => isOf(each, type.file)));
    // Looking through all that is imported takes longer than all the rest.
    const few = found.length === types.length ? [holding(found as (DescMessage | DescEnum)[])] : imports;
    return this.#build(encoded, few).messages[0]!;
  }
}

/** All late messages and their enumerations, by their names. */
const known = new Map<string, DescMessage | DescEnum>();

/** An import may be a file that has the imported one as its prototype. */
function isOf(imported: DescFile, file: DescFile): boolean {
  return imported === file || Object.getPrototypeOf(imported) === file;
}

/** What lets a file be imported by one of the same name. */
const nameless = { name: { value: '' }, proto: { value: { name: '.proto' } }, dependencies: { value: [] } };

/** A file of these types. */
function holding(types: readonly (DescMessage | DescEnum)[]): DescFile {
  const messages = types.filter((type) => type.kind === 'message');
  const enums = types.filter((type) => type.kind === 'enum');
  const none = { kind: 'file', dependencies: [], extensions: [], services: [] };
  return Object.defineProperties({ ...none, messages, enums }, nameless) as unknown as DescFile;
}

/** Made together with parts that were asked for, and not asked for yet. A snapshot does without them. */
const ready = new Map<DescMessage, Parts>();
if (startupSnapshot.isBuildingSnapshot()) startupSnapshot.addSerializeCallback(() => ready.clear());

function takeParts(message: DescMessage): Parts {
  if (!ready.has(message)) makeParts(message);
  const made = ready.get(message)!;
  ready.delete(message);
  return made;
}

/** Makes the parts of `message` and of all that are within the same message of the file, as far as they have none. */
function makeParts(message: DescMessage): void {
  let top = message;
  while (top.parent !== undefined) top = top.parent;
  const file = top.file as DescFile & { readonly [source]: FileSource };
  const twin = file[source].message(file.messages.indexOf(top), file);
  const types = new Map([...typesIn(top)].map((type) => [type.typeName, type]));
  for (const each of typesIn(twin)) {
    const late = types.get(each.typeName) as DescMessage & { readonly [parts]: Parts | undefined };
    if (each.kind === 'message' && late[parts] === undefined) ready.set(late, partsFrom(each, late, types));
  }
}

function* typesIn(message: DescMessage): Generator<DescMessage | DescEnum> {
  yield message;
  yield* message.nestedEnums;
  for (const nested of message.nestedMessages) yield* typesIn(nested);
}

function fileName(this: DescFile): string {
  return `file ${this.name}.proto`;
}

function messageName(this: DescMessage): string {
  return `message ${this.typeName}`;
}

// The same getters for all: with their own they would also have their own hidden classes, a dozen each.
const lateFileProperties = {
  proto: {
    get(this: { readonly [source]: FileSource }): FileDescriptorProto {
      return this[source].whole().proto;
    },
    enumerable: true,
  },
};

const lateMessageProperties = {
  [parts]: { value: undefined, writable: true },
  proto: {
    get(this: DescMessage): DescriptorProto {
      const { parent, file } = this;
      return parent === undefined
        ? file.proto.messageType[file.messages.indexOf(this)]!
        : parent.proto.nestedType.find(({ name }) => name === this.name)!;
    },
    enumerable: true,
  },
  ...Object.fromEntries((['fields', 'field', 'oneofs', 'members'] as const).map((name) => [name, latePart(name)])),
};

function latePart(name: keyof Parts): PropertyDescriptor {
  return {
    get(this: DescMessage & { [parts]: Parts | undefined }) {
      return (this[parts] ??= takeParts(this))[name];
    },
    enumerable: true,
  };
}
