import { Layout, type Part, type PartLength } from './layout.ts';
import { type FieldPlace, fieldNames, readField } from './number-field.ts';
import { type SpecKind, specKinds } from './spec.ts';
import type { SpecReader } from './spec-reader.ts';

/** Longest head: it is waited for as a whole. */
export const fixedHeadBytesMax = 4096;

/** The layouts of all kinds. */
export type Layouts = ReadonlyMap<SpecKind, Layout>;

export function readLayouts(value: unknown, path: string, reader: SpecReader, little: boolean): Layouts {
  const layouts = new Map<SpecKind, Layout>();
  let rest: Layout | undefined;
  for (const [index, each] of reader.list(value).entries()) {
    const eachPath = Array.isArray(value) ? `${path}[${index}]` : path;
    const spec = reader.object(each, eachPath, ['kinds', 'head', 'length', 'parts']);
    if (spec === undefined) continue;
    const layout = readLayout(spec, eachPath, reader, little);
    if (spec['kinds'] === undefined) {
      if (rest !== undefined)
        reader.fault(`${eachPath}.kinds`, undefined, 'another layout is for all other kinds, too');
      rest = layout;
      continue;
    }
    for (const [at, word] of reader.list(spec['kinds']).entries()) {
      const kind = reader.choice(word, `${eachPath}.kinds[${at}]`, specKinds);
      if (layouts.has(kind)) reader.fault(`${eachPath}.kinds[${at}]`, word, 'another layout is for this kind, too');
      layouts.set(kind, layout);
    }
  }
  if (rest !== undefined) for (const kind of specKinds) if (!layouts.has(kind)) layouts.set(kind, rest);
  return layouts;
}

function readLayout(
  spec: Readonly<Record<string, unknown>>,
  path: string,
  reader: SpecReader,
  little: boolean,
): Layout {
  const head = reader.integer(spec['head'], `${path}.head`, 1, fixedHeadBytesMax);
  const place: FieldPlace = { reader, little, head };
  const { length, parts = [{ name: 'body' }] } = spec;
  const read = reader.list(parts).map((part, index) => readPart(part, `${path}.parts[${index}]`, place));
  const names = new Set<string>();
  for (const [index, part] of read.entries()) {
    const partPath = `${path}.parts[${index}]`;
    if (names.has(part.name)) reader.fault(`${partPath}.name`, part.name, 'another part has this name, too');
    names.add(part.name);
    const how = part.length.in;
    if (how === 'nothing' && index < read.length - 1) {
      reader.fault(partPath, part.name, 'only the last part may be all the rest: give it length, prefix or bytes');
    } else if (length === undefined && (how === 'nothing' || how === 'prefix')) {
      reader.fault(`${path}.length`, undefined, `needed, for the head does not tell how long ${part.name} is`);
    }
  }
  if (length === undefined) return new Layout(head, read, undefined, 0, little);
  const total = reader.object(length, `${path}.length`, [...fieldNames, 'counts', 'add']);
  if (total === undefined) return new Layout(head, read, undefined, 0, little);
  const field = readField(total, `${path}.length`, place);
  const counts = reader.choice(total['counts'], `${path}.length.counts`, ['body', 'frame', 'rest'], 'body');
  const uncounted = { body: head, rest: field.at + field.size, frame: 0 }[counts];
  const add = reader.integer(total['add'], `${path}.length.add`, -fixedHeadBytesMax, fixedHeadBytesMax, 0);
  return new Layout(head, read, field, uncounted + add, little);
}

function readPart(value: unknown, path: string, place: FieldPlace): Part {
  const { reader } = place;
  const nothing: PartLength = { in: 'nothing' };
  const spec = reader.object(value, path, ['name', 'length', 'prefix', 'bytes']);
  if (spec === undefined) return { name: '', length: nothing };
  const name = reader.text(spec['name'], `${path}.name`);
  const { length, prefix, bytes } = spec;
  if ([length, prefix, bytes].filter((each) => each !== undefined).length > 1) {
    reader.fault(path, name, 'has more than one of length, prefix and bytes');
  }
  if (length !== undefined) {
    const field = reader.object(length, `${path}.length`, fieldNames);
    return { name, length: field ? { in: 'head', field: readField(field, `${path}.length`, place) } : nothing };
  }
  if (prefix !== undefined) {
    return { name, length: { in: 'prefix', size: reader.integer(prefix, `${path}.prefix`, 1, 4) } };
  }
  if (bytes !== undefined) {
    return { name, length: { in: 'spec', bytes: reader.integer(bytes, `${path}.bytes`, 1, 0xffff) } };
  }
  return { name, length: nothing };
}
