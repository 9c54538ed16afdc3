import type { Report } from '../finding.ts';
import type { Labels } from '../labels.ts';
import { nearestWord } from '../schema/nearest-word.ts';
import { type Annotation, annotationKey } from './annotation.ts';

/** What an annotation says: a value for the whole resource, and others for parts of it that have names. */
export interface Scoped<Value> {
  readonly whole: Value | undefined;
  readonly parts: ReadonlyMap<string, Value>;
}

interface Entry {
  /** Empty: the whole. */
  readonly part: string;
  readonly text: string;
}

/** `http2, v1=frame`. */
function entriesOf(text: string): readonly Entry[] {
  return text.split(',').map((entry) => {
    const equals = entry.indexOf('=');
    return { part: entry.slice(0, Math.max(equals, 0)).trim(), text: entry.slice(equals + 1).trim() };
  });
}

/** The value among a resource's annotations. Entries that {@link checkScoped} reports are left out. */
export function readScoped<Value>(annotation: Annotation<Value>, annotations: Labels): Scoped<Value> {
  const text = annotations[annotationKey(annotation)];
  let whole: Value | undefined;
  const parts = new Map<string, Value>();
  for (const entry of text === undefined ? [] : entriesOf(text)) {
    const value = annotation.parse(entry.text);
    if (value === undefined) continue;
    if (entry.part === '') whole = value;
    else parts.set(entry.part, value);
  }
  return { whole, parts };
}

/**
 * Reports what is wrong with an annotation's value. `what` is a part (`subset`), `names` are those that there are; `report`
 * stands at `metadata.annotations`.
 */
export function checkScoped<Value>(
  annotation: Annotation<Value>,
  annotations: Labels,
  what: string,
  names: readonly string[],
  report: Report,
): void {
  const key = annotationKey(annotation);
  const text = annotations[key];
  if (text === undefined) return;
  const at = report.at(key);
  const entries = entriesOf(text);
  const seen = new Set<string>();
  for (const [index, { part, text: value }] of entries.entries()) {
    if (seen.has(part))
      at.error(part === '' ? 'has several values for the whole' : `has several values for ${what} ${part}`);
    else if (part === '' && index > 0)
      at.error(`may have a value for the whole at its beginning only, then ${what}=VALUE`);
    seen.add(part);
    if (part !== '' && !names.includes(part))
      at.error(`${JSON.stringify(part)} is no ${what} of this resource${didYouMean(part, names)}`);
    if (annotation.parse(value) !== undefined) continue;
    const which = entries.length > 1 || part !== '' ? `${JSON.stringify(value)} ` : '';
    at.error(`${which}must be ${annotation.expected}${didYouMean(value, annotation.words)}`);
  }
}

function didYouMean(word: string, words: readonly string[]): string {
  const near = nearestWord(word, words);
  return near === undefined ? '' : `; did you mean ${near}?`;
}
