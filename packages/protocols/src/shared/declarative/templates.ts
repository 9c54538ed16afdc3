import type { FieldPlace } from './number-field.ts';

/** A frame that the proxy makes itself, before its id is written. */
export interface Template {
  readonly bytes: Buffer;
  readonly copies: readonly { readonly at: number; readonly size: number; readonly from: number }[];
}

/** A new frame: the template with what it takes over from the frame that is answered. */
export function fromTemplate({ bytes, copies }: Template, answered?: Buffer): Buffer {
  const frame = Buffer.from(bytes);
  if (answered !== undefined) for (const { at, size, from } of copies) answered.copy(frame, at, from, from + size);
  return frame;
}

/** Undefined where there is none. `place`: the heads of the template and of what it answers. */
export function readTemplate(
  value: unknown,
  path: string,
  place: FieldPlace,
  otherFields: readonly string[] = [],
): Template | undefined {
  const { reader, head } = place;
  if (value === undefined) return undefined;
  const spec = reader.object(value, path, ['hex', 'copy', ...otherFields]);
  if (spec === undefined) return undefined;
  const copies = reader.list(spec['copy'] ?? []).map((each, index) => {
    const eachPath = `${path}.copy[${index}]`;
    const copy = reader.object(each, eachPath, ['at', 'size', 'from']) ?? {};
    const size = reader.integer(copy['size'], `${eachPath}.size`, 1, head, 1);
    const at = reader.integer(copy['at'], `${eachPath}.at`, 0, Math.max(0, head - size));
    return { at, size, from: reader.integer(copy['from'], `${eachPath}.from`, 0, Math.max(0, head - size), at) };
  });
  return { bytes: reader.hex(spec['hex'], `${path}.hex`), copies };
}
