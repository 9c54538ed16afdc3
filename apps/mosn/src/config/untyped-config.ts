import { fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import { TypedStructSchema as UdpaTypedStructSchema } from '@sofamesh/api/gen/udpa/type/v1/typed_struct_pb';
import { type TypedStruct, TypedStructSchema } from '@sofamesh/api/gen/xds/type/v3/typed_struct_pb';

export interface UntypedConfig {
  /** What a TypedStruct says it is, without `type.googleapis.com/`; empty for a Struct. */
  readonly typeName: string;
  readonly json: JsonValue;
}

/**
 * The JSON in an encoded `google.protobuf.Struct` or TypedStruct, which configure extensions that have no message of
 * their own; undefined for any other message. Throws when it cannot be decoded.
 */
export function readUntypedConfig(typeName: string, value: Uint8Array): UntypedConfig | undefined {
  switch (typeName) {
    case StructSchema.typeName:
      return { typeName: '', json: toJson(StructSchema, fromBinary(StructSchema, value)) };
    case TypedStructSchema.typeName:
      return fromTypedStruct(fromBinary(TypedStructSchema, value));
    case UdpaTypedStructSchema.typeName:
      return fromTypedStruct(fromBinary(UdpaTypedStructSchema, value));
    default:
      return undefined;
  }
}

function fromTypedStruct({ typeUrl, value = {} }: Pick<TypedStruct, 'typeUrl' | 'value'>): UntypedConfig {
  return { typeName: typeUrl.slice(typeUrl.lastIndexOf('/') + 1), json: value };
}
