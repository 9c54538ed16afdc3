import { type Random, randomInteger } from '@sofamesh/base/random';

/** True once in `of` times. */
export function oneIn(random: Random, of: number): boolean {
  return randomInteger(random, of) === 0;
}

export function between(random: Random, min: number, max: number): number {
  return min + random.next() * (max - min);
}

export function oneOf<T>(random: Random, choices: readonly T[]): T {
  return choices[randomInteger(random, choices.length)]!;
}

/** A key of `weights`, in proportion to its value. */
export function weighted<Key extends string>(random: Random, weights: Readonly<Partial<Record<Key, number>>>): Key {
  const entries = Object.entries(weights) as [Key, number][];
  let left = random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [key, weight] of entries) if ((left -= weight) < 0) return key;
  return entries[0]![0];
}

/** How long bodies are: mostly short, now and then longer than a read or a window. */
export function bodyBytes(random: Random): number {
  const choice = random.next();
  if (choice < 0.15) return 0;
  if (choice < 0.8) return randomInteger(random, 400);
  return randomInteger(random, choice < 0.97 ? 8_000 : 60_000);
}

/** `bytes` in one to four pieces. */
export function pieces(random: Random, bytes: Buffer): Buffer[] {
  const cuts = Array.from({ length: randomInteger(random, 4) }, () => randomInteger(random, bytes.length + 1));
  const ends = [...cuts.sort((a, b) => a - b), bytes.length];
  return ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end)).filter((piece) => piece.length > 0);
}

export function garbage(random: Random): Buffer {
  return Buffer.from(Array.from({ length: 1 + randomInteger(random, 60) }, () => randomInteger(random, 256)));
}
