import type { DescEnum, DescExtension, DescFile, DescMessage, DescService } from '@bufbuild/protobuf';
import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { type FileNames, namesIn, oneType, withoutFields } from './encoded-file.ts';
import { lateEnum, lateMessage, typesIn } from './late-types.ts';

/** The library's way from an encoded FileDescriptorProto to a descriptor. */
export type BuildFile = (encoded: Uint8Array, imports: readonly DescFile[]) => DescFile;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const source = Symbol('source');

/**
 * A file's descriptor that knows its types and their names, and nothing of their fields: what a message or an enumeration
 * consists of is made when it is first asked for, together with the types inside it. In every other respect it is what
 * `build` makes.
 */
export function lateFile(base64: string, imports: readonly DescFile[], build: BuildFile): DescFile {
  const from = new FileSource(base64, imports, build);
  const names = from.names();
  const late = {
    kind: 'file',
    name: names.name.replace(/\.proto$/, ''),
    dependencies: [...imports],
    edition: editions.get(names.syntax) ?? from.whole().edition,
    enums: [] as DescEnum[],
    messages: [] as DescMessage[],
    extensions: [] as DescExtension[],
    services: [] as DescService[],
    toString: fileName,
  };
  const file = Object.defineProperties(late, {
    ...lateFileProperties,
    [source]: { value: from },
  }) as unknown as DescFile;
  const place = { file, parent: undefined, prefix: names.package, describe: describeType };
  for (const name of names.enums) late.enums.push(lateEnum(name, place));
  for (const message of names.messages) late.messages.push(lateMessage(message, place));
  for (const type of typesOf(file)) known.set(type.typeName, type);
  if (names.hasOthers) addOthers(late, from.outline(), file);
  return file;
}

/** By their syntax, the numbers of `google.protobuf.Edition`, which is not loaded here. The library asks for it often. */
const editions: ReadonlyMap<string, DescFile['edition']> = new Map([
  ['', 998],
  ['proto2', 998],
  ['proto3', 999],
]);

function* typesOf(file: DescFile): Generator<DescMessage | DescEnum> {
  for (const type of [...file.enums, ...file.messages]) yield* typesIn(type);
}

/** All late messages and enumerations, by their names. */
const known = new Map<string, DescMessage | DescEnum>();

type DescMethod = DescService['methods'][number];

/** Services and extensions are as the library makes them, but for the types that they refer to. */
function addOthers(late: Pick<DescFile, 'extensions' | 'services'>, outline: DescFile, file: DescFile): void {
  const types = new Map([...typesOf(file)].map((type) => [type.typeName, type]));
  const ownOf = (type: DescMessage) => (type.file === outline ? (types.get(type.typeName) as DescMessage) : type);
  const take = (extension: Mutable<DescExtension>): DescExtension => {
    if (extension.parent !== undefined) extension.parent = ownOf(extension.parent);
    if (extension.message !== undefined) extension.message = ownOf(extension.message);
    if (extension.enum?.file === outline) extension.enum = types.get(extension.enum.typeName) as DescEnum;
    return Object.assign(extension, { file, extendee: ownOf(extension.extendee) });
  };
  for (const message of typesOf(outline)) {
    if (message.kind === 'message') ownOf(message).nestedExtensions.push(...message.nestedExtensions.map(take));
  }
  late.extensions.push(...outline.extensions.map(take));
  for (const service of outline.services) {
    for (const method of service.methods as Mutable<DescMethod>[]) {
      method.input = ownOf(method.input);
      method.output = ownOf(method.output);
    }
    late.services.push(Object.assign(service, { file }));
  }
}

/** `type`: one of a late file, and in no other. */
function describeType(type: DescMessage | DescEnum): DescMessage | DescEnum {
  return (type.file as DescFile & { readonly [source]: FileSource })[source].type(type);
}

/** From where the parts of a file's types come. */
class FileSource {
  readonly #base64: string;
  readonly #imports: readonly DescFile[];
  readonly #build: BuildFile;

  constructor(base64: string, imports: readonly DescFile[], build: BuildFile) {
    this.#base64 = base64;
    this.#imports = imports;
    this.#build = build;
  }

  names(): FileNames {
    return namesIn(this.#encoded());
  }

  whole(): DescFile {
    return this.#build(this.#encoded(), this.#imports);
  }

  /** Its messages have no fields. */
  outline(): DescFile {
    return this.#build(withoutFields(this.#encoded()), this.#imports);
  }

  /** `type`, with all that is in it; the other types that it refers to are those of its file. */
  type(type: DescMessage | DescEnum): DescMessage | DescEnum {
    const { file, typeName, kind } = type;
    const index = kind === 'message' ? file.messages.indexOf(type) : file.enums.indexOf(type);
    const { encoded, typeNames } = oneType(this.#encoded(), kind, index);
    const imports = [Object.create(file, nameless) as DescFile, ...this.#imports];
    const others = [...typeNames].filter((name) => name !== typeName && !name.startsWith(`${typeName}.`));
    const types = others.map((name) => known.get(name));
    const found = types.filter((each) => each !== undefined && imports.some((file) => isOf(file, each.file)));
    // Looking through all that is imported takes longer than all the rest.
    const few = found.length === types.length ? [holding(found as (DescMessage | DescEnum)[])] : imports;
    const { messages, enums } = this.#build(encoded, few);
    return messages[0] ?? enums[0]!;
  }

  #encoded(): Uint8Array {
    return Buffer.from(this.#base64, 'base64');
  }
}

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

function fileName(this: DescFile): string {
  return `file ${this.name}.proto`;
}

type FromSource = { readonly [source]: FileSource };

const lateFileProperties: PropertyDescriptorMap = {
  proto: fromWhole(({ proto }): FileDescriptorProto => proto),
  deprecated: fromWhole(({ deprecated }) => deprecated),
};

function fromWhole(part: (file: DescFile) => unknown): PropertyDescriptor {
  return {
    get(this: FromSource) {
      return part(this[source].whole());
    },
    enumerable: true,
  };
}
