import { readUint16 } from '../shared/byte-writer.ts';
import { skipText } from '../shared/hessian2/text.ts';

const fieldsMax = 16;
const nullByte = 0x4e;
const methodField = Buffer.from('methodName');

/** Where a text lies in a frame. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The method's name in the content of a SofaRequest, for clients that leave it out of the header block (sofa-rpc-node with
 * hessian). SOFARPC writes an object in hessian2's first draft:
 *
 *     'O' length name   number of fields, their names …   'o' 0   values …
 *
 * Undefined when the content begins otherwise, or has more than texts and nulls before the method.
 */
export function findMethod(frame: Buffer, contentStart: number, contentEnd: number): Span | undefined {
  const reader = new Reader(frame, contentStart, contentEnd);
  const methodAt = readDefinition(frame, reader);
  if (methodAt < 0 || frame[reader.at++] !== 0x6f || reader.count() !== 0) return undefined;
  for (let field = 0; field < methodAt; field++) {
    if (frame[reader.at] === nullByte) reader.at++;
    else if (reader.text() === undefined) return undefined;
  }
  return reader.text();
}

/** Where the definition of the class ends at the start of a SofaRequest's content; undefined when there is none. */
export function definitionEnd(frame: Buffer, contentStart: number, contentEnd: number): number | undefined {
  const reader = new Reader(frame, contentStart, contentEnd);
  return readDefinition(frame, reader) < 0 ? undefined : reader.at;
}

/** Reads past the definition. Returns which of the fields is the method's name; -1 when none is. */
function readDefinition(frame: Buffer, reader: Reader): number {
  if (frame[reader.at++] !== 0x4f) return -1;
  const nameLength = reader.count();
  if (nameLength < 0) return -1;
  reader.at += nameLength;
  const fields = reader.count();
  if (fields < 0 || fields > fieldsMax) return -1;
  let methodAt = -1;
  for (let field = 0; field < fields; field++) {
    const name = reader.text();
    if (name === undefined) return -1;
    if (methodField.equals(frame.subarray(name.start, name.end))) methodAt = field;
  }
  return methodAt;
}

class Reader {
  readonly #bytes: Buffer;
  readonly #end: number;
  at: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.#end = end;
  }

  /** A small number that is not negative; -1 otherwise. */
  count(): number {
    if (this.at + 1 >= this.#end) return -1;
    const code = this.#bytes[this.at]!;
    if (code >= 0x90 && code <= 0xbf) {
      this.at += 1;
      return code - 0x90;
    }
    if (code >= 0xc8 && code <= 0xcf) {
      this.at += 2;
      return ((code - 0xc8) << 8) | this.#bytes[this.at - 1]!;
    }
    return -1;
  }

  text(): Span | undefined {
    if (this.at < 0 || this.at >= this.#end) return undefined;
    const code = this.#bytes[this.at]!;
    const long = code === 0x53 && this.at + 3 <= this.#end;
    if (!long && code > 0x1f) return undefined;
    const units = long ? readUint16(this.#bytes, this.at + 1) : code;
    const start = this.at + (long ? 3 : 1);
    const end = skipText(this.#bytes, start, this.#end, units);
    if (end < 0) return undefined;
    this.at = end;
    return { start, end };
  }
}
