import fc from 'fast-check';

const surrogatesStart = 0xd800;
const surrogateCount = 0x800;

/** Every code point that is no surrogate, all equally likely. */
const anyCharacter = fc
  .nat(0x10ffff - surrogateCount)
  .map((at) => String.fromCodePoint(at < surrogatesStart ? at : at + surrogateCount), positionOf);

function positionOf(character: unknown): number {
  const point = typeof character === 'string' ? character.codePointAt(0) : undefined;
  if (point === undefined || String.fromCodePoint(point) !== character) throw new Error('is no character');
  if (point >= surrogatesStart && point < surrogatesStart + surrogateCount) throw new Error('is half a character');
  return point < surrogatesStart ? point : point - surrogateCount;
}

/** Any text: what `fc.string({ unit: 'binary' })` makes, which builds a map of all characters first, for more than a second. */
export function anyText(maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: anyCharacter, maxLength });
}
