import type { Report } from '../finding.ts';
import type { Labels } from '../labels.ts';
import { nearestWord } from '../schema/nearest-word.ts';
import { ANNOTATION_PREFIX, type Annotation } from './annotation.ts';

/** A kind of resource, as far as annotations go. */
export interface AnnotatedKind {
  readonly kind: string;
  readonly annotations?: readonly Annotation[];
}

/**
 * Reports annotations under our prefix that the kind does not have; everything under another prefix is somebody else's.
 * `report` stands at `metadata.annotations`.
 */
export function checkAnnotationNames(
  annotations: Labels,
  { annotations: own = [] }: AnnotatedKind,
  kinds: Iterable<AnnotatedKind>,
  report: Report,
): void {
  for (const key of Object.keys(annotations)) {
    if (!key.startsWith(ANNOTATION_PREFIX)) continue;
    const name = key.slice(ANNOTATION_PREFIX.length);
    if (!own.some((one) => one.name === name)) report.at(key).error(unknownReason(name, own, kinds));
  }
}

function unknownReason(name: string, own: readonly Annotation[], kinds: Iterable<AnnotatedKind>): string {
  const homes = [...kinds].filter(({ annotations = [] }) => annotations.some((one) => one.name === name));
  if (homes.length > 0) return `belongs on a ${homes.map(({ kind }) => kind).join(' or ')}`;
  const names = own.map((one) => one.name);
  const near = nearestWord(name, names);
  if (near !== undefined) return `is not an annotation that exists; did you mean ${ANNOTATION_PREFIX}${near}?`;
  const choice = names.length === 0 ? 'this kind has none' : `this kind has ${names.join(', ')}`;
  return `is not an annotation that exists; of ${ANNOTATION_PREFIX} ${choice}`;
}
