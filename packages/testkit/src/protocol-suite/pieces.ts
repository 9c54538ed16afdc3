import { type Random, randomInteger } from '@sofamesh/base/random';

/** Cuts bytes at the given positions (ascending, those outside ignored). Every piece has memory of its own. */
export function cut(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let from = 0;
  for (const at of positions) {
    if (at <= 0 || at >= bytes.length) continue;
    pieces.push(part(bytes, from, at));
    from = at;
  }
  pieces.push(part(bytes, from, bytes.length));
  return pieces;
}

/** The suites cut millions of pieces: a view of each, to copy it from, would double what they cost. */
function part(bytes: Buffer, from: number, to: number): Buffer {
  const piece = Buffer.allocUnsafe(to - from);
  bytes.copy(piece, 0, from, to);
  return piece;
}

/** Ways to cut a message of that length: in two at every octet (of very long ones, at some), octet by octet, at random. */
export function* waysToCut(length: number, random: Random): Generator<readonly number[]> {
  const step = Math.max(1, Math.floor(length / 2000));
  for (let at = 1; at < length; at += step) yield [at];
  yield Array.from({ length: length - 1 }, (_, at) => at + 1);
  for (let round = 0; round < 20; round++) yield randomCuts(length, random);
}

/** Up to eight positions, ascending. */
export function randomCuts(length: number, random: Random): readonly number[] {
  const positions: number[] = [];
  for (let left = randomInteger(random, 8) + 1; left > 0; left--) positions.push(randomInteger(random, length));
  return positions.sort((a, b) => a - b);
}

/** A few octets changed, inserted, removed or repeated. */
export function corrupted(bytes: Buffer, random: Random): Buffer {
  let result = Buffer.from(bytes);
  for (let edits = randomInteger(random, 4) + 1; edits > 0; edits--) {
    const at = randomInteger(random, result.length);
    const before = result.subarray(0, at);
    switch (randomInteger(random, 5)) {
      case 0:
        result = Buffer.concat([before, result.subarray(at + 1)]);
        break;
      case 1:
        result = Buffer.concat([before, Buffer.of(randomInteger(random, 256)), result.subarray(at)]);
        break;
      case 2:
        result = Buffer.concat([before, result.subarray(randomInteger(random, result.length))]);
        break;
      default:
        result[at] = randomInteger(random, 256);
    }
    if (result.length === 0) return Buffer.of(randomInteger(random, 256));
  }
  return result;
}
