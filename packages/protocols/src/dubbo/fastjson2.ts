import { readUint32 } from '../shared/byte-writer.ts';

/** Where a text lies in a frame. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The first `count` values of a body in fastjson2's binary form (serialization 23), which must be strings: each has a length of
 * four bytes before it, so that nothing else of the format needs to be known. Undefined when they are not.
 */
export function readTexts(frame: Buffer, at: number, count: number): Span[] | undefined {
  const spans: Span[] = [];
  let position = at;
  while (spans.length < count) {
    if (position + 5 > frame.length) return undefined;
    const start = position + 4;
    const end = start + readUint32(frame, position);
    if (end > frame.length || end === start) return undefined;
    const textStart = start + headLength(frame, start);
    if (textStart > end) return undefined;
    spans.push({ start: textStart, end });
    position = end;
  }
  return spans;
}

/** Bytes before the text itself: its kind, and its length in one, two, three or five bytes unless that is in the kind. */
function headLength(frame: Buffer, at: number): number {
  const kind = frame[at]!;
  if (kind >= 0x49 && kind <= 0x78) return 1;
  if (kind !== 0x79 && kind !== 0x7a) return Number.POSITIVE_INFINITY;
  const length = frame[at + 1]!;
  if (length >= 0x30 && length <= 0x3f) return 3;
  if (length >= 0x40 && length <= 0x47) return 4;
  return length === 0x48 ? 6 : 2;
}
