import { FieldScan } from './field-scan.ts';

// Numbers of fields in google/protobuf/descriptor.proto.
const fileFields = { name: 1, package: 2, messageType: 4, enumType: 5, service: 6, extension: 7, syntax: 12 };
const messageFields = { name: 1, field: 2, nestedType: 3, enumType: 4, extension: 6, options: 7, oneofDecl: 8 };
const enumFields = { name: 1 };
const fieldFields = { extendee: 2, typeName: 6 };
const messageOptions = { mapEntry: 7 };

const typeFields: ReadonlySet<number> = new Set([
  fileFields.messageType,
  fileFields.enumType,
  fileFields.service,
  fileFields.extension,
]);

/** The names in a FileDescriptorProto. */
export interface FileNames {
  readonly name: string;
  readonly package: string;
  /** Empty for `proto2`. */
  readonly syntax: string;
  readonly messages: readonly MessageNames[];
  readonly enums: readonly string[];
  /** Whether there are services in it, or extensions, be it in a message. */
  readonly hasOthers: boolean;
}

/** Of a message in it. */
export interface MessageNames {
  readonly name: string;
  /** Without the entries of maps, which are no types of their own. */
  readonly messages: readonly MessageNames[];
  readonly enums: readonly string[];
}

export function namesIn(file: Uint8Array): FileNames {
  const names = {
    ...{ name: '', package: '', syntax: '', hasOthers: false },
    ...{ messages: [] as MessageNames[], enums: [] as string[] },
  };
  const scan = new FieldScan(file);
  while (scan.next()) {
    const { number } = scan;
    if (number === fileFields.name) names.name = scan.text();
    else if (number === fileFields.package) names.package = scan.text();
    else if (number === fileFields.syntax) names.syntax = scan.text();
    else if (number === fileFields.messageType) names.messages.push(namesInMessage(scan.inside(), names));
    else if (number === fileFields.enumType) names.enums.push(nameOfEnum(scan.inside()));
    else if (number === fileFields.service || number === fileFields.extension) names.hasOthers = true;
  }
  return names;
}

function namesInMessage(scan: FieldScan, file: { hasOthers: boolean }): MessageNames {
  const names = { name: '', messages: [] as MessageNames[], enums: [] as string[] };
  while (scan.next()) {
    const { number } = scan;
    if (number === messageFields.name) names.name = scan.text();
    else if (number === messageFields.enumType) names.enums.push(nameOfEnum(scan.inside()));
    else if (number === messageFields.extension) file.hasOthers = true;
    else if (number === messageFields.nestedType && !isMapEntry(scan.inside())) {
      names.messages.push(namesInMessage(scan.inside(), file));
    }
  }
  return names;
}

function nameOfEnum(scan: FieldScan): string {
  let name = '';
  while (scan.next()) if (scan.number === enumFields.name) name = scan.text();
  return name;
}

function isMapEntry(scan: FieldScan): boolean {
  while (scan.next()) {
    if (scan.number !== messageFields.options) continue;
    const options = scan.inside();
    while (options.next()) if (options.number === messageOptions.mapEntry) return options.isTrue();
  }
  return false;
}

/** An encoded FileDescriptorProto, without the fields and oneofs of its messages. */
export function withoutFields(file: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  const scan = new FieldScan(file);
  while (scan.next()) {
    if (scan.number === fileFields.messageType) addEmptied(scan, parts);
    else parts.push(scan.whole());
  }
  return Buffer.concat(parts);
}

/** `scan`: at a message, which is added to `parts` with the number that it has there. */
function addEmptied(scan: FieldScan, parts: Uint8Array[]): void {
  const inner: Uint8Array[] = [];
  const fields = scan.inside();
  while (fields.next()) {
    if (fields.number === messageFields.field || fields.number === messageFields.oneofDecl) continue;
    if (fields.number === messageFields.nestedType) addEmptied(fields, inner);
    else inner.push(fields.whole());
  }
  const length = inner.reduce((sum, part) => sum + part.length, 0);
  parts.push(Uint8Array.of((scan.number << 3) | 2, ...varint(length)), ...inner);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}

export interface OneType {
  /** A FileDescriptorProto without its types but that one. */
  readonly encoded: Uint8Array;
  /** All types that fields in it have, those that are in it included. */
  readonly typeNames: ReadonlySet<string>;
}

/** Takes the message or enumeration with that index out of an encoded FileDescriptorProto. */
export function oneType(file: Uint8Array, kind: 'message' | 'enum', index: number): OneType {
  const kept: Uint8Array[] = [];
  const typeNames = new Set<string>();
  const wantedField = kind === 'message' ? fileFields.messageType : fileFields.enumType;
  let before = 0;
  const scan = new FieldScan(file);
  while (scan.next()) {
    const wanted = scan.number === wantedField && before++ === index;
    if (wanted && kind === 'message') addTypeNames(scan.inside(), typeNames);
    if (wanted || !typeFields.has(scan.number)) kept.push(scan.whole());
  }
  return { encoded: Buffer.concat(kept), typeNames };
}

/** `message`: the fields of a DescriptorProto. */
function addTypeNames(message: FieldScan, typeNames: Set<string>): void {
  while (message.next()) {
    const { number } = message;
    if (number === messageFields.nestedType) addTypeNames(message.inside(), typeNames);
    if (number !== messageFields.field && number !== messageFields.extension) continue;
    const field = message.inside();
    while (field.next()) {
      const isType = field.number === fieldFields.typeName || field.number === fieldFields.extendee;
      if (isType) typeNames.add(field.text().replace(/^\./, ''));
    }
  }
}
