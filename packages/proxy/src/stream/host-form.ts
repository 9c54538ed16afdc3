import type { Address } from '@sofamesh/base/address';

/**
 * The authority in the form that routes expect: without the dot behind a host's name, without a port. Compiled; undefined
 * when nothing is to be done.
 */
export function compileHostForm(
  stripPort: 'any' | 'matching' | undefined,
  stripDot: boolean,
): ((authority: string, local: Address) => string) | undefined {
  if (stripPort === undefined && !stripDot) return undefined;
  return (authority, local) => {
    const at = portStart(authority);
    let host = at < 0 ? authority : authority.slice(0, at);
    let port = at < 0 ? '' : authority.slice(at);
    if (stripDot && host.length > 1 && host.endsWith('.')) host = host.slice(0, -1);
    const strips = stripPort === 'any' || (local.kind === 'ip' && port === `:${local.port}`);
    if (stripPort !== undefined && strips) port = '';
    return host + port;
  };
}

/** Where `:port` begins; -1 without one. */
function portStart(authority: string): number {
  const colon = authority.lastIndexOf(':');
  return colon > authority.lastIndexOf(']') && /^:\d+$/.test(authority.slice(colon)) ? colon : -1;
}
