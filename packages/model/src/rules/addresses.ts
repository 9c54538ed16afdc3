import { ipFamily } from '../ip.ts';
import { fqdn } from './names.ts';
import type { Rule } from './rule.ts';

export const UNIX_PREFIX = 'unix://';

export const ipAddress: Rule = (value) => (ipFamily(value) > 0 ? undefined : 'must be an IP address');

/** An IP address, or a range of them in CIDR form. */
export const subnet: Rule = (value) => {
  const slash = value.indexOf('/');
  const address = slash < 0 ? value : value.slice(0, slash);
  const family = ipFamily(address);
  if (family > 0 && !address.includes('%')) {
    if (slash < 0) return undefined;
    const length = value.slice(slash + 1);
    if (/^(?:0|[1-9]\d{0,2})$/.test(length) && Number(length) <= (family === 4 ? 32 : 128)) return undefined;
  }
  return 'must be an IP address or a range such as 10.0.0.0/8';
};

/** The path behind `unix://`: absolute, or abstract when it begins with @. */
export function unixPathReason(path: string): string | undefined {
  if (path.startsWith('@') && path.length > 1) return undefined;
  return path.startsWith('/') && !path.endsWith('/') ? undefined : 'must be unix:// with an absolute path to a socket';
}

/** An endpoint: an IP address, a host name or `unix:///path`. */
export const endpointAddress: Rule = (value) => {
  if (value.startsWith(UNIX_PREFIX)) return unixPathReason(value.slice(UNIX_PREFIX.length));
  if (ipFamily(value) > 0 || fqdn(value) === undefined) return undefined;
  return 'must be an IP address, a host name or unix:///path';
};

/** Where a listener binds: an IP address or `unix:///path`. */
export const bindAddress: Rule = (value) =>
  value.startsWith(UNIX_PREFIX) ? unixPathReason(value.slice(UNIX_PREFIX.length)) : ipAddress(value);

const LOOPBACK_OR_ANY = new Set(['', '127.0.0.1', '0.0.0.0', '::1', '::']);

/** Host and port of a sidecar's `defaultEndpoint`; the host is empty, the loopback or the any-address. */
export const defaultEndpoint: Rule = (value) => {
  if (value.startsWith(UNIX_PREFIX)) return unixPathReason(value.slice(UNIX_PREFIX.length));
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(value);
  const host = parts?.[1] ?? parts?.[2] ?? '';
  const port = Number(parts?.[3] ?? 0);
  if (parts !== null && LOOPBACK_OR_ANY.has(host) && port >= 1 && port <= 65_535) return undefined;
  return 'must be 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT or unix:///path';
};

/** `HOST:PORT`, the host a name or an address. */
export const hostPort: Rule = (value) => {
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(value);
  const host = parts?.[1] ?? parts?.[2] ?? '';
  const port = Number(parts?.[3] ?? 0);
  const good = parts !== null && (ipFamily(host) > 0 || fqdn(host) === undefined) && port >= 1 && port <= 65_535;
  return good ? undefined : 'must be HOST:PORT';
};
