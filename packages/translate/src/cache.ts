/**
 * What translation remembers from one call to the next. Pieces are kept under the immutable objects that they were made
 * from, so a piece lives as long as those do, and a change of one service makes only its own pieces anew.
 */
export class TranslationCache {
  readonly #kinds = new Map<string, WeakMap<object, Node>>();
  readonly #texts = new Map<string, unknown>();

  /** `compute`'s value for these keys, in this order; `kind` keeps different values of equal keys apart. */
  memo<T>(kind: string, keys: readonly [object, ...(object | string)[]], compute: () => T): T {
    let roots = this.#kinds.get(kind);
    if (roots === undefined) this.#kinds.set(kind, (roots = new WeakMap()));
    let node = roots.get(keys[0]);
    if (node === undefined) roots.set(keys[0], (node = new Node()));
    for (let at = 1; at < keys.length; at++) node = node.child(keys[at]!);
    if (!node.filled) {
      node.value = compute();
      node.filled = true;
    }
    return node.value as T;
  }

  /** The same for values that depend on texts alone: small, and few enough to be thrown away together when they are many. */
  memoText<T>(key: string, compute: () => T): T {
    if (this.#texts.has(key)) return this.#texts.get(key) as T;
    if (this.#texts.size >= textsMax) this.#texts.clear();
    const value = compute();
    this.#texts.set(key, value);
    return value;
  }
}

const textsMax = 50_000;

class Node {
  filled = false;
  value: unknown;
  #objects: WeakMap<object, Node> | undefined;
  #texts: Map<string, Node> | undefined;

  child(key: object | string): Node {
    if (typeof key === 'string') {
      this.#texts ??= new Map();
      return this.#texts.get(key) ?? put(this.#texts, key);
    }
    this.#objects ??= new WeakMap();
    return this.#objects.get(key) ?? put(this.#objects, key);
  }
}

function put<Key>(map: { set(key: Key, node: Node): unknown }, key: Key): Node {
  const node = new Node();
  map.set(key, node);
  return node;
}
