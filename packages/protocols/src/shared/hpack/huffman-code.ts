/**
 * The Huffman code of RFC 7541, appendix B. It is canonical: codes of one length follow each other in the order of their
 * octets, and longer ones come after shorter ones. So the lengths, here in bits for the octets 0 to 255, say it all.
 */
// biome-ignore format: sixteen octets a line
const octetBits = Uint8Array.of(
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
);

/** The end-of-string symbol: thirty ones. It is never sent; its first bits fill the last octet. */
export const endOfString = 256;
const longestBits = 30;

/** By symbol, {@link endOfString} included: how many bits its code has. */
export const codeBits = Uint8Array.of(...octetBits, longestBits);

/** By symbol: the code, in the lowest bits. */
export const codes = canonicalCodes();

function canonicalCodes(): Uint32Array {
  const bySymbol = new Uint32Array(codeBits.length);
  let code = 0;
  for (let bits = 1; bits <= longestBits; bits++) {
    code *= 2;
    for (let symbol = 0; symbol < codeBits.length; symbol++) if (codeBits[symbol] === bits) bySymbol[symbol] = code++;
  }
  return bySymbol;
}
