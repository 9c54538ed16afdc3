/** Where a socket listens or connects to. */
export type Address = IpAddress | PipeAddress;

export interface IpAddress {
  readonly kind: 'ip';
  /** A literal IPv4 or IPv6 address, without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface PipeAddress {
  readonly kind: 'pipe';
  readonly path: string;
}

export function ipAddress(host: string, port: number): IpAddress {
  return { kind: 'ip', host, port };
}

/** `127.0.0.1:80`, `[::1]:80` or the path, as Envoy prints addresses. */
export function formatAddress(address: Address): string {
  if (address.kind === 'pipe') return address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
