/** Where a socket listens or connects to. */
export type Address = IpAddress | PipeAddress;

export interface IpAddress {
  readonly kind: 'ip';
  /** A literal IPv4 or IPv6 address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** To listen on: an IPv6 address takes IPv4 connections, too, whose addresses are then told as IPv4. */
  readonly ipv4Compat?: boolean;
}

export interface PipeAddress {
  readonly kind: 'pipe';
  readonly path: string;
  /** To listen on: permissions of the file; the process's own without it. */
  readonly mode?: number;
}

export function ipAddress(host: string, port: number): IpAddress {
  return { kind: 'ip', host, port };
}

/** `127.0.0.1:80`, `[::1]:80` or the path, as Envoy prints addresses. */
export function formatAddress(address: Address): string {
  if (address.kind === 'pipe') return address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
