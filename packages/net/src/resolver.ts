import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { CodedError } from '@sofamesh/base/errors';
import { failureOf } from './system-error.ts';

/** Letters, digits, hyphen, underscore and dots: what names of hosts and services are made of (RFC 1123 §2.1). */
const hostName = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i;
const hostNameCharsMax = 253;

export interface ResolvedHost {
  /** Literal IPv4 and IPv6 addresses without repetition, in the system's order of preference. */
  readonly addresses: readonly string[];
}

/**
 * The addresses of a name as the system knows them (its hosts file included); a literal address is its own. Occupies one
 * of Node's four helper threads meanwhile, so it is for the main thread's clusters and not for a request. Rejects with a
 * {@link CodedError}: `EINVAL` for what cannot be a name, else the system's code (`ENOTFOUND`, `EAI_AGAIN`).
 */
export async function resolveHost(name: string): Promise<ResolvedHost> {
  if (isIP(name) !== 0) return { addresses: [name] };
  // A NUL would cut the name short on its way to the system (CVE-2026-48930).
  if (name.length > hostNameCharsMax || !hostName.test(name)) {
    throw new CodedError('EINVAL', `not a host name: ${JSON.stringify(name.slice(0, hostNameCharsMax))}`);
  }
  try {
    const found = await lookup(name, { all: true });
    return { addresses: [...new Set(found.map(({ address }) => address))] };
  } catch (error) {
    throw failureOf(`resolve ${name}`, error);
  }
}
