import { type FieldPlace, fieldNames, type NumberField, readField, readValues } from './number-field.ts';
import type { SpecKind } from './spec.ts';
import { specKinds } from './spec.ts';

/** A field of the head has one of these values. */
export interface Condition {
  readonly field: NumberField;
  readonly values: readonly number[];
}

export function holds(conditions: readonly Condition[], bytes: Buffer, at: number): boolean {
  return conditions.every(({ field, values }) => values.includes(field.read(bytes, at)));
}

/** One condition, or several that must all hold. */
export function readConditions(value: unknown, path: string, place: FieldPlace): Condition[] {
  const { reader } = place;
  const list = reader.list(value);
  if (list.length === 0) reader.fault(path, value, 'must have a condition');
  return list.flatMap((each, index) => {
    const eachPath = Array.isArray(value) ? `${path}[${index}]` : path;
    const spec = reader.object(each, eachPath, [...fieldNames, 'is']);
    if (spec === undefined) return [];
    const field = readField(spec, eachPath, place);
    return [{ field, values: readValues(spec['is'], `${eachPath}.is`, field, place) }];
  });
}

/** What makes a frame one of a kind, in the order in which it is tried. */
export type KindRules = readonly (readonly [kind: SpecKind, conditions: readonly Condition[]])[];

export function readKinds(value: unknown, path: string, place: FieldPlace): KindRules {
  const { reader } = place;
  const spec = reader.object(value, path, specKinds);
  if (spec === undefined) return [];
  for (const kind of ['request', 'reply']) {
    if (!(kind in spec)) reader.fault(`${path}.${kind}`, undefined, 'every protocol has it');
  }
  return Object.entries(spec)
    .filter(([kind]) => (specKinds as readonly string[]).includes(kind))
    .map(([kind, conditions]) => [kind as SpecKind, readConditions(conditions, `${path}.${kind}`, place)]);
}
