/** A part of a file that begins with its first line or with `---`. */
export interface Chunk {
  readonly text: string;
  /** 1-based, in the file. */
  readonly firstLine: number;
}

/** `---` at the beginning of a line ends a document wherever it stands, even within a quoted text (YAML 1.2.2 §9.1). */
const SEPARATOR = /(?:^|\n)---(?=[ \t\r\n]|$)/g;
const ONLY_COMMENTS_AND_DIRECTIVES = /^(?:(?:[ \t]*(?:#[^\n]*)?|%[^\n]*)(?:\n|$))*$/;

/**
 * The documents of a file. They are told apart before they are parsed, so that a fault in one, such as a quote that is never
 * closed, cannot swallow the next.
 */
export function* splitDocuments(text: string): Generator<Chunk> {
  // A byte order mark is no part of the first line.
  let start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let firstLine = 1;
  for (const match of text.matchAll(SEPARATOR)) {
    const end = match[0].startsWith('\n') ? match.index + 1 : match.index;
    if (end <= start) continue;
    const chunk = text.slice(start, end);
    // What stands before the first document belongs to it: %YAML is an error when parsed alone.
    if (firstLine === 1 && ONLY_COMMENTS_AND_DIRECTIVES.test(chunk.replaceAll('\r', ''))) continue;
    yield { text: chunk, firstLine };
    start = end;
    firstLine += countNewlines(chunk);
  }
  if (start < text.length) yield { text: text.slice(start), firstLine };
}

function countNewlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
