import type { KindName, KindSpecs } from './kinds/registry.ts';
import type { Labels } from './labels.ts';

export interface Metadata {
  readonly name: string;
  /** `default` where the author gave none. */
  readonly namespace: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  /** RFC 3339. The older of two resources wins where they contradict each other. */
  readonly creationTimestamp?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
}

/** Where an object was read. */
export interface Source {
  readonly file: string;
  /** 1-based line on which the object begins. */
  readonly line: number;
  /** 1-based number of the document in its file. */
  readonly document: number;
}

/**
 * A resource that validation has accepted, with defaults applied. Deeply frozen. A union over the kinds: a test of `kind`
 * gives `spec` its type; `MeshObject<'VirtualService'>` is one kind alone.
 */
export type MeshObject<Name extends KindName = KindName> = {
  [N in Name]: {
    readonly apiVersion: string;
    readonly kind: N;
    readonly metadata: Metadata;
    readonly spec: KindSpecs[N];
    readonly source: Source;
  };
}[Name];

/** `VirtualService shop/reviews`. */
export function describeObject(object: Pick<MeshObject, 'kind' | 'metadata'>): string {
  return `${object.kind} ${object.metadata.namespace}/${object.metadata.name}`;
}

/** Those of one kind. */
export function ofKind<Name extends KindName>(objects: Iterable<MeshObject>, kind: Name): MeshObject<Name>[] {
  const result: MeshObject<Name>[] = [];
  for (const object of objects) if (object.kind === kind) result.push(object as MeshObject<Name>);
  return result;
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) deepFreeze(item);
  }
  return value;
}
