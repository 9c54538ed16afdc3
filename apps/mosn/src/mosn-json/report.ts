import { FieldError, shown } from '../config/fields.ts';

/** Enough to see what is wrong; a file that is something else altogether has thousands. */
const problemsMax = 50;
const warningsMax = 500;

/** What there is to say about a file: problems, for which it is refused, and fields that have no effect here. A line each. */
export class Report {
  readonly #problems = new Set<string>();
  readonly #warnings = new Set<string>();
  #warnsOfMore = false;

  get problems(): readonly string[] {
    return [...this.#problems];
  }

  get warnings(): readonly string[] {
    const more = this.#warnsOfMore ? [`only the first ${warningsMax} warnings are told`] : [];
    return [...this.#warnings, ...more];
  }

  refuse(path: string, value: unknown, reason: string): void {
    if (this.#problems.size < problemsMax) this.#problems.add(lineOf(path, value, reason));
  }

  /** The same line is said once: a router is converted once for each listener that uses it. */
  warn(path: string, value: unknown, reason: string): void {
    const line = lineOf(path, value, reason);
    if (this.#warnings.size < warningsMax) this.#warnings.add(line);
    else this.#warnsOfMore ||= !this.#warnings.has(line);
  }
}

function lineOf(path: string, value: unknown, reason: string): string {
  return new FieldError(path, describe(value), reason).message;
}

/** Objects are named, not printed, and keys and certificates never appear. */
function describe(value: unknown): unknown {
  if (Array.isArray(value)) return shown('a list');
  if (typeof value === 'object' && value !== null && value.constructor === Object) return shown('an object');
  return typeof value === 'string' && value.includes('-----BEGIN') ? shown('PEM') : value;
}
