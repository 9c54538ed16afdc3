import { holds } from './conditions.ts';
import type { Layout } from './layout.ts';
import type { Codec } from './read-codec.ts';
import type { SpecKind } from './spec.ts';

const nothing = Buffer.alloc(0);

/** The kind of the frame that begins at `at`; undefined: of none. */
export function specKindOf({ kinds }: Codec, bytes: Buffer, at = 0): SpecKind | undefined {
  for (const [kind, conditions] of kinds) if (holds(conditions, bytes, at)) return kind;
  return undefined;
}

export function layoutOf(codec: Codec, frame: Buffer): Layout | undefined {
  const kind = specKindOf(codec, frame);
  return kind && codec.layouts.get(kind);
}

/** Empty where the frame has no such part, or its lengths do not add up. */
export function partOf(codec: Codec, frame: Buffer, name: string): Buffer {
  const layout = layoutOf(codec, frame);
  const index = layout?.indexOf(name) ?? -1;
  const bounds = index < 0 ? undefined : layout!.locate(frame);
  return bounds === undefined ? nothing : frame.subarray(bounds[2 * index], bounds[2 * index + 1]);
}

export function visitHeaders(codec: Codec, frame: Buffer, visitor: (name: string, value: string) => void): void {
  codec.headers?.visit(partOf(codec, frame, 'headers'), visitor);
}

/** The first value of a lower-case name. */
export function headerOf(codec: Codec, frame: Buffer, name: string): string | undefined {
  let found: string | undefined;
  visitHeaders(codec, frame, (each, value) => {
    if (each === name) found ??= value;
  });
  return found;
}
