import { isIPv4, type Socket } from 'node:net';
import { type Address, formatAddress } from '@sofamesh/base/address';
import { descriptorOf } from './descriptor.ts';
import { libc } from './libc.ts';
import { decodeSocketAddress, socketAddressBytes } from './socket-bytes.ts';

// Linux: <netinet/in.h>, <linux/netfilter_ipv4.h>, <linux/netfilter_ipv6/ip6_tables.h>.
const SOL_IP = 0;
const SOL_IPV6 = 41;
const SO_ORIGINAL_DST = 80;

/**
 * Where the client of an accepted connection wanted to go before a REDIRECT or DNAT rule sent it here; undefined where no
 * rule did, or the system does not track connections. Throws a CodedError where the system cannot be asked at all.
 */
export function originalDestination(socket: Socket, local: Address): Address | undefined {
  const fd = descriptorOf(socket);
  if (fd === undefined || local.kind !== 'ip') return undefined;
  // A socket for both families knows IPv4 connections under IPv4's rules.
  const v4 = isIPv4(local.host) || /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(local.host);
  const bytes = Buffer.alloc(socketAddressBytes);
  if (libc().getOption(fd, v4 ? SOL_IP : SOL_IPV6, SO_ORIGINAL_DST, bytes) !== 0) return undefined;
  const asked = decodeSocketAddress(bytes);
  return asked === undefined || formatAddress(asked) === formatAddress(local) ? undefined : asked;
}
