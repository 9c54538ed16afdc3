/** A shorter cookie is guessed by trying: it is never put where an attacker could see that a guess was right. */
const guessableCookieCharacters = 20;

/**
 * Names whose values change with nearly every message, or tell secrets to one who can make requests on the same connection
 * and see its length (RFC 7541 §7.1): their values stay out of the table. Others show by themselves whether they repeat.
 */
const unindexedNames: ReadonlySet<string> = new Set([
  ':path',
  'age',
  'content-length',
  'content-range',
  'etag',
  'expires',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'last-modified',
  'location',
  'range',
  'referer',
  'set-cookie',
]);

const sensitiveNames: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization']);

export type Indexing = 'by-use' | 'none' | 'never';

/** How values of this name are sent. `never` binds every hop, `none` only us (RFC 7541 §6.2.2, §6.2.3). */
export function indexingOf(name: string): Indexing {
  if (sensitiveNames.has(name)) return 'never';
  return unindexedNames.has(name) ? 'none' : 'by-use';
}

export function isGuessableCookie(name: string, value: string): boolean {
  return value.length < guessableCookieCharacters && name === 'cookie';
}
