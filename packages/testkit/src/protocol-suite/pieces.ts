import { type Random, randomInteger } from '@sofamesh/base/random';

/** Cuts bytes at the given positions (ascending, those outside ignored). Every piece has memory of its own. */
export function cut(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const bounds = [0, ...positions.filter((at) => at > 0 && at < bytes.length), bytes.length];
  return bounds.slice(1).map((end, at) => Buffer.from(bytes.subarray(bounds[at], end)));
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
  const count = randomInteger(random, 8) + 1;
  return Array.from({ length: count }, () => randomInteger(random, length)).sort((a, b) => a - b);
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
