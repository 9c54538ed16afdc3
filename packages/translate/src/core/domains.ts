import type { Service } from '@sofamesh/contract/registry';
import { hostNames } from '@sofamesh/model/host';

/** Every name by which clients of a namespace may ask for a service, lower case; the service's own name first. */
export function serviceNames(service: Service, clientNamespace: string, meshDomain: string): readonly string[] {
  const addresses = service.addresses.filter((address) => !address.includes('/'));
  return unique([
    ...hostNames(service.host, clientNamespace, meshDomain),
    ...service.aliases,
    ...addresses.map((address) => (address.includes(':') ? `[${address}]` : address)),
  ]);
}

/** As domains of a virtual host: each name with and without the port, which a `*` at the end stands for already. */
export function domainsOf(names: readonly string[], port: number): readonly string[] {
  return unique(names.flatMap((name) => (name.endsWith('*') ? [name] : [name, `${name}:${port}`])));
}

/**
 * The names of the listener itself, for a port that a single service has: a client that has no other name for the
 * service asks for the address that it connects to.
 */
export function listenerNames(bind: string): readonly string[] {
  return bind === '' || bind.startsWith('127.') ? ['localhost', '127.*'] : ['localhost', bind];
}

/**
 * No two virtual hosts of a route configuration may have a domain in common: a service's own name is its own, and any
 * other belongs to whoever comes first.
 */
export function shareDomains(wanted: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const owners = new Map<string, number>();
  const claim = (domain: string, owner: number) => {
    if (!owners.has(domain)) owners.set(domain, owner);
  };
  // The first name stands before the others, with and without port.
  for (const [owner, domains] of wanted.entries()) for (const domain of domains.slice(0, 2)) claim(domain, owner);
  for (const [owner, domains] of wanted.entries()) for (const domain of domains) claim(domain, owner);
  return wanted.map((domains, owner) => domains.filter((domain) => owners.get(domain) === owner));
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.toLowerCase()))];
}
