import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema, type Duration, DurationSchema } from '@bufbuild/protobuf/wkt';

/** `typed_config`: a message with its type URL. */
export function typedConfig<Desc extends DescMessage>(schema: Desc, init?: MessageInitShape<Desc>): Any {
  return create(AnySchema, {
    typeUrl: typeUrlOf(schema),
    value: toBinary(schema, create(schema, init)),
  });
}

export function typeUrlOf(schema: DescMessage): string {
  return `type.googleapis.com/${schema.typeName}`;
}

export function duration(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) });
}

/** Percent with fractions as Envoy's parts of a million. */
export function millionths(percent: number): number {
  return Math.round(Math.min(Math.max(percent, 0), 100) * 10_000);
}

const lengthDelimited = 2;

/**
 * A message whose repeated message field `fieldNumber` is made of parts that are encoded already: protobuf concatenates
 * the fields of a message, so bytes that many messages share are encoded once.
 */
export function appendEncoded(message: Uint8Array, fieldNumber: number, parts: readonly Uint8Array[]): Uint8Array {
  const tag = varint((fieldNumber << 3) | lengthDelimited);
  const chunks: Uint8Array[] = [message];
  for (const part of parts) chunks.push(tag, varint(part.length), part);
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
