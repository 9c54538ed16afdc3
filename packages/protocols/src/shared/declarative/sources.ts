import type { FieldPlace, NumberField } from './number-field.ts';
import { fieldNames, readField } from './number-field.ts';

/** Where a service or method has its name. */
export type Source =
  | { readonly in: 'text'; readonly text: string }
  | { readonly in: 'part'; readonly name: string }
  | { readonly in: 'header'; readonly name: string; readonly until: string | undefined }
  | {
      readonly in: 'number';
      readonly field: NumberField;
      readonly names: ReadonlyMap<number, string>;
      readonly numbers: ReadonlyMap<string, number>;
    };

export function readSource(value: unknown, path: string, place: FieldPlace): Source | undefined {
  const { reader } = place;
  if (value === undefined) return undefined;
  const spec = reader.object(value, path, ['text', 'part', 'header', 'until', 'names', ...fieldNames]);
  if (spec === undefined) return undefined;
  const kinds = ['text', 'part', 'header', 'at'].filter((each) => each in spec);
  if (kinds.length !== 1) {
    reader.fault(path, value, 'must have exactly one of text, part, header and at');
    return undefined;
  }
  switch (kinds[0]) {
    case 'text':
      return { in: 'text', text: reader.text(spec['text'], `${path}.text`) };
    case 'part':
      return { in: 'part', name: reader.text(spec['part'], `${path}.part`) };
    case 'header': {
      const until = spec['until'] === undefined ? undefined : reader.text(spec['until'], `${path}.until`);
      return { in: 'header', name: reader.text(spec['header'], `${path}.header`).toLowerCase(), until };
    }
    default: {
      const names = readNames(spec['names'], `${path}.names`, place);
      const numbers = new Map([...names].map(([number, name]) => [name, number]));
      return { in: 'number', field: readField(spec, path, place), names, numbers };
    }
  }
}

function readNames(value: unknown, path: string, { reader }: FieldPlace): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  if (value === undefined || typeof value !== 'object' || value === null) {
    if (value !== undefined) reader.fault(path, value, 'must be an object from numbers to names');
    return names;
  }
  for (const [key, name] of Object.entries(value)) {
    if (/^\d{1,10}$/.test(key)) names.set(Number(key), reader.text(name, `${path}.${key}`));
    else reader.fault(`${path}.${key}`, name, 'a name is given to a number');
  }
  return names;
}
