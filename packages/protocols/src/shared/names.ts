/** True when the bytes spell `name` (lower case) in any case. Names with other than ASCII letters are never found so. */
export function nameIs(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  const length = end - start;
  if (length !== name.length) return false;
  for (let at = 0; at < length; at++) {
    let byte = bytes[start + at]!;
    if (byte >= 0x41 && byte <= 0x5a) byte += 0x20;
    if (byte !== name.charCodeAt(at)) return false;
  }
  return true;
}
