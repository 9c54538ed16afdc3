import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  create,
  createFileRegistry,
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  file_google_protobuf_struct,
  file_google_protobuf_type,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { type BuildFile, lateFile } from './late-file.ts';

/** What the library does, and how often it was asked to. */
function builder(): { readonly build: BuildFile; readonly count: () => number } {
  let count = 0;
  const build: BuildFile = (encoded, imports) => {
    count++;
    const proto = fromBinary(FileDescriptorProtoSchema, encoded);
    proto.dependency = imports.map(({ name }) => `${name}.proto`);
    const registry = createFileRegistry(proto, (name) => imports.find((file) => `${file.name}.proto` === name));
    return registry.getFile(proto.name)!;
  };
  return { build, count: () => count };
}

function encode(proto: FileDescriptorProto): string {
  return Buffer.from(toBinary(FileDescriptorProtoSchema, proto)).toString('base64');
}

function messagesOf(file: DescFile): DescMessage[] {
  return [...nestedTypes(file)].filter((type) => type.kind === 'message');
}

function enumsOf(file: DescFile): DescEnum[] {
  return [...nestedTypes(file)].filter((type) => type.kind === 'enum');
}

function extensionsOf(file: DescFile): DescExtension[] {
  return [...nestedTypes(file)].filter((type) => type.kind === 'extension');
}

/** All that a descriptor says of a message, without the descriptors that it refers to. */
function describe(message: DescMessage): object {
  const { typeName, name, deprecated, parent, file } = message;
  const typeNames = (types: readonly { typeName: string }[]) => types.map((type) => type.typeName);
  return {
    ...{ typeName, name, deprecated, parent: parent?.typeName, file: String(file), text: String(message) },
    proto: JSON.stringify(message.proto),
    nested: [message.nestedEnums, message.nestedMessages, message.nestedExtensions].map(typeNames),
    fields: message.fields.map((field) => ({
      ...field,
      proto: JSON.stringify(field.proto),
      ...{ parent: field.parent.typeName, oneof: field.oneof?.name, text: String(field), toString: undefined },
      ...{ message: field.message?.typeName, enum: field.enum?.typeName },
      getDefaultValue: 'getDefaultValue' in field && field.getDefaultValue?.(),
    })),
    byName: Object.entries(message.field).map(([key, { number }]) => [key, number]),
    oneofs: message.oneofs.map((oneof) => ({
      ...oneof,
      proto: JSON.stringify(oneof.proto),
      ...{ parent: oneof.parent.typeName, fields: oneof.fields.map(String), text: String(oneof), toString: undefined },
    })),
    members: message.members.map((member) => [member.kind, member.name, String(member)]),
  };
}

/** All that a descriptor says of an enumeration. */
function describeEnum(type: DescEnum): object {
  const { typeName, name, deprecated, open, sharedPrefix, parent, file } = type;
  return {
    ...{ typeName, name, deprecated, open, sharedPrefix, parent: parent?.typeName, file: String(file) },
    ...{ text: String(type), proto: JSON.stringify(type.proto) },
    values: type.values.map((value) => ({
      ...value,
      proto: JSON.stringify(value.proto),
      ...{ parent: value.parent.typeName, text: String(value), toString: undefined },
    })),
    byNumber: Object.entries(type.value).map(([number, { name }]) => [number, name]),
  };
}

function describeExtension(extension: DescExtension): object {
  return {
    ...extension,
    proto: JSON.stringify(extension.proto),
    ...{ text: String(extension), toString: undefined, getDefaultValue: undefined },
    ...{ extendee: extension.extendee.typeName, parent: extension.parent?.typeName, file: String(extension.file) },
    ...{ message: extension.message?.typeName, enum: extension.enum?.typeName },
  };
}

/**
 * Two messages that refer to each other, one with a message, an enum, a map, a oneof and an
 * extension inside, enums with two names for a number, extensions and a service.
 */
const sampleProto = create(FileDescriptorProtoSchema, {
  name: 'sample.proto',
  package: 'sample',
  syntax: 'proto2',
  messageType: [
    {
      name: 'Outer',
      field: [
        { name: 'inner', number: 1, type: Type.MESSAGE, typeName: '.sample.Outer.Inner', label: Label.OPTIONAL },
        { name: 'level', number: 2, type: Type.ENUM, typeName: '.sample.Outer.Level', label: Label.OPTIONAL },
        { name: 'chosen', number: 3, type: Type.ENUM, typeName: '.sample.Size', defaultValue: 'BIG' },
        { name: 'count', number: 4, type: Type.INT32, defaultValue: '7', label: Label.OPTIONAL },
        {
          name: 'by_name',
          number: 5,
          type: Type.MESSAGE,
          typeName: '.sample.Outer.ByNameEntry',
          label: Label.REPEATED,
        },
        { name: 'text', number: 6, type: Type.STRING, oneofIndex: 0, label: Label.OPTIONAL },
        { name: 'other', number: 7, type: Type.MESSAGE, typeName: '.sample.Other', oneofIndex: 0 },
      ].map((field) => ({ jsonName: field.name, label: Label.OPTIONAL, ...field })),
      oneofDecl: [{ name: 'kind' }],
      nestedType: [
        { name: 'Inner', field: [field('outer', 1, '.sample.Outer'), field('self', 2, '.sample.Outer.Inner')] },
        {
          name: 'ByNameEntry',
          options: { mapEntry: true },
          field: [
            { name: 'key', number: 1, type: Type.STRING, label: Label.OPTIONAL, jsonName: 'key' },
            field('value', 2, '.sample.Outer.Inner'),
          ],
        },
      ],
      enumType: [{ name: 'Level', options: { deprecated: true }, value: [{ name: 'LOW', number: 0 }] }],
      extensionRange: [{ start: 100, end: 200 }],
      extension: [extension('inside', 100, '.sample.Outer', { type: Type.MESSAGE, typeName: '.sample.Outer.Inner' })],
    },
    { name: 'Other', options: { deprecated: true }, field: [field('outers', 1, '.sample.Outer', Label.REPEATED)] },
  ],
  enumType: [
    {
      name: 'Size',
      value: [
        { name: 'SMALL', number: 0 },
        { name: 'BIG', number: 1 },
        { name: 'LARGE', number: 1, options: { deprecated: true } },
      ],
      options: { allowAlias: true },
    },
  ],
  extension: [
    extension('size', 101, '.sample.Outer', { type: Type.ENUM, typeName: '.sample.Size' }),
    extension('other', 102, '.sample.Outer', { type: Type.MESSAGE, typeName: '.sample.Other' }),
  ],
  service: [{ name: 'Samples', method: [{ name: 'Get', inputType: '.sample.Outer', outputType: '.sample.Other' }] }],
});

function field(name: string, number: number, typeName: string, label = Label.OPTIONAL) {
  return { name, number, type: Type.MESSAGE, typeName, label, jsonName: name };
}

function extension(name: string, number: number, extendee: string, of: { type: Type; typeName: string }) {
  return { name, number, extendee, label: Label.OPTIONAL, ...of };
}

const files = {
  'a file with types of all kinds': { proto: sampleProto, imports: [] },
  'struct.proto': { proto: file_google_protobuf_struct.proto, imports: [] },
  'type.proto, which imports': {
    proto: file_google_protobuf_type.proto,
    imports: file_google_protobuf_type.dependencies,
  },
};

for (const [name, { proto, imports }] of Object.entries(files)) {
  test(`${name}: a late descriptor says what the library's says`, () => {
    const { build } = builder();
    const expected = build(Buffer.from(encode(proto), 'base64'), imports);
    const late = lateFile(encode(proto), imports, build);
    assert.equal(String(late), String(expected));
    assert.deepEqual(late.proto, expected.proto);
    assert.deepEqual(late.dependencies, expected.dependencies);
    const names = (file: DescFile) => [...nestedTypes(file)].map((type) => type.typeName);
    assert.deepEqual(names(late), names(expected));
    // In the other order, so that what is inside a message is asked for first.
    const messages = messagesOf(late).toReversed().map(describe);
    assert.deepEqual(messages.toReversed(), messagesOf(expected).map(describe));
    assert.deepEqual(enumsOf(late).map(describeEnum), enumsOf(expected).map(describeEnum));
    assert.deepEqual(extensionsOf(late).map(describeExtension), extensionsOf(expected).map(describeExtension));
    assert.deepEqual([late.edition, late.deprecated], [expected.edition, expected.deprecated]);
  });
}

test('all of a file refers to one descriptor of each type', () => {
  const late = lateFile(encode(sampleProto), [], builder().build);
  const types = new Set<unknown>(nestedTypes(late));
  for (const message of messagesOf(late)) {
    assert.equal(message.file, late);
    assert.ok(message.parent === undefined || types.has(message.parent));
    for (const inner of message.nestedExtensions) assert.equal(inner.parent, message);
    for (const each of message.fields) {
      assert.equal(each.parent, message);
      assert.equal(message.field[each.localName], each);
      const type = each.message ?? each.enum;
      assert.ok(type === undefined || types.has(type), String(each));
      if (each.oneof !== undefined) assert.ok(message.oneofs.includes(each.oneof) && each.oneof.fields.includes(each));
    }
    for (const inner of message.nestedEnums) assert.equal(inner.parent, message);
  }
  for (const each of enumsOf(late)) {
    assert.equal(each.file, late);
    for (const value of each.values) assert.equal(value.parent, each);
  }
  for (const each of extensionsOf(late)) {
    assert.equal(each.file, late);
    for (const type of [each.extendee, each.message ?? each.enum, each.parent ?? each.extendee]) {
      assert.ok(types.has(type), String(each));
    }
  }
  const [method] = late.services[0]!.methods;
  assert.equal(method!.input, late.messages[0]);
  assert.equal(method!.output, late.messages[1]);
});

test('a message is described when it is first used, once', () => {
  const { build, count } = builder();
  const late = lateFile(encode(sampleProto), [], build);
  const [outer, other] = late.messages;
  assert.equal(count(), 1);
  const { fields } = outer!;
  assert.equal(outer!.fields, fields);
  // The other is an enumeration, of which a field has a value as its default.
  assert.equal(count(), 3);
  assert.equal(outer!.nestedMessages[0]!.fields.length, 2);
  assert.equal(outer!.nestedEnums[0]!.values.length, 1);
  assert.equal(count(), 3);
  assert.equal(other!.members.length, 1);
  assert.equal(count(), 4);
});

test('messages are read and written with it', () => {
  const [outer] = lateFile(encode(sampleProto), [], builder().build).messages;
  const json = { inner: { self: {} }, level: 'LOW', by_name: { a: { outer: {} } }, other: { outers: [{ count: 3 }] } };
  const message = fromJson(outer!, json);
  assert.deepEqual(toJson(outer!, fromBinary(outer!, toBinary(outer!, message))), json);
});
