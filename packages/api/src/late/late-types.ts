import { startupSnapshot } from 'node:v8';
import type { DescEnum, DescFile, DescMessage } from '@bufbuild/protobuf';
import type { DescriptorProto, EnumDescriptorProto } from '@bufbuild/protobuf/wkt';
import type { MessageNames } from './encoded-file.ts';
import { type EnumParts, type MessageParts, partsOfEnum, partsOfMessage } from './late-parts.ts';

type LateType = DescMessage | DescEnum;

/** Gives a type of a file as the library describes it, with all that is in it. `type`: one that is in no other. */
export type DescribeType = (type: LateType) => LateType;

const describe = Symbol('describe');
const parts = Symbol('parts');

/** Where a type is. */
interface Place {
  readonly file: DescFile;
  readonly parent: DescMessage | undefined;
  /** Of the types in it, without the last dot. */
  readonly prefix: string;
  readonly describe: DescribeType;
}

/** A message's descriptor that says what is in it when it is first asked for. */
export function lateMessage(names: MessageNames, place: Place): DescMessage {
  const { name } = names;
  const typeName = typeNameOf(name, place);
  const { file, parent } = place;
  const late = {
    ...{ kind: 'message', file, parent, name, typeName, toString: messageName, [describe]: place.describe },
    nestedEnums: [] as DescEnum[],
    nestedMessages: [] as DescMessage[],
    nestedExtensions: [],
  };
  const made = Object.defineProperties(late, lateMessageProperties) as unknown as DescMessage;
  const inside = { ...place, parent: made, prefix: typeName };
  for (const each of names.enums) late.nestedEnums.push(lateEnum(each, inside));
  for (const each of names.messages) late.nestedMessages.push(lateMessage(each, inside));
  return made;
}

/** As {@link lateMessage}. */
export function lateEnum(name: string, place: Place): DescEnum {
  const { file, parent } = place;
  const typeName = typeNameOf(name, place);
  const late = { kind: 'enum', file, parent, name, typeName, toString: enumName, [describe]: place.describe };
  return Object.defineProperties(late, lateEnumProperties) as unknown as DescEnum;
}

function typeNameOf(name: string, { prefix }: Place): string {
  return prefix === '' ? name : `${prefix}.${name}`;
}

/** `type`, and the messages and enumerations in it. */
export function* typesIn(type: LateType): Generator<LateType> {
  yield type;
  if (type.kind === 'enum') return;
  yield* type.nestedEnums;
  for (const nested of type.nestedMessages) yield* typesIn(nested);
}

type Parts = MessageParts | EnumParts;

/** Made together with parts that were asked for, and not asked for yet. A snapshot does without them. */
const ready = new Map<LateType, Parts>();
if (startupSnapshot.isBuildingSnapshot()) startupSnapshot.addSerializeCallback(() => ready.clear());

function takeParts(type: LateType): Parts {
  if (!ready.has(type)) makeParts(type);
  const made = ready.get(type)!;
  ready.delete(type);
  return made;
}

/** Makes the parts of `type` and of all that are within the same message of the file, as far as they have none. */
function makeParts(type: LateType): void {
  let top = type;
  while (top.parent !== undefined) top = top.parent;
  const twin = (top as LateType & { readonly [describe]: DescribeType })[describe](top);
  const types = new Map([...typesIn(top)].map((each) => [each.typeName, each]));
  for (const each of typesIn(twin)) {
    const late = types.get(each.typeName) as LateType & { readonly [parts]: Parts | undefined };
    if (late[parts] !== undefined) continue;
    if (each.kind === 'enum') ready.set(late, partsOfEnum(each, late as DescEnum));
    else ready.set(late, partsOfMessage(each, late as DescMessage, types));
  }
}

function messageName(this: DescMessage): string {
  return `message ${this.typeName}`;
}

function enumName(this: DescEnum): string {
  return `enum ${this.typeName}`;
}

// The same getters for all: with their own they would also have their own hidden classes, a dozen each.
const lateMessageProperties = {
  [parts]: { value: undefined, writable: true },
  proto: {
    get(this: DescMessage): DescriptorProto {
      const { parent, file, name } = this;
      return named(parent === undefined ? file.proto.messageType : parent.proto.nestedType, name);
    },
    enumerable: true,
  },
  ...lateParts<MessageParts>('deprecated', 'fields', 'field', 'oneofs', 'members'),
};

const lateEnumProperties = {
  [parts]: { value: undefined, writable: true },
  proto: {
    get(this: DescEnum): EnumDescriptorProto {
      const { parent, file, name } = this;
      return named((parent ?? file).proto.enumType, name);
    },
    enumerable: true,
  },
  ...lateParts<EnumParts>('deprecated', 'open', 'sharedPrefix', 'value', 'values'),
};

function named<Type extends { readonly name: string }>(types: readonly Type[], name: string): Type {
  return types.find((type) => type.name === name)!;
}

function lateParts<Some extends Parts>(...names: (keyof Some)[]): PropertyDescriptorMap {
  return Object.fromEntries(names.map((name) => [name, latePart(name as string)]));
}

function latePart(name: string): PropertyDescriptor {
  return {
    get(this: LateType & { [parts]: Parts | undefined }) {
      return ((this[parts] ??= takeParts(this)) as unknown as Record<string, unknown>)[name];
    },
    enumerable: true,
  };
}
