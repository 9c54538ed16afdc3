import type { DescEnum, DescEnumValue, DescField, DescMessage, DescOneof } from '@bufbuild/protobuf';
import type { EnumValueDescriptorProto, FieldDescriptorProto, OneofDescriptorProto } from '@bufbuild/protobuf/wkt';

/** What a message consists of. */
export type MessageParts = Pick<DescMessage, 'deprecated' | 'fields' | 'field' | 'oneofs' | 'members'>;
/** What an enumeration consists of. */
export type EnumParts = Pick<DescEnum, 'deprecated' | 'open' | 'sharedPrefix' | 'value' | 'values'>;
export type TypesByName = ReadonlyMap<string, DescMessage | DescEnum>;

/** The parts of `twin` as those of `message`; `types` are to take the place of those that are in the file of `twin`. */
export function partsOfMessage(twin: DescMessage, message: DescMessage, types: TypesByName): MessageParts {
  const made = new Map<DescField | DescOneof, DescField | DescOneof>();
  for (const oneof of twin.oneofs) made.set(oneof, new LateOneof(oneof, message) as unknown as DescOneof);
  for (const field of twin.fields) {
    const oneof = field.oneof && (made.get(field.oneof) as DescOneof);
    made.set(field, new LateField(field, message, oneof, types) as unknown as DescField);
  }
  const fields = twin.fields.map((field) => made.get(field) as DescField);
  for (const field of fields) field.oneof?.fields.push(field as (typeof field.oneof.fields)[number]);
  return {
    deprecated: twin.deprecated,
    fields,
    field: Object.fromEntries(fields.map((field) => [field.localName, field])),
    oneofs: twin.oneofs.map((oneof) => made.get(oneof) as DescOneof),
    members: twin.members.map((member) => made.get(member)!),
  };
}

/** The parts of `twin` as those of `late`. */
export function partsOfEnum({ deprecated, open, sharedPrefix, values }: DescEnum, late: DescEnum): EnumParts {
  const made = values.map((value) => new LateEnumValue(value, late) as unknown as DescEnumValue);
  // Of several names for one number the first counts.
  const value = Object.fromEntries(made.toReversed().map((each) => [each.number, each]));
  return { deprecated, open, sharedPrefix, values: made, value };
}

/** Without what holds on to the file that it was read from. */
function detached<Part extends { proto: unknown }>(part: Part) {
  const { proto: _, toString: __, ...rest } = part;
  return rest;
}

/**
 * A field's descriptor. The library gives each functions of its own, which hold on to the file that it was read from, and
 * that file's message about it; here that message is read again when it is asked for.
 */
class LateField {
  declare readonly number: number;
  declare readonly name: string;
  declare readonly parent: DescMessage;

  constructor(field: DescField, parent: DescMessage, oneof: DescOneof | undefined, types: TypesByName) {
    const rest = detached(field);
    const ownOf = <Type extends DescMessage | DescEnum>(type: Type | undefined) =>
      type !== undefined && type.file === field.parent.file ? types.get(type.typeName) : type;
    Object.assign(this, rest, { parent, oneof, message: ownOf(field.message), enum: ownOf(field.enum) });
    const isSingle = field.fieldKind !== 'list' && field.fieldKind !== 'map';
    if (isSingle && field.getDefaultValue() === undefined) Object.assign(this, { getDefaultValue: noDefault });
  }

  get proto(): FieldDescriptorProto {
    return this.parent.proto.field.find(({ number }) => number === this.number)!;
  }

  toString(): string {
    return `field ${this.parent.typeName}.${this.name}`;
  }
}

/** See {@link LateField}. */
class LateOneof {
  declare readonly name: string;
  declare readonly parent: DescMessage;

  constructor(oneof: DescOneof, parent: DescMessage) {
    Object.assign(this, detached(oneof), { parent, fields: [] });
  }

  get proto(): OneofDescriptorProto {
    return this.parent.proto.oneofDecl.find(({ name }) => name === this.name)!;
  }

  toString(): string {
    return `oneof ${this.parent.typeName}.${this.name}`;
  }
}

/** See {@link LateField}. */
class LateEnumValue {
  declare readonly name: string;
  declare readonly parent: DescEnum;

  constructor(value: DescEnumValue, parent: DescEnum) {
    Object.assign(this, detached(value), { parent });
  }

  get proto(): EnumValueDescriptorProto {
    return this.parent.proto.value.find(({ name }) => name === this.name)!;
  }

  toString(): string {
    return `enum value ${this.parent.typeName}.${this.name}`;
  }
}

function noDefault(): undefined {}
