import { hexValue, hostOctet, octetClass } from './octets.ts';

const openBracket = 0x5b;
const closeBracket = 0x5d;
const colon = 0x3a;

/**
 * A host with an optional port: `uri-host [ ":" port ]` of RFC 9110 §7.2, without user information, lists and escapes.
 * The port, where the colon is, has one to five digits and is at most 65535.
 */
export function isAuthority(text: string, portNeeded = false): boolean {
  let at = 0;
  if (text.charCodeAt(0) === openBracket) {
    let colons = 0;
    for (at = 1; at < text.length && text.charCodeAt(at) !== closeBracket; at++) {
      const code = text.charCodeAt(at);
      if (code === colon) colons++;
      else if (code !== 0x2e && (code > 255 || hexValue[code] === 255)) return false;
    }
    if (at === text.length || colons < 2) return false;
    at++;
  } else {
    for (; at < text.length && text.charCodeAt(at) !== colon; at++) {
      const code = text.charCodeAt(at);
      if (code > 255 || (octetClass[code]! & hostOctet) === 0) return false;
    }
    if (at === 0) return false;
  }
  if (at === text.length) return !portNeeded;
  return text.charCodeAt(at) === colon && isPort(text, at + 1);
}

function isPort(text: string, from: number): boolean {
  if (from === text.length || text.length - from > 5) return false;
  let port = 0;
  for (let at = from; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65535;
}
