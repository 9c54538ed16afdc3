/**
 * The bytes of a TLS ClientHello as a client sends them first: with server name and application protocols, and one
 * extension that nobody reads. `recordBytes`: handshake bytes per record.
 */
export function clientHelloBytes(serverName: string, alpn: readonly string[], recordBytes = 1 << 14): Buffer {
  const names = alpn.map((name) => sized(1, Buffer.from(name)));
  const extensions = [extension(10, Buffer.from([0, 2, 0, 29])), extension(13, Buffer.from([0, 4, 4, 3, 8, 4]))];
  if (serverName !== '') extensions.push(extension(0, sized(2, Buffer.from([0]), sized(2, Buffer.from(serverName)))));
  if (alpn.length > 0) extensions.push(extension(16, sized(2, ...names)));
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    sized(1, Buffer.alloc(32, 1)),
    sized(2, Buffer.from([0x13, 0x01])),
    sized(1, Buffer.from([0])),
    sized(2, ...extensions),
  ]);
  const message = Buffer.concat([Buffer.from([1]), sized(3, body)]);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += recordBytes) {
    records.push(Buffer.from([22, 3, 1]), sized(2, message.subarray(at, at + recordBytes)));
  }
  return Buffer.concat(records);
}

function extension(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0, type]), sized(2, body)]);
}

/** The parts, behind their length in so many bytes. */
function sized(width: 1 | 2 | 3, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(width);
  length.writeUIntBE(body.length, 0, width);
  return Buffer.concat([length, body]);
}
