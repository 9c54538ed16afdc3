import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** An encoded message of the response's type; equal content has equal bytes. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const lengthDelimited = 2;
const field = (number: number) => (number << 3) | lengthDelimited;

/**
 * `envoy.service.discovery.v3.DiscoveryResponse` around resources that are encoded already, so that what is cached once
 * is copied once per proxy and never decoded.
 */
export function encodeResponse(response: {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly NamedBytes[];
}): Uint8Array {
  const writer = new BinaryWriter();
  writer.uint32(field(1)).string(response.version);
  for (const { bytes } of response.resources) {
    writer.uint32(field(2)).fork();
    writer.uint32(field(1)).string(response.typeUrl);
    writer.uint32(field(2)).bytes(bytes);
    writer.join();
  }
  writer.uint32(field(4)).string(response.typeUrl);
  writer.uint32(field(5)).string(response.nonce);
  return writer.finish();
}
