import { isAuthority } from '../shared/authority.ts';

export interface AbsoluteTarget {
  readonly scheme: string;
  readonly authority: string;
  /** As in origin form; empty where the target has no path. */
  readonly path: string;
}

/** `http://host:80/path?query`, or undefined when it is not one with an acceptable authority. */
export function parseAbsoluteTarget(target: string): AbsoluteTarget | undefined {
  const colonAt = target.indexOf('://');
  if (colonAt !== 4 && colonAt !== 5) return undefined;
  const scheme = target.substring(0, colonAt).toLowerCase();
  if (scheme !== 'http' && scheme !== 'https') return undefined;
  const authorityStart = colonAt + 3;
  let pathStart = authorityStart;
  while (pathStart < target.length && target[pathStart] !== '/' && target[pathStart] !== '?') pathStart++;
  const authority = target.substring(authorityStart, pathStart);
  if (!isAuthority(authority)) return undefined;
  const path = target.substring(pathStart);
  return { scheme, authority, path: path.startsWith('?') ? `/${path}` : path };
}
