import { isIP, isIPv4, type Socket } from 'node:net';
import type { Address } from '@sofamesh/base/address';
import { ipAddress } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';

/**
 * How Node names an address. A path that begins with `@` is a name in Linux' abstract namespace (Envoy's
 * `core.v3.Pipe.path`). Throws `EINVAL` for a host that is not a literal address: names are resolved by clusters, never by
 * a socket, for `getaddrinfo` would block one of four threads.
 */
export function socketPath(address: Address): { path: string } | { host: string; port: number } {
  if (address.kind === 'pipe') {
    if (address.path === '') throw new CodedError('EINVAL', 'the path of a Unix socket is empty');
    return { path: address.path.startsWith('@') ? `\0${address.path.slice(1)}` : address.path };
  }
  if (isIP(address.host) === 0) throw new CodedError('EINVAL', `not an IP address: ${JSON.stringify(address.host)}`);
  if (!Number.isInteger(address.port) || address.port < 0 || address.port > 65535) {
    throw new CodedError('EINVAL', `not a port: ${address.port}`);
  }
  return { host: address.host, port: address.port };
}

/** What a connection's own end is called before the system has chosen it. */
export function unspecified(address: Address): Address {
  if (address.kind === 'pipe') return { kind: 'pipe', path: '' };
  return ipAddress(address.host.includes(':') ? '::' : '0.0.0.0', 0);
}

/** This side's address of a connected socket; `fallback` for a Unix socket, whose ends Node does not tell. */
export function localAddress(socket: Socket, fallback: Address): Address {
  const { localAddress: host, localPort: port } = socket;
  return host === undefined || port === undefined ? fallback : ipAddress(withoutMapping(host), port);
}

/** The peer's address of a connected socket. */
export function remoteAddress(socket: Socket, fallback: Address): Address {
  const { remoteAddress: host, remotePort: port } = socket;
  return host === undefined || port === undefined ? fallback : ipAddress(withoutMapping(host), port);
}

const mapped = '::ffff:';

/** An IPv4 peer of a socket for both families has an address of its own kind, for prefixes and logs. */
function withoutMapping(host: string): string {
  if (!host.startsWith(mapped)) return host;
  const rest = host.slice(mapped.length);
  return isIPv4(rest) ? rest : host;
}
