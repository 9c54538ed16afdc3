import type { RequestHead } from '@sofamesh/contract/message';
import type { PathMatchConfig, RedirectConfig } from '../config/route.ts';
import { compilePathRewrite, splitPath } from './rewrite.ts';

const defaultPorts: Readonly<Record<string, string>> = { http: ':80', https: ':443' };

/** Where a redirect sends a request: the `location` header. Throws a CodedError that begins with `where`. */
export function compileRedirect(
  action: RedirectConfig,
  matched: PathMatchConfig,
  where: string,
): (head: RequestHead) => string {
  const rewrite = action.regexRewrite && compilePathRewrite(action.regexRewrite, `${where}.redirect.regex_rewrite`);
  return (head) => {
    const scheme = action.scheme ?? head.scheme;
    let host = action.host ?? head.authority;
    if (action.port !== undefined) host = `${host.replace(/:\d+$/, '')}:${action.port}`;
    else if (scheme !== head.scheme) host = dropSuffix(host, defaultPorts[head.scheme]);
    const [bare, query] = splitPath(rewrite === undefined ? head.path : rewrite(head.path));
    let path = bare;
    if (action.path !== undefined) path = action.path;
    else if (action.prefixRewrite !== undefined) path = action.prefixRewrite + bare.slice(matched.value.length);
    const keepQuery = query !== undefined && !action.stripQuery && !path.includes('?');
    return `${scheme}://${host}${path}${keepQuery ? `?${query}` : ''}`;
  };
}

/** The same address by HTTPS: for hosts that require TLS. */
export function httpsLocation(head: RequestHead): string {
  return `https://${dropSuffix(head.authority, ':80')}${head.path}`;
}

function dropSuffix(text: string, suffix: string | undefined): string {
  return suffix !== undefined && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
}
