/** Slots of one cache; a power of two. */
const slotCount = 256;
/** Longer texts are decoded every time, so that the cache stays small whatever peers send. */
const keyBytesMax = 128;

/**
 * Remembers what some bytes were decoded to: a proxy sees the same few service and method names again and again, and a
 * string that is already there costs less than a new one and is found faster in a map. Bounded: a slot holds the last
 * text that fell into it.
 */
export class BytesCache<Value> {
  readonly #decode: (bytes: Buffer, start: number, end: number) => Value;
  readonly #keys: (Uint8Array | undefined)[] = new Array(slotCount).fill(undefined);
  readonly #values: (Value | undefined)[] = new Array(slotCount).fill(undefined);

  constructor(decode: (bytes: Buffer, start: number, end: number) => Value) {
    this.#decode = decode;
  }

  read(bytes: Buffer, start: number, end: number): Value {
    const length = end - start;
    if (length === 0 || length > keyBytesMax) return this.#decode(bytes, start, end);
    const slot = slotOf(bytes, start, length);
    const key = this.#keys[slot];
    if (key !== undefined && key.length === length && equal(key, bytes, start)) return this.#values[slot]!;
    const value = this.#decode(bytes, start, end);
    this.#keys[slot] = Uint8Array.prototype.slice.call(bytes, start, end);
    this.#values[slot] = value;
    return value;
  }
}

/** Names differ in their length, near their end (method, version) and in the middle (package): no need to hash it all. */
function slotOf(bytes: Buffer, start: number, length: number): number {
  const last = bytes[start + length - 1]!;
  const nearEnd = bytes[start + length - 1 - (length >> 3)]!;
  const middle = bytes[start + (length >> 1)]!;
  return (length * 29 + last * 31 + nearEnd * 37 + middle * 41) & (slotCount - 1);
}

/** From the end, where names differ first. */
function equal(key: Uint8Array, bytes: Buffer, start: number): boolean {
  for (let at = key.length - 1; at >= 0; at--) if (key[at] !== bytes[start + at]) return false;
  return true;
}
