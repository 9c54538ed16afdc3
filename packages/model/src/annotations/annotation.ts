/**
 * Before the names of our annotations. What Istio's kinds have no field for is said in them, as Istio itself does for what
 * Kubernetes' kinds lack.
 */
export const ANNOTATION_PREFIX = 'rpc.mosn.io/';

/** One setting, on the kinds whose definition lists it. */
export interface Annotation<Value = unknown> {
  /** Without the prefix. */
  readonly name: string;
  /** `frame or http2`: ends the sentence "must be …". */
  readonly expected: string;
  /** The values, where they are words: for hints on mistyped ones. */
  readonly words: readonly string[];
  /** Undefined: it is no value of this annotation. */
  parse(text: string): Value | undefined;
}

/** `rpc.mosn.io/carrier`. */
export function annotationKey({ name }: Annotation): string {
  return `${ANNOTATION_PREFIX}${name}`;
}

export function wordAnnotation<const Word extends string>(name: string, words: readonly Word[]): Annotation<Word> {
  return {
    name,
    expected: words.length === 1 ? words[0]! : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`,
    words,
    parse: (text) => words.find((word) => word === text),
  };
}

/** A whole number from 1 on; the largest is that of protobuf's UInt32Value. */
export function countAnnotation(name: string): Annotation<number> {
  const greatest = 2 ** 32 - 1;
  return {
    name,
    expected: `a whole number from 1 to ${greatest}`,
    words: [],
    parse(text) {
      const count = /^[1-9]\d*$/.test(text) ? Number(text) : 0;
      return count >= 1 && count <= greatest ? count : undefined;
    },
  };
}
