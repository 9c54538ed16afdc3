import { CodedError } from './errors.ts';

/** A field whose value cannot be used: `path: value: reason`, the form in which every configuration error is told. */
export class FieldError extends CodedError {
  readonly path: string;
  readonly value: unknown;
  readonly reason: string;

  constructor(path: string, value: unknown, reason: string, options?: ErrorOptions) {
    super('bad_field', `${path}: ${printValue(value)}: ${reason}`, options);
    this.path = path;
    this.value = value;
    this.reason = reason;
  }

  /** The same error, seen from the message that holds this one. */
  within(prefix: string): FieldError {
    return new FieldError(`${prefix}.${this.path}`, this.value, this.reason, { cause: this.cause });
  }
}

const printedCharactersMax = 80;

function printValue(value: unknown): string {
  if (value === undefined) return 'absent';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > printedCharactersMax ? `${text.slice(0, printedCharactersMax)}…` : text;
}
