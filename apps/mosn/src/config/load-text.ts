import type { JsonValue } from '@bufbuild/protobuf';
import { CodedError } from '@sofamesh/base/errors';
import { parseDocument } from 'yaml';

/** Levels of nesting; the deepest real configuration has about 40. */
const depthMax = 100;
/** Aliases of a YAML document that may be expanded, so that a small text cannot become a huge one. */
const aliasesMax = 1000;

/**
 * The value that a YAML or JSON text stands for (JSON is YAML). Throws `bad_text` that names `origin` with line and
 * column.
 */
export function loadText(text: string, origin: string): JsonValue {
  const value = plainJson(text) ?? loadYaml(text, origin);
  if (depthOf(value) > depthMax)
    throw new CodedError('bad_text', `${origin}: is nested more than ${depthMax} levels deep`);
  return value;
}

/**
 * The object that a JSON text stands for; a reader of YAML takes a hundred times as long. Undefined where that one has to
 * judge: anything else, and an object with a key twice, which JSON.parse lets pass.
 */
function plainJson(text: string): JsonValue | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value: JsonValue = JSON.parse(text);
    const members = text.replace(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1;
    return members === membersOf(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function membersOf(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inner = Object.values(value).reduce((sum: number, each) => sum + membersOf(each), 0);
  return Array.isArray(value) ? inner : inner + Object.keys(value).length;
}

function loadYaml(text: string, origin: string): JsonValue {
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const [start] = error.linePos ?? [];
    const at = start === undefined ? '' : `:${start.line}:${start.col}`;
    throw new CodedError('bad_text', `${origin}${at}: ${firstLine(error.message)}`, { cause: error });
  }
  try {
    return document.toJS({ maxAliasCount: aliasesMax }) ?? {};
  } catch (thrown) {
    throw new CodedError('bad_text', `${origin}: ${firstLine(String(thrown))}`, { cause: thrown });
  }
}

/** Without the position and excerpt that follow. */
function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
}

/** Stops counting a little beyond the limit. */
function depthOf(value: JsonValue, depth = 0): number {
  if (typeof value !== 'object' || value === null || depth > depthMax) return depth;
  let deepest = depth;
  for (const item of Object.values(value)) deepest = Math.max(deepest, depthOf(item, depth + 1));
  return deepest;
}
