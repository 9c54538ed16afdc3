import { type Random, randomInteger } from '@sofamesh/base/random';
import type { FuzzTarget } from './target.ts';

/** Inputs do not grow beyond this, so that a run of one stays short. */
export const inputBytesMax = 16 * 1024;
const editsMax = 6;
const repeatsMax = 200;

const oddOctets = [0x00, 0x01, 0x09, 0x0a, 0x0d, 0x20, 0x2c, 0x3a, 0x3b, 0x7f, 0x80, 0xc0, 0xfe, 0xff];
const oddNumbers = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff];
const oddDigits = [
  '0',
  '00',
  '1',
  '-1',
  '+1',
  '99999999999999999999',
  '4294967296',
  '2147483648',
  'ffffffff',
  '1e9',
  '',
];

/** Another input made of `seed`: a few edits, one upon the other. `others` are what pieces may be taken from. */
export function mutate(
  { tokens, parts }: Pick<FuzzTarget, 'tokens' | 'parts'>,
  seed: Buffer,
  others: readonly Buffer[],
  random: Random,
): Buffer {
  let bytes: Buffer = Buffer.from(seed);
  for (let edits = randomInteger(random, editsMax) + 1; edits > 0; edits--) {
    if (parts === undefined || random.next() < 0.3) bytes = edit(bytes, others, tokens, random);
    else bytes = parts.join(editParts(parts.split(bytes), parts.split(pick(others, random)), tokens, random));
    bytes = bytes.subarray(0, inputBytesMax);
  }
  return bytes.length === 0 ? Buffer.of(randomInteger(random, 256)) : Buffer.from(bytes);
}

/** One part changed, left out, repeated, moved or put in. */
function editParts(parts: Buffer[], others: readonly Buffer[], tokens: FuzzTarget['tokens'], random: Random): Buffer[] {
  const at = randomInteger(random, parts.length + 1);
  const part = parts[at] ?? Buffer.alloc(0);
  switch (randomInteger(random, 6)) {
    case 0:
      return parts.toSpliced(at, 1);
    case 1: {
      const times = randomInteger(random, pick([2, 8, repeatsMax], random)) + 1;
      return parts.toSpliced(at, 0, ...Array<Buffer>(times).fill(part));
    }
    case 2:
      return parts.toSpliced(at, 1).toSpliced(randomInteger(random, parts.length + 1), 0, part);
    case 3:
      return tokens.length === 0 ? parts : parts.toSpliced(at, 0, Buffer.from(pick(tokens, random) as Buffer));
    default:
      return parts.toSpliced(at, 1, edit(Buffer.from(part), others.length === 0 ? [part] : others, tokens, random));
  }
}

function pick<Value>(values: readonly Value[], random: Random): Value {
  return values[randomInteger(random, values.length)]!;
}

function edit(bytes: Buffer, others: readonly Buffer[], tokens: FuzzTarget['tokens'], random: Random): Buffer {
  const at = randomInteger(random, bytes.length + 1);
  const length = Math.min(randomInteger(random, pick([2, 8, 64, 1024], random)) + 1, bytes.length - at);
  const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)];
  switch (randomInteger(random, 11)) {
    case 0:
      return changed(bytes, at, (octet) => octet ^ (1 << randomInteger(random, 8)));
    case 1:
      return changed(bytes, at, () => (random.next() < 0.5 ? pick(oddOctets, random) : randomInteger(random, 256)));
    case 2:
      return Buffer.concat([before, after]);
    case 3:
      return Buffer.concat([before, randomBytes(length + 1, random), part, after]);
    case 4:
      return Buffer.concat([
        before,
        ...Array<Buffer>(randomInteger(random, pick([2, 8, repeatsMax], random)) + 2).fill(part),
        after,
      ]);
    case 5: {
      const other = pick(others, random);
      return Buffer.concat([before, other.subarray(randomInteger(random, other.length + 1))]);
    }
    case 6:
      return Buffer.concat([bytes, pick(others, random)]);
    case 7:
      return withNumber(bytes, at, pick([1, 2, 3, 4], random), pick(oddNumbers, random));
    case 8:
      return withDigits(bytes, at, pick(oddDigits, random));
    case 9:
      return before;
    default:
      return tokens.length === 0
        ? bytes
        : Buffer.concat([before, Buffer.from(pick(tokens, random) as Buffer), part, after]);
  }
}

function changed(bytes: Buffer, at: number, change: (octet: number) => number): Buffer {
  if (at < bytes.length) bytes[at] = change(bytes[at]!) & 0xff;
  return bytes;
}

function randomBytes(length: number, random: Random): Buffer {
  return Buffer.from(Array.from({ length }, () => randomInteger(random, 256)));
}

/** A big-endian number in place of what is there: perhaps a length. */
function withNumber(bytes: Buffer, at: number, width: number, value: number): Buffer {
  if (at + width > bytes.length) return bytes;
  bytes.writeUIntBE(value % 2 ** (8 * width), at, width);
  return bytes;
}

/** Other digits in place of the next ones: perhaps a length, too. */
function withDigits(bytes: Buffer, at: number, digits: string): Buffer {
  let start = at;
  while (start < bytes.length && !isDigit(bytes[start]!)) start++;
  let end = start;
  while (end < bytes.length && isDigit(bytes[end]!)) end++;
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(digits), bytes.subarray(end)]);
}

function isDigit(octet: number): boolean {
  return octet >= 0x30 && octet <= 0x39;
}
