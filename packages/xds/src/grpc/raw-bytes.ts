/** gRPC messages pass as the bytes that they are: decoding is the business of the state machines. */
export function serializeBytes(message: Uint8Array): Buffer {
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
}

export function deserializeBytes(bytes: Buffer): Uint8Array {
  return bytes;
}

/** Largest message in either direction: an xDS response with some hundred thousand endpoints still fits. */
export const messageBytesMax = 64 * 1024 * 1024;
