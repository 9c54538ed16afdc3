import type { Address } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';

/** A range of addresses in CIDR notation. */
export class IpPrefix {
  readonly length: number;
  readonly #bytes: readonly number[];

  private constructor(bytes: readonly number[], length: number) {
    this.#bytes = bytes;
    this.length = length;
  }

  /** `10.0.0.0/8`, `fd00::/8`; without a length one address. Throws a CodedError that begins with `where`. */
  static parse(text: string, where: string): IpPrefix {
    const slash = text.indexOf('/');
    const bytes = addressBytes(slash < 0 ? text : text.slice(0, slash));
    const length = bytes === undefined || slash < 0 ? (bytes?.length ?? 0) * 8 : lengthOf(text.slice(slash + 1));
    if (bytes === undefined || !(length >= 0 && length <= bytes.length * 8)) {
      throw new CodedError('bad_prefix', `${where}: ${JSON.stringify(text)}: is not an address range`);
    }
    return new IpPrefix(bytes, length);
  }

  /** Equal for equal ranges: without the bits that do not count. */
  toString(): string {
    const bits = this.#bytes.map(
      (byte, at) => byte & (0xff00 >> Math.min(8, Math.max(0, this.length - 8 * at))) & 0xff,
    );
    return `${bits.join('.')}/${this.length}`;
  }

  /** `address` as {@link addressBytes} has it. */
  contains(address: readonly number[]): boolean {
    const own = this.#bytes;
    if (address.length !== own.length) return false;
    const whole = this.length >> 3;
    for (let at = 0; at < whole; at++) if (own[at] !== address[at]) return false;
    const rest = this.length & 7;
    return rest === 0 || (own[whole]! ^ address[whole]!) >> (8 - rest) === 0;
  }
}

function lengthOf(text: string): number {
  return /^\d{1,3}$/.test(text) ? Number(text) : -1;
}

/** 4 or 16 bytes, an IPv4 address inside IPv6 as IPv4; undefined when it is no address. */
export function addressBytes(text: string): readonly number[] | undefined {
  if (!text.includes(':')) return v4Bytes(text);
  const zone = text.indexOf('%');
  const bytes = v6Bytes(zone < 0 ? text : text.slice(0, zone));
  const mapped = bytes?.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? bytes!.slice(12) : bytes;
}

/** The shortest text of 4 or 16 bytes (RFC 5952). */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return `::ffff:${bytes.subarray(12).join('.')}`;
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(((bytes[at]! << 8) | bytes[at + 1]!).toString(16));
  // The longest run of zero groups, the first one of equals, is written as `::`; a single group is not worth it.
  let from = 0;
  let longest = 1;
  for (let at = 0; at < 8; at++) {
    let end = at;
    while (groups[end] === '0') end++;
    if (end - at > longest) {
      from = at;
      longest = end - at;
    }
    at = Math.max(at, end - 1);
  }
  if (longest === 1) return groups.join(':');
  return `${groups.slice(0, from).join(':')}::${groups.slice(from + longest).join(':')}`;
}

/** The address's own machine, or one that is the same for both. As Envoy, a Unix socket's peer is near, too. */
export function isSameIpOrLoopback(local: Address, remote: Address): boolean {
  if (remote.kind === 'pipe') return true;
  const bytes = addressBytes(remote.host);
  if (bytes === undefined) return false;
  if (isLoopback(bytes)) return true;
  const own = local.kind === 'ip' ? addressBytes(local.host) : undefined;
  return own !== undefined && own.length === bytes.length && own.every((byte, at) => byte === bytes[at]);
}

function isLoopback(bytes: readonly number[]): boolean {
  if (bytes.length === 4) return bytes[0] === 127;
  return bytes.every((byte, at) => byte === (at === 15 ? 1 : 0));
}

function v4Bytes(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = parts.map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 256));
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function v6Bytes(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupBytes(halves[0]!);
  const tail = halves.length === 2 ? groupBytes(halves[1]!) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

function groupBytes(text: string): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [at, group] of groups.entries()) {
    if (at === groups.length - 1 && group.includes('.')) {
      const v4 = v4Bytes(group);
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
      continue;
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes.push(value >> 8, value & 0xff);
  }
  return bytes;
}
