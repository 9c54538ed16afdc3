type Crc32 = typeof import('node:zlib')['crc32'];

let ofZlib: Crc32 | undefined;

/** The CRC-32 of zlib. Node's module for it takes a hundredth of a start, and most proxies check no sum. */
export function crc32(data: Uint8Array): number {
  ofZlib ??= process.getBuiltinModule('node:zlib').crc32;
  return ofZlib(data);
}
