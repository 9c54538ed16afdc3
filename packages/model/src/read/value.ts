import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';
import { DEPTH_MAX, VALUES_PER_DOCUMENT_MAX } from './limits.ts';

/** Something that YAML allows and a resource does not. */
export interface ValueProblem {
  /** Of the character in the document's text. */
  readonly offset: number;
  readonly reason: string;
}

interface Anchored {
  readonly value: unknown;
  readonly size: number;
}

/**
 * The plain value of a YAML tree. Unlike the library's own conversion it is bounded in depth and size, resolves an alias in
 * constant time, and refuses keys that are no text and keys that occur twice. An alias gives the same object each time.
 */
export function toValue(root: Node): { readonly value: unknown; readonly problems: readonly ValueProblem[] } {
  const conversion = new Conversion();
  try {
    return { value: conversion.convert(root, 0), problems: conversion.problems };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { value: undefined, problems: [...conversion.problems, { offset: error.offset, reason: error.message }] };
  }
}

/** The document as a whole cannot be used. */
class Refusal extends Error {
  readonly offset: number;

  constructor(offset: number, reason: string) {
    super(reason);
    this.offset = offset;
  }
}

class Conversion {
  readonly problems: ValueProblem[] = [];
  readonly #anchors = new Map<string, Anchored>();
  #size = 0;

  convert(node: unknown, depth: number): unknown {
    const sizeBefore = this.#size;
    this.#grow(1, node);
    if (depth > DEPTH_MAX) throw new Refusal(offsetOf(node), `is nested more than ${DEPTH_MAX} deep`);
    if (isAlias(node)) {
      const anchored = this.#anchors.get(node.source);
      if (anchored === undefined)
        throw new Refusal(offsetOf(node), `stands for &${node.source}, which is not defined before it`);
      this.#grow(anchored.size, node);
      return anchored.value;
    }
    let value: unknown;
    if (isMap(node)) value = this.#map(node, depth);
    else if (isSeq(node)) value = node.items.map((item) => this.convert(item, depth + 1));
    else value = isScalar(node) ? scalar(node.value, node.source) : null;
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, { value, size: this.#size - sizeBefore });
    return value;
  }

  #map(map: YAMLMap, depth: number): Record<string, unknown> {
    const fields = new Map<string, unknown>();
    const merged: object[] = [];
    for (const pair of map.items as Pair[]) {
      const key = this.#key(pair.key, map);
      if (key === undefined) continue;
      const value = this.convert(pair.value, depth + 1);
      if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        merged.push(...this.#mergeSources(value, pair));
        continue;
      }
      if (fields.has(key)) {
        this.problems.push({ offset: offsetOf(pair.key, map), reason: `repeats the key ${JSON.stringify(key)}` });
      }
      fields.set(key, value);
    }
    // The fields of a map win over what is merged into it, and earlier sources over later ones.
    for (const source of merged) {
      for (const [key, value] of Object.entries(source)) if (!fields.has(key)) fields.set(key, value);
    }
    // Not by assignment, with which a key __proto__ would become the prototype.
    return Object.fromEntries(fields);
  }

  #key(node: unknown, map: YAMLMap): string | undefined {
    const value = isAlias(node) ? this.#anchors.get(node.source)?.value : undefined;
    if (typeof value === 'string') return value;
    if (isScalar(node)) {
      if (node.anchor !== undefined)
        this.#anchors.set(node.anchor, { value: scalar(node.value, node.source), size: 1 });
      if (typeof node.value === 'string') return node.value;
      if (typeof node.value === 'number' || typeof node.value === 'boolean') return node.source ?? String(node.value);
    }
    this.problems.push({ offset: offsetOf(node, map), reason: 'must have texts as keys' });
    return undefined;
  }

  #mergeSources(value: unknown, pair: Pair): object[] {
    const sources = Array.isArray(value) ? value : [value];
    const maps = sources.filter((source) => typeof source === 'object' && source !== null && !Array.isArray(source));
    if (maps.length < sources.length) {
      this.problems.push({ offset: offsetOf(pair.key), reason: 'merges something that is no map' });
    }
    return maps;
  }

  #grow(size: number, node: unknown): void {
    this.#size += size;
    if (this.#size > VALUES_PER_DOCUMENT_MAX) {
      throw new Refusal(
        offsetOf(node),
        `has more than ${VALUES_PER_DOCUMENT_MAX} values, aliases counted as what they stand for`,
      );
    }
  }
}

function scalar(value: unknown, source: string | undefined): unknown {
  if (value === undefined) return null;
  return value === null || ['string', 'number', 'boolean'].includes(typeof value) ? value : (source ?? String(value));
}

function offsetOf(node: unknown, fallback?: Node): number {
  return (node as Node | null | undefined)?.range?.[0] ?? fallback?.range?.[0] ?? 0;
}
