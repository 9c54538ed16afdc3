import type { Annotation } from './annotations/annotation.ts';
import type { Report } from './finding.ts';
import type { Metadata } from './object.ts';
import type { Schema } from './schema/build.ts';

/** What validation has to know beyond the object itself. */
export interface ValidationContext {
  /** The RPC protocols that ports may name (`bolt`, `dubbo`); without it every name is accepted. */
  readonly xProtocols?: ReadonlySet<string>;
}

/**
 * A spec as a user may write it: every field may be absent. The schema has accepted it, so what the schema requires is
 * there all the same.
 */
export type Input<T> = T extends readonly (infer Item)[]
  ? readonly Input<Item>[]
  : T extends object
    ? { readonly [Field in keyof T]?: Input<T[Field]> }
    : T;

/** An object whose spec the schema has accepted, before defaults. */
export interface RawObject<Spec> {
  readonly metadata: Metadata;
  readonly spec: Input<Spec>;
}

/** A kind of resource: its names, its fields, its rules and its defaults. */
export interface Kind<Spec = unknown> {
  readonly group: string;
  /** Preferred first. All have the same fields. */
  readonly versions: readonly string[];
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  /** Of `spec`. */
  readonly schema: Schema;
  /** Fields of `spec` that are accepted and not acted on yet: patterns as in schema/inert.ts. */
  readonly inert: readonly string[];
  /** The rules that a schema cannot state. `report` stands at `spec`. Called only if the schema had no errors. */
  validate(object: RawObject<Spec>, report: Report, context: ValidationContext): void;
  applyDefaults(object: RawObject<Spec>): Spec;
  /** Those under our prefix that it has; absent: none. */
  readonly annotations?: readonly Annotation[];
  /** The rules for their values. `report` stands at `metadata.annotations`. */
  validateAnnotations?(object: RawObject<Spec>, report: Report, context: ValidationContext): void;
}
