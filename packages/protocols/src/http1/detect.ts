import { CR, LF, octetClass, SP, targetOctet, tokenOctet } from '../shared/octets.ts';

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);
const methodLengthMax = 24;
const afterTarget = 'HTTP/1.';

/**
 * A known method and a blank are enough; after any other method (letters and `-`) the line must go on to `HTTP/1.`.
 * One empty line may come before. Octets are judged one by one, so the verdict does not depend on how they arrive.
 * HTTP/2's preface is a request of another version.
 */
export function detectHttp1(prefix: Buffer): 'match' | 'mismatch' | 'more' {
  let at = 0;
  if (prefix[0] === CR) {
    if (prefix.length === 1) return 'more';
    if (prefix[1] !== LF) return 'mismatch';
    at = 2;
  }
  const methodStart = at;
  while (at < prefix.length && isMethodOctet(prefix[at]!)) if (++at - methodStart > methodLengthMax) return 'mismatch';
  if (at === prefix.length) return 'more';
  if (at === methodStart || prefix[at] !== SP) return 'mismatch';
  const method = prefix.toString('latin1', methodStart, at);
  if (knownMethods.has(method)) return 'match';
  const targetStart = ++at;
  while (at < prefix.length && octetClass[prefix[at]!]! & targetOctet) at++;
  if (at === prefix.length) return 'more';
  if (at === targetStart || prefix[at] !== SP) return 'mismatch';
  at++;
  for (let index = 0; index < afterTarget.length; index++) {
    if (at + index === prefix.length) return 'more';
    if (prefix[at + index] !== afterTarget.charCodeAt(index)) return 'mismatch';
  }
  return 'match';
}

function isMethodOctet(octet: number): boolean {
  return ((octet >= 0x41 && octet <= 0x5a) || octet === 0x2d) && (octetClass[octet]! & tokenOctet) !== 0;
}
