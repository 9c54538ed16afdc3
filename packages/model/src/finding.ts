import { formatPath, type Path } from './path.ts';

/** An error means that the object is not used; a warning that it is used, but probably not as its author thinks. */
export type Level = 'error' | 'warning';

/** Something wrong with what a user wrote, and where. */
export interface Finding {
  readonly level: Level;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based. */
  readonly column: number;
  /** `spec.http[0].route[1].weight`; empty for the document as a whole. */
  readonly path: string;
  /** The value found there, shortened; empty where there is none or where it could be a secret. */
  readonly value: string;
  readonly reason: string;
}

/** `file.yaml:12:7: error: spec.host: "a b": must be a host name`. */
export function formatFinding(finding: Finding): string {
  const parts = [`${finding.file}:${finding.line}:${finding.column}`, finding.level];
  if (finding.path !== '') parts.push(finding.path);
  if (finding.value !== '') parts.push(finding.value);
  parts.push(finding.reason);
  return parts.join(': ');
}

/** A finding before its place in the file is known. */
export interface Remark {
  readonly level: Level;
  readonly path: Path;
  readonly reason: string;
}

/** Collects remarks; `at` gives the same collector for a part of the document. */
export class Report {
  readonly #remarks: Remark[];
  readonly #path: Path;

  constructor(remarks: Remark[], path: Path = []) {
    this.#remarks = remarks;
    this.#path = path;
  }

  at(...segments: Path): Report {
    return new Report(this.#remarks, [...this.#path, ...segments]);
  }

  /** Undefined is no error, so that a rule's answer can be passed on as it is. */
  error(reason: string | undefined): void {
    if (reason !== undefined) this.#remarks.push({ level: 'error', path: this.#path, reason });
  }

  warn(reason: string | undefined): void {
    if (reason !== undefined) this.#remarks.push({ level: 'warning', path: this.#path, reason });
  }
}

const VALUE_CHARACTERS_MAX = 80;
const SECRET = /token|password|secret|private_?key$/i;

/** A value as it stands in a finding. */
export function formatValue(path: Path, value: unknown): string {
  if (value === undefined || path.some((segment) => typeof segment === 'string' && SECRET.test(segment))) return '';
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[… ${value.length}]`;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0 ? '{}' : '{…}';
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value);
  return text.length > VALUE_CHARACTERS_MAX ? `${text.slice(0, VALUE_CHARACTERS_MAX)}…` : text;
}

export { formatPath };
