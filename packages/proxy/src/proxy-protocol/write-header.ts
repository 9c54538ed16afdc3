import { type Address, ipAddress } from '@sofamesh/base/address';
import type { ProxyTlv } from '@sofamesh/contract/transport';
import { addressBytes } from '../listener/ip-prefix.ts';
import { signature2 } from './read-header.ts';

/**
 * A PROXY protocol header for a connection from `source` to `destination`. Where one of them is a Unix socket, or they are
 * of different families, it says that nothing is known (version 1) or that the proxy speaks for itself (version 2).
 */
export function writeProxyHeader(
  version: 1 | 2,
  source: Address,
  destination: Address,
  tlvs: readonly ProxyTlv[] = [],
): Buffer {
  return version === 1 ? writeLine(source, destination) : writeBinary(source, destination, tlvs);
}

interface Pair {
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly ports: readonly [number, number];
}

function pairOf(source: Address, destination: Address): Pair | undefined {
  if (source.kind !== 'ip' || destination.kind !== 'ip') return undefined;
  const from = addressBytes(source.host);
  const to = addressBytes(destination.host);
  if (from === undefined || to === undefined || from.length !== to.length) return undefined;
  return { from, to, ports: [source.port, destination.port] };
}

function writeLine(source: Address, destination: Address): Buffer {
  const pair = pairOf(source, destination);
  if (pair === undefined) return Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
  const family = pair.from.length === 4 ? 'TCP4' : 'TCP6';
  return Buffer.from(`PROXY ${family} ${hostOf(source)} ${hostOf(destination)} ${pair.ports.join(' ')}\r\n`, 'latin1');
}

/** Without a zone and, for an IPv4 address inside IPv6, as IPv4. */
function hostOf(address: Address): string {
  const { host } = address.kind === 'ip' ? address : ipAddress('', 0);
  const bytes = addressBytes(host);
  return bytes?.length === 4 ? bytes.join('.') : host.replace(/%.*/, '');
}

/** Extensions of one header together; they must fit the length field with the addresses. */
const tlvBytesMax = 0xffff - 36;

function writeBinary(source: Address, destination: Address, tlvs: readonly ProxyTlv[]): Buffer {
  const pair = pairOf(source, destination);
  if (pair === undefined) return Buffer.concat([signature2, Buffer.from([0x20, 0, 0, 0])]);
  const parts: Buffer[] = [];
  let bytes = 0;
  for (const { type, value } of tlvs) {
    if (bytes + 3 + value.length > tlvBytesMax) break;
    bytes += 3 + value.length;
    parts.push(Buffer.from([type, value.length >> 8, value.length & 0xff]), value);
  }
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(pair.ports[0], 0);
  ports.writeUInt16BE(pair.ports[1], 2);
  const body = Buffer.concat([Buffer.from([...pair.from, ...pair.to]), ports, ...parts]);
  const head = Buffer.from([0x21, pair.from.length === 4 ? 0x11 : 0x21, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([signature2, head, body]);
}
