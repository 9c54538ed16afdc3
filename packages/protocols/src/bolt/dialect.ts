import { definitionEnd } from './sofa-request.ts';

/** Definitions that are told apart in one thread. Real ones are few: one per client library and version. */
const dialectsMax = 16;
/** A longer definition is not remembered. SOFARPC's takes 133 bytes. */
const definitionBytesMax = 512;

const known: Buffer[] = [];

/**
 * Which of the known ways of laying out a SofaRequest a content uses, counted from 1; 0 when it has none, or when there are
 * too many. A content begins with the names of the class's fields in an order that depends on the client's library, and
 * sofa-rpc-node's server takes every later request on a connection to be laid out as the first one.
 */
export function dialectOf(frame: Buffer, contentStart: number, contentEnd: number): number {
  for (let at = 0; at < known.length; at++) {
    const definition = known[at]!;
    const end = contentStart + definition.length;
    if (end <= contentEnd && frame.compare(definition, 0, definition.length, contentStart, end) === 0) return at + 1;
  }
  if (known.length === dialectsMax) return 0;
  const end = definitionEnd(frame, contentStart, contentEnd);
  return end === undefined || end - contentStart > definitionBytesMax
    ? 0
    : known.push(Buffer.from(frame.subarray(contentStart, end)));
}
