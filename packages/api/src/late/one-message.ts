import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

// Numbers of fields in google/protobuf/descriptor.proto.
const fileFields = { messageType: 4, enumType: 5, service: 6, extension: 7 };
const messageFields = { field: 2, nestedType: 3, extension: 6 };
const fieldFields = { extendee: 2, typeName: 6 };

const typeFields: ReadonlySet<number> = new Set(Object.values(fileFields));

export interface OneMessage {
  /** A FileDescriptorProto without its types but that message. */
  readonly encoded: Uint8Array;
  /** All types that fields in it have, those that are in it included. */
  readonly typeNames: ReadonlySet<string>;
}

/** Takes the message with that index out of an encoded FileDescriptorProto. */
export function oneMessage(file: Uint8Array, index: number): OneMessage {
  const kept: Uint8Array[] = [];
  const typeNames = new Set<string>();
  let messages = 0;
  for (const { number, whole, content } of fieldsOf(file)) {
    const wanted = number === fileFields.messageType && messages++ === index;
    if (wanted) addTypeNames(content, typeNames);
    if (wanted || !typeFields.has(number)) kept.push(whole);
  }
  return { encoded: Buffer.concat(kept), typeNames };
}

/** `message`: a DescriptorProto. */
function addTypeNames(message: Uint8Array, typeNames: Set<string>): void {
  for (const { number, content } of fieldsOf(message)) {
    if (number === messageFields.nestedType) addTypeNames(content, typeNames);
    if (number !== messageFields.field && number !== messageFields.extension) continue;
    for (const part of fieldsOf(content)) {
      if (part.number !== fieldFields.typeName && part.number !== fieldFields.extendee) continue;
      typeNames.add(Buffer.from(part.content).toString().replace(/^\./, ''));
    }
  }
}

interface EncodedField {
  readonly number: number;
  /** With its number and, where it has one, its length. */
  readonly whole: Uint8Array;
  /** Empty where it has no length. */
  readonly content: Uint8Array;
}

function* fieldsOf(message: Uint8Array): Generator<EncodedField> {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    const content = wireType === WireType.LengthDelimited ? reader.bytes() : new Uint8Array();
    if (wireType !== WireType.LengthDelimited) reader.skip(wireType, number);
    yield { number, whole: message.subarray(start, reader.pos), content };
  }
}
