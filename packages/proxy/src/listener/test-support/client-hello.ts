/** A ClientHello with the two extensions that are looked at, and one that is not. */
export function clientHello(serverName: string, alpn: readonly string[], recordBytes = 1 << 14): Buffer {
  const sized = (width: 1 | 2 | 3, ...parts: readonly Buffer[]) => {
    const body = Buffer.concat(parts);
    const length = Buffer.alloc(width);
    length.writeUIntBE(body.length, 0, width);
    return Buffer.concat([length, body]);
  };
  const extension = (type: number, body: Buffer) => Buffer.concat([Buffer.from([0, type]), sized(2, body)]);
  const names = alpn.map((name) => sized(1, Buffer.from(name)));
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    sized(1, Buffer.alloc(32, 1)),
    sized(2, Buffer.from([0x13, 0x01])),
    sized(1, Buffer.from([0])),
    sized(
      2,
      extension(10, Buffer.from([0, 2, 0, 29])),
      extension(0, sized(2, Buffer.from([0]), sized(2, Buffer.from(serverName)))),
      ...(names.length === 0 ? [] : [extension(16, sized(2, ...names))]),
    ),
  ]);
  const message = Buffer.concat([Buffer.from([1]), sized(3, body)]);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += recordBytes) {
    records.push(Buffer.from([22, 3, 1]), sized(2, message.subarray(at, at + recordBytes)));
  }
  return Buffer.concat(records);
}
