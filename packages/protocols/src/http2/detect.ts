import { clientPreface } from './frame.ts';

/** The preface, octet by octet: nothing else that a client may begin with is HTTP/2 by prior knowledge. */
export function detectHttp2(prefix: Buffer): 'match' | 'mismatch' | 'more' {
  const length = Math.min(prefix.length, clientPreface.length);
  for (let at = 0; at < length; at++) if (prefix[at] !== clientPreface[at]) return 'mismatch';
  return length === clientPreface.length ? 'match' : 'more';
}
