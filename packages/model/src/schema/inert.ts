import type { Remark } from '../finding.ts';
import type { Path } from '../path.ts';

/** Values that say nothing, so that nobody has to be told that they do nothing. */
const SILENT = new Set<unknown>([false, '', 0, 'DEFAULT', 'UNSPECIFIED', 'NONE', 'None', 'TLS_AUTO']);

/**
 * Warnings for fields that are accepted and not acted on yet. A pattern is a path in which `[]` stands for every entry of a
 * list and `*` for every key of a map: `http[].route[].headers`.
 */
export function checkInert(patterns: readonly string[], value: unknown, base: Path): Remark[] {
  const remarks: Remark[] = [];
  for (const pattern of patterns) {
    visit(value, pattern.replaceAll('[]', '.[]').split('.'), base, (path) => {
      remarks.push({ level: 'warning', path, reason: 'has no effect yet' });
    });
  }
  return remarks;
}

function visit(value: unknown, segments: readonly string[], path: Path, found: (path: Path) => void): void {
  const [segment, ...rest] = segments;
  if (segment === undefined) {
    if (!SILENT.has(value)) found(path);
    return;
  }
  if (segment === '[]') {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) visit(item, rest, [...path, index], found);
    return;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  for (const key of segment === '*' ? Object.keys(value) : [segment]) {
    if (Object.hasOwn(value, key)) visit((value as Record<string, unknown>)[key], rest, [...path, key], found);
  }
}
