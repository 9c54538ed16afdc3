import { readUint32 } from '../shared/byte-writer.ts';
import { MessageType } from '../shared/thrift/message.ts';

type Verdict = 'match' | 'mismatch' | 'more';

/** A longer name is not taken for one of the old binary protocol, which is told by what follows it. */
const oldNameMax = 128;

/**
 * Whether a client that sends these bytes first speaks Thrift. A message begins with a version or stands behind a length
 * below 16 MiB, above which it would begin as other protocols do; the old binary protocol has no version, so there the name of the call must be one and its type must follow.
 */
export function detect(prefix: Buffer): Verdict {
  const first = prefix[0]!;
  if (first === 0x80 || first === 0x82) return detectMessage(prefix, 0);
  if (first !== 0) return 'mismatch';
  if (prefix.length < 5) return 'more';
  switch (prefix[4]) {
    case 0x80:
    case 0x82:
      return detectMessage(prefix, 4);
    case 0x0f:
      if (prefix.length < 6) return 'more';
      return prefix[5] === 0xff ? 'match' : 'mismatch';
    case 0:
      return detectOldMessage(prefix);
    default:
      return 'mismatch';
  }
}

function isCall(type: number): boolean {
  return type === MessageType.call || type === MessageType.oneWay;
}

function detectMessage(prefix: Buffer, at: number): Verdict {
  if (prefix.length < at + 2) return 'more';
  const second = prefix[at + 1]!;
  if (prefix[at] === 0x82) return (second & 0x1f) === 1 && isCall(second >>> 5) ? 'match' : 'mismatch';
  if (second !== 1) return 'mismatch';
  if (prefix.length < at + 4) return 'more';
  return isCall(prefix[at + 3]!) ? 'match' : 'mismatch';
}

function detectOldMessage(prefix: Buffer): Verdict {
  if (prefix.length < 8) return prefix.length > 5 && prefix[5] !== 0 ? 'mismatch' : 'more';
  const nameEnd = 8 + readUint32(prefix, 4);
  const length = readUint32(prefix, 0);
  if (nameEnd === 8 || nameEnd > 8 + oldNameMax || nameEnd + 6 > 4 + length) return 'mismatch';
  for (let at = 8; at < Math.min(nameEnd, prefix.length); at++) if (!isNameOctet(prefix[at]!)) return 'mismatch';
  if (prefix.length <= nameEnd) return 'more';
  return isCall(prefix[nameEnd]!) ? 'match' : 'mismatch';
}

/** Letters, digits, `_`, `.`, and the `:` behind a service. */
function isNameOctet(octet: number): boolean {
  const letter = octet | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || (octet >= 0x30 && octet <= 0x3a) || octet === 0x5f || octet === 0x2e;
}
