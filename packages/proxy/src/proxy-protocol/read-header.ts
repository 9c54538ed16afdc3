import { type Address, ipAddress } from '@sofamesh/base/address';
import type { ProxyTlv } from '@sofamesh/contract/transport';
import { addressBytes, addressText } from '../listener/ip-prefix.ts';

/** A header that is whole, of `bytes` bytes. */
export interface ReadProxyHeader {
  readonly kind: 'header';
  readonly version: 1 | 2;
  readonly bytes: number;
  /** Undefined: the proxy speaks for itself (LOCAL, UNKNOWN), or says nothing that this proxy could use. */
  readonly addresses: { readonly source: Address; readonly destination: Address } | undefined;
  readonly tlvs: readonly ProxyTlv[];
}

interface MalformedHeader {
  readonly kind: 'malformed';
  readonly version: 1 | 2;
}

export const signature1 = Buffer.from('PROXY ', 'latin1');
export const signature2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const fixedBytes = 16;
const lineBytesMax = 107;
/** The longest that version 2 can say. */
export const headerBytesMax = fixedBytes + 0xffff;

/**
 * Reads a PROXY protocol header (HAProxy's specification, versions 1 and 2) from the first bytes of a connection. `none`:
 * it does not begin with the signature of one of `versions`. `more`: so far it does, and is not whole. Never throws,
 * whatever the bytes.
 */
export function readProxyHeader(
  bytes: Buffer,
  versions: readonly (1 | 2)[],
): ReadProxyHeader | MalformedHeader | 'none' | 'more' {
  const like1 = versions.includes(1) && beginsLike(bytes, signature1);
  const like2 = versions.includes(2) && beginsLike(bytes, signature2);
  if (like1 && bytes.length >= signature1.length) return readLine(bytes);
  if (like2 && bytes.length >= signature2.length) return readBinary(bytes);
  return like1 || like2 ? 'more' : 'none';
}

function beginsLike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.compare(signature, 0, length, 0, length) === 0;
}

const malformed1: MalformedHeader = { kind: 'malformed', version: 1 };
const malformed2: MalformedHeader = { kind: 'malformed', version: 2 };

/** `PROXY TCP4 192.0.2.1 192.0.2.2 4000 80\r\n`, or `PROXY UNKNOWN` and anything up to the end of the line. */
function readLine(bytes: Buffer): ReadProxyHeader | MalformedHeader | 'more' {
  const end = bytes.subarray(0, lineBytesMax).indexOf('\r\n', 0, 'latin1');
  if (end < 0) return bytes.length >= lineBytesMax ? malformed1 : 'more';
  const header = { kind: 'header', version: 1, bytes: end + 2, tlvs: [] } as const;
  const words = bytes.toString('latin1', signature1.length, end).split(' ');
  const [family, source = '', destination = '', sourcePort = '', destinationPort = ''] = words;
  if (family === 'UNKNOWN') return { ...header, addresses: undefined };
  if (words.length !== 5 || (family !== 'TCP4' && family !== 'TCP6')) return malformed1;
  const from = endpoint(source, sourcePort, family);
  const to = endpoint(destination, destinationPort, family);
  if (from === undefined || to === undefined) return malformed1;
  return { ...header, addresses: { source: from, destination: to } };
}

function endpoint(host: string, port: string, family: 'TCP4' | 'TCP6'): Address | undefined {
  if (host.includes(':') !== (family === 'TCP6') || host.includes('%') || addressBytes(host) === undefined) {
    return undefined;
  }
  return /^(?:0|[1-9]\d{0,4})$/.test(port) && Number(port) <= 0xffff ? ipAddress(host, Number(port)) : undefined;
}

/**
 *     signature 12 | version 4 bits, command 4 bits | family 4 bits, transport 4 bits | length 2 | addresses | extensions
 */
function readBinary(bytes: Buffer): ReadProxyHeader | MalformedHeader | 'more' {
  if (bytes.length <= 12) return 'more';
  const command = bytes[12]! & 0x0f;
  if (bytes[12]! >> 4 !== 2 || command > 1) return malformed2;
  if (bytes.length < fixedBytes) return 'more';
  const length = bytes.readUInt16BE(14);
  const width = addressWidth(bytes[13]!);
  // A proxy that speaks for itself may say whatever it likes of addresses.
  const silent = command === 0 || bytes[13] === 0;
  if (!silent && (width === 0 || length < 2 * width + 4)) return malformed2;
  if (bytes.length < fixedBytes + length) return 'more';
  const header = { kind: 'header', version: 2, bytes: fixedBytes + length } as const;
  if (silent) return { ...header, addresses: undefined, tlvs: [] };
  const body = bytes.subarray(fixedBytes, fixedBytes + length);
  const host = (at: number) => addressText(body.subarray(at, at + width));
  const tlvs = readTlvs(body.subarray(2 * width + 4));
  if (tlvs === undefined) return malformed2;
  return {
    ...header,
    tlvs,
    addresses: {
      source: ipAddress(host(0), body.readUInt16BE(2 * width)),
      destination: ipAddress(host(width), body.readUInt16BE(2 * width + 2)),
    },
  };
}

/** Bytes of an address of TCP or UDP over IPv4 or IPv6; 0 for anything else (Unix sockets). */
function addressWidth(familyAndTransport: number): number {
  const transport = familyAndTransport & 0x0f;
  if (transport !== 1 && transport !== 2) return 0;
  return { 1: 4, 2: 16 }[familyAndTransport >> 4] ?? 0;
}

/** type 1 | length 2 | value; undefined when the last one is cut off. */
function readTlvs(bytes: Buffer): ProxyTlv[] | undefined {
  const tlvs: ProxyTlv[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 3 > bytes.length) return undefined;
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    if (end > bytes.length) return undefined;
    tlvs.push({ type: bytes[at]!, value: bytes.subarray(at + 3, end) });
    at = end;
  }
  return tlvs;
}
