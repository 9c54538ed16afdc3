/** Which octets may stand where, as bits of {@link octetClass}. */
export const tokenOctet = 1;
/** In a field value or reason phrase: HTAB, blank, visible ASCII and obs-text (RFC 9110 §5.5). */
export const valueOctet = 2;
/** In a request target: visible ASCII but `#`; raw bytes above 0x7f are refused, as Envoy does. */
export const targetOctet = 4;
/** In a host name or IPv4 address: unreserved, sub-delims but the comma (RFC 3986 §3.2.2); no escapes. */
export const hostOctet = 8;
/** An upper-case letter. */
export const upperOctet = 16;

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;
export const DEL = 0x7f;

/** Bits for every octet. */
export const octetClass: Uint8Array = new Uint8Array(256);
/** Lower-case twin of an ASCII letter, else the octet itself. */
export const lowerOctet: Uint8Array = new Uint8Array(256);
/** Value of a hexadecimal digit, 255 for any other octet. */
export const hexValue: Uint8Array = new Uint8Array(256).fill(255);

for (let octet = 0; octet < 256; octet++) {
  const character = String.fromCharCode(octet);
  let bits = 0;
  if (/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(character)) bits |= tokenOctet;
  if (octet === HTAB || (octet >= SP && octet !== 0x7f)) bits |= valueOctet;
  if (octet > SP && octet < 0x7f && character !== '#') bits |= targetOctet;
  if (/[0-9A-Za-z\-._~!$&'()*+;=]/.test(character)) bits |= hostOctet;
  if (octet >= 0x41 && octet <= 0x5a) bits |= upperOctet;
  octetClass[octet] = bits;
  lowerOctet[octet] = /[A-Z]/.test(character) ? octet + 32 : octet;
  if (/[0-9a-fA-F]/.test(character)) hexValue[octet] = Number.parseInt(character, 16);
}

/** Whether `bytes` from `start` spell `name` (lower case, ASCII), upper case allowed. The caller has compared lengths. */
export function spells(bytes: Buffer, start: number, name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    if (lowerOctet[bytes[start + at]!] !== name.charCodeAt(at)) return false;
  }
  return true;
}

/** Whether every character of a non-empty `text` has the class. */
export function isAll(text: string, bits: number): boolean {
  if (text.length === 0) return false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 255 || (octetClass[code]! & bits) === 0) return false;
  }
  return true;
}

/** Like {@link isAll} for field values, which may be empty. */
export function isFieldValue(text: string): boolean {
  return text.length === 0 || isAll(text, valueOctet);
}

export function isBlank(octet: number): boolean {
  return octet === SP || octet === HTAB;
}
