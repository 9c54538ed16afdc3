import { codeBits, codes } from './huffman-code.ts';

/** Octets of `text` (one character an octet) in the Huffman code. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let at = 0; at < text.length; at++) bits += codeBits[text.charCodeAt(at) & 0xff]!;
  return (bits + 7) >>> 3;
}

/** Writes `text` at `at`, where {@link huffmanLength} octets must have room; returns the position after it. */
export function writeHuffman(text: string, bytes: Uint8Array, at: number): number {
  /** Bits that were not written yet are the lowest `waitingBits`, fewer than 16; above them may be old ones. */
  let waiting = 0;
  let waitingBits = 0;
  for (let index = 0; index < text.length; index++) {
    const octet = text.charCodeAt(index) & 0xff;
    let code = codes[octet]!;
    let bits = codeBits[octet]!;
    if (bits > 16) {
      // With those that wait it would not fit in 32, so what is above its lowest sixteen goes first.
      bits -= 16;
      waiting = (waiting << bits) | (code >>> 16);
      waitingBits += bits;
      if (waitingBits >= 16) {
        waitingBits -= 16;
        bytes[at++] = waiting >>> (waitingBits + 8);
        bytes[at++] = waiting >>> waitingBits;
      }
      code &= 0xffff;
      bits = 16;
    }
    waiting = (waiting << bits) | code;
    waitingBits += bits;
    if (waitingBits >= 16) {
      waitingBits -= 16;
      bytes[at++] = waiting >>> (waitingBits + 8);
      bytes[at++] = waiting >>> waitingBits;
    }
  }
  if (waitingBits >= 8) bytes[at++] = waiting >>> (waitingBits -= 8);
  if (waitingBits > 0) bytes[at++] = (waiting << (8 - waitingBits)) | (0xff >>> waitingBits);
  return at;
}
