import { isIPv6 } from 'node:net';
import { type Address, type IpAddress, ipAddress } from '@sofamesh/base/address';

/** Linux' numbers. */
export const AF_INET = 2;
export const AF_INET6 = 10;

/**
 * `struct sockaddr_in` and `sockaddr_in6`:
 *
 *     family 2 (host order) | port 2 | address 4 | zero 8
 *     family 2 (host order) | port 2 | flow 4 | address 16 | scope 4
 */
export const socketAddressBytes = 28;

export function encodeSocketAddress({ host, port }: IpAddress): Buffer {
  const v6 = isIPv6(host);
  const bytes = Buffer.alloc(v6 ? socketAddressBytes : 16);
  writeHostOrder(bytes, v6 ? AF_INET6 : AF_INET);
  bytes.writeUInt16BE(port, 2);
  if (v6) encodeV6(host).copy(bytes, 8);
  else Buffer.from(host.split('.').map(Number)).copy(bytes, 4);
  return bytes;
}

/** Undefined for another family. */
export function decodeSocketAddress(bytes: Buffer): Address | undefined {
  const family = littleEndian ? bytes.readUInt16LE(0) : bytes.readUInt16BE(0);
  const port = bytes.readUInt16BE(2);
  if (family === AF_INET) return ipAddress(bytes.subarray(4, 8).join('.'), port);
  return family === AF_INET6 ? ipAddress(decodeV6(bytes.subarray(8, 24)), port) : undefined;
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function writeHostOrder(bytes: Buffer, family: number): void {
  if (littleEndian) bytes.writeUInt16LE(family, 0);
  else bytes.writeUInt16BE(family, 0);
}

/** `host` is a literal address that the system has accepted or will judge; a zone is left out. */
function encodeV6(host: string): Buffer {
  const [address = ''] = host.split('%');
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = (high: string, low: string) => ((Number(high) << 8) | Number(low)).toString(16);
  const groups =
    dotted === null ? address : `${dotted[1]}${hex(dotted[2]!, dotted[3]!)}:${hex(dotted[4]!, dotted[5]!)}`;
  const [head = '', tail] = groups.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const bytes = Buffer.alloc(16);
  before.forEach((group, at) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * at);
  });
  after.forEach((group, at) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), 16 - 2 * (after.length - at));
  });
  return bytes;
}

/** As Node prints addresses (RFC 5952), so that they can be compared as texts. */
function decodeV6(bytes: Buffer): string {
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(bytes.readUInt16BE(at).toString(16));
  // The URL parser writes the shortest form.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
