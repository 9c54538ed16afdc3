import type { Headers } from '@sofamesh/contract/message';
import { COLON, CR, octetClass, tokenOctet } from '../shared/octets.ts';
import { FieldBlock } from './field-block.ts';

const LF = 0x0a;

/**
 * Writes the names in a head or trailer section, which begins with a line of another kind, with upper-case initials:
 * `Content-Type`, and `Foo$B#$Are`, for every letter is an initial that comes behind neither letter nor digit. As Envoy's
 * `proper_case_words`.
 */
export function capitalizeNames(bytes: Buffer, end: number): void {
  let at = bytes.indexOf(LF) + 1;
  while (at > 0 && at < end && bytes[at] !== CR) {
    let initial = true;
    for (; at < end && bytes[at] !== COLON; at++) {
      const octet = bytes[at]!;
      if (initial && octet >= 0x61 && octet <= 0x7a) bytes[at] = octet - 0x20;
      initial = !isLetterOrDigit(octet);
    }
    at = bytes.indexOf(LF, at) + 1;
  }
}

function isLetterOrDigit(octet: number): boolean {
  if ((octetClass[octet]! & tokenOctet) === 0) return false;
  return (octet >= 0x30 && octet <= 0x39) || (octet >= 0x41 && octet <= 0x5a) || (octet >= 0x61 && octet <= 0x7a);
}

/** The message's own spelling of its names is to be kept. */
export function isPreserved(head: Headers): head is FieldBlock {
  return head instanceof FieldBlock && head.keepsCase;
}

/** Field lines of our own, each name spelled as the message had it, where it had it (`connection`, an edited field). */
export function respell(lines: string, block: FieldBlock): string {
  if (lines === '') return lines;
  return lines.replace(/^[^:\r\n]+(?=:)/gm, (name) => block.spellingOf(name) ?? name);
}
