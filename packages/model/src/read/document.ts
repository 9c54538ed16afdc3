import { messageOf } from '@sofamesh/base/errors';
import { type Document, LineCounter, type Node, parseAllDocuments } from 'yaml';
import { type Finding, formatValue, type Remark } from '../finding.ts';
import type { MeshObject } from '../object.ts';
import { formatPath, type Path, valueAt } from '../path.ts';
import { LIST_ITEMS_MAX } from './limits.ts';
import { offsetAt } from './locate.ts';
import { isFields, type ResourceContext, readResource } from './resource.ts';
import type { Chunk } from './split.ts';
import { toValue } from './value.ts';

export interface DocumentReading {
  readonly objects: readonly MeshObject[];
  readonly findings: readonly Finding[];
  /** As `describeObject`: objects that are named and wrong. */
  readonly refused: readonly string[];
  /** True if something is wrong and cannot be assigned to an object. */
  readonly unreadable: boolean;
}

/** After so many errors of syntax the rest is noise. */
const SYNTAX_ERRORS_MAX = 5;

/** Reads a chunk of a file. `number` is that of its first document; `documents` tells how many it had. */
export function readChunk(
  file: string,
  chunk: Chunk,
  number: number,
  context: ResourceContext,
): DocumentReading & { readonly documents: number } {
  const lineCounter = new LineCounter();
  const reader = new ChunkReader(file, chunk.firstLine, lineCounter, context);
  let parsed: readonly Document.Parsed[];
  try {
    // Keys that repeat are found in toValue, which takes no quadratic time for it.
    const options = {
      lineCounter,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'silent',
      resolveKnownTags: false,
    } as const;
    parsed = parseAllDocuments(chunk.text, options) as readonly Document.Parsed[];
  } catch (error) {
    const reason = error instanceof RangeError ? 'is nested too deeply' : `cannot be read as YAML: ${messageOf(error)}`;
    reader.syntaxError(0, reason);
    return { ...reader.reading(), documents: 1 };
  }
  let documents = 0;
  for (const document of parsed) {
    if (reader.read(document, number + documents)) documents++;
  }
  return { ...reader.reading(), documents };
}

class ChunkReader {
  readonly #file: string;
  readonly #firstLine: number;
  readonly #lineCounter: LineCounter;
  readonly #context: ResourceContext;
  readonly #objects: MeshObject[] = [];
  readonly #findings: Finding[] = [];
  readonly #refused: string[] = [];
  #unreadable = false;

  constructor(file: string, firstLine: number, lineCounter: LineCounter, context: ResourceContext) {
    this.#file = file;
    this.#firstLine = firstLine;
    this.#lineCounter = lineCounter;
    this.#context = context;
  }

  reading(): DocumentReading {
    return { objects: this.#objects, findings: this.#findings, refused: this.#refused, unreadable: this.#unreadable };
  }

  /** False if the document is empty. */
  read(document: Document.Parsed, number: number): boolean {
    // What is not closed makes several errors at one place, the end.
    const errors = document.errors.filter(({ pos }, at, all) => pos[0] !== all[at - 1]?.pos[0]);
    for (const { pos, message } of errors.slice(0, SYNTAX_ERRORS_MAX)) {
      // The library recurses into what is nested, and reports an overflow as an error of the document.
      const isTooDeep = message.includes('call stack');
      this.syntaxError(pos[0], isTooDeep ? 'is nested too deeply' : `cannot be read as YAML: ${message}`);
      if (isTooDeep) break;
    }
    if (document.errors.length > 0) return true;
    const root: Node | null = document.contents;
    if (root === null || root.range === undefined || root.range === null || root.range[0] === root.range[1])
      return false;
    for (const warning of document.warnings) this.#find('warning', warning.pos[0], [], '', warning.message);
    const { value, problems } = toValue(root);
    for (const { offset, reason } of problems) this.syntaxError(offset, reason);
    if (problems.length > 0 || value === null) return value !== null;

    const remarks: Remark[] = [];
    this.#readValue(value, [], root, number, remarks);
    for (const { level, path, reason } of remarks) {
      this.#find(
        level,
        offsetAt(root, path),
        path,
        path.length === 0 ? '' : formatValue(path, valueAt(value, path)),
        reason,
      );
    }
    return true;
  }

  syntaxError(offset: number, reason: string): void {
    this.#unreadable = true;
    this.#find('error', offset, [], '', reason);
  }

  #readValue(value: unknown, base: Path, root: Node, number: number, remarks: Remark[]): void {
    if (isFields(value) && typeof value['kind'] === 'string' && value['kind'].endsWith('List') && base.length === 0) {
      this.#readList(value['items'], root, number, remarks);
      return;
    }
    const { line } = this.#position(offsetAt(root, base));
    const outcome = readResource(value, base, { file: this.#file, line, document: number }, this.#context, remarks);
    if (outcome.what === 'object') this.#objects.push(outcome.object);
    else if (outcome.what === 'refused') {
      if (outcome.name === undefined) this.#unreadable = true;
      else this.#refused.push(outcome.name);
    }
  }

  #readList(items: unknown, root: Node, number: number, remarks: Remark[]): void {
    if (!Array.isArray(items) || items.length > LIST_ITEMS_MAX) {
      this.#unreadable = true;
      const reason = Array.isArray(items)
        ? `must have at most ${LIST_ITEMS_MAX} entries`
        : 'must be a list of resources';
      remarks.push({ level: 'error', path: ['items'], reason });
      return;
    }
    for (const [index, item] of items.entries()) this.#readValue(item, ['items', index], root, number, remarks);
  }

  #position(offset: number): { line: number; column: number } {
    const { line, col } = this.#lineCounter.linePos(offset);
    return { line: Math.max(line, 1) + this.#firstLine - 1, column: Math.max(col, 1) };
  }

  #find(level: Finding['level'], offset: number, path: Path, value: string, reason: string): void {
    this.#findings.push({ level, file: this.#file, ...this.#position(offset), path: formatPath(path), value, reason });
  }
}
