/** Nothing in these characters can make a path other than normal: the quick way out for nearly every request. */
const suspicious = /%|\\|\/\.|\/\//;
const unreserved = /^[A-Za-z0-9\-._~]$/;

/**
 * A path in normal form, its query untouched: backslashes are slashes, percent-encoded unreserved characters are
 * themselves, dot segments are resolved (RFC 3986 §6.2.2); `mergeSlashes` makes one of several. Undefined when it cannot
 * be: an escape that is none, an encoded NUL, or more `..` than there are segments.
 */
export function normalizePath(target: string, normalize: boolean, mergeSlashes: boolean): string | undefined {
  if (!suspicious.test(target) || target.charCodeAt(0) !== 0x2f) return target;
  const mark = target.indexOf('?');
  let path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark);
  if (normalize) {
    const decoded = decodeUnreserved(path.replaceAll('\\', '/'));
    if (decoded === undefined) return undefined;
    const resolved = resolveDots(decoded);
    if (resolved === undefined) return undefined;
    path = resolved;
  }
  if (mergeSlashes) path = path.replace(/\/{2,}/g, '/');
  return path + query;
}

function decodeUnreserved(path: string): string | undefined {
  if (!path.includes('%')) return path;
  let decoded = '';
  for (let at = 0; at < path.length; at++) {
    if (path[at] !== '%') {
      decoded += path[at];
      continue;
    }
    const digits = path.slice(at + 1, at + 3);
    if (!/^[0-9A-Fa-f]{2}$/.test(digits) || digits === '00') return undefined;
    const character = String.fromCharCode(Number.parseInt(digits, 16));
    decoded += unreserved.test(character) ? character : `%${digits.toUpperCase()}`;
    at += 2;
  }
  return decoded;
}

function resolveDots(path: string): string | undefined {
  if (!path.includes('/.')) return path;
  const segments = path.split('/');
  const kept: string[] = [];
  const last = segments.length - 1;
  for (let at = 1; at <= last; at++) {
    const segment = segments[at]!;
    const up = segment === '..';
    if (!up && segment !== '.') {
      kept.push(segment);
      continue;
    }
    if (up && kept.pop() === undefined) return undefined;
    if (at === last) kept.push('');
  }
  return `/${kept.join('/')}`;
}
