interface PathRules {
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: 'keep' | 'reject' | 'redirect' | 'forward';
}

/** The path in the form that was configured; it answers undefined for one to refuse. Undefined when paths stay as they are. */
export function compilePathForm(rules: PathRules): ((target: string) => string | undefined) | undefined {
  const { normalizePath: normalizes, mergeSlashes, escapedSlashes } = rules;
  if (escapedSlashes === 'keep') {
    if (!normalizes && !mergeSlashes) return undefined;
    return (target) => normalizePath(target, normalizes, mergeSlashes);
  }
  return (target) => {
    const unescaped = unescapeSlashes(target);
    if (unescaped !== target && escapedSlashes === 'reject') return undefined;
    return normalizePath(unescaped, normalizes, mergeSlashes);
  };
}

/** Whether the path, not its query, has a slash or backslash in disguise. */
export function hasEscapedSlashes(target: string): boolean {
  return unescapeSlashes(target) !== target;
}

/** Escaped slashes and backslashes become themselves; the query is left alone. */
function unescapeSlashes(target: string): string {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  if (!path.includes('%')) return target;
  const unescaped = path.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
  return mark < 0 ? unescaped : unescaped + target.slice(mark);
}

/** Nothing in these characters can make a path other than normal: the quick way out for nearly every request. */
const suspicious = /[%\\"<>^`{|}\0]|\/\.|\/\//;
const unreserved = /^[A-Za-z0-9\-._~]$/;
/** Characters that a URL has only as escapes. */
const unsafe = /["<>^`{|}]/g;
/** `.` or `..`, whatever parameters it has. */
const dots = /^\.{1,2}(?:;|$)/;

/**
 * A path in normal form as Envoy makes it, its query untouched: backslashes are slashes, percent-encoded unreserved
 * characters are themselves, characters that a URL cannot have are escapes, dot segments are resolved with their parameters
 * (RFC 3986 §6.2.2; more `..` than there are segments end at the root); `mergeSlashes` makes one slash of several. Undefined
 * when it cannot be: a NUL, encoded or not.
 */
export function normalizePath(target: string, normalize: boolean, mergeSlashes: boolean): string | undefined {
  if (!suspicious.test(target) || target.charCodeAt(0) !== 0x2f) return target;
  const mark = target.indexOf('?');
  let path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark);
  if (normalize) {
    const decoded = decodeUnreserved(path.replaceAll('\\', '/'));
    if (decoded === undefined) return undefined;
    path = resolveDots(decoded.replace(unsafe, escapeOf));
  }
  if (mergeSlashes) path = path.replace(/\/{2,}/g, '/');
  return path + query;
}

function escapeOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/**
 * A `%` that begins no escape stays, unless what is decoded behind it would make it one: another decoder must not see more
 * in the path than this one.
 */
function decodeUnreserved(path: string): string | undefined {
  if (path.includes('\0')) return undefined;
  if (!path.includes('%')) return path;
  let decoded = '';
  for (let at = 0; at < path.length; at++) {
    if (path[at] !== '%') {
      decoded += path[at];
      continue;
    }
    const digits = path.slice(at + 1, at + 3);
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) {
      decoded += '\0';
      continue;
    }
    if (digits === '00') return undefined;
    const character = String.fromCharCode(Number.parseInt(digits, 16));
    decoded += unreserved.test(character) ? character : `%${digits}`;
    at += 2;
  }
  return decoded.replace(/\0(?=[0-9A-Fa-f]{2})/g, '%25').replaceAll('\0', '%');
}

function resolveDots(path: string): string {
  if (!path.includes('/.')) return path;
  const segments = path.split('/');
  const kept: string[] = [];
  const last = segments.length - 1;
  for (let at = 1; at <= last; at++) {
    const segment = segments[at]!;
    if (!dots.test(segment)) {
      kept.push(segment);
      continue;
    }
    if (segment.startsWith('..')) kept.pop();
    if (at === last) kept.push('');
  }
  return `/${kept.join('/')}`;
}
