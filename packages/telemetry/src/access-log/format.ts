import { CodedError } from '@sofamesh/base/errors';
import type { LogRecord } from '@sofamesh/contract/access-log';
import { compileOperator, type Operator } from './operators.ts';
import { isSteady, SteadyRun } from './steady-run.ts';

/** Envoy's default access log format, one line per exchange. */
export const defaultTextFormat =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" ' +
  '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

type Parts = (string | Operator)[];

/** What a format is made of: literal text and operators, alternating as they come. `steady`: operators that belong to a run. */
function parse(format: string, where: string, steady = new Set<Operator>()): Parts {
  const parts: Parts = [];
  let literal = '';
  for (let at = 0; at < format.length; ) {
    if (format[at] !== '%') {
      literal += format[at++];
      continue;
    }
    if (format[at + 1] === '%') {
      literal += '%';
      at += 2;
      continue;
    }
    const end = operatorEnd(format, at + 1);
    if (end < 0) throw new CodedError('bad_format', `${where}: a % at ${at} has no end`);
    if (literal !== '') parts.push(literal);
    literal = '';
    const text = format.slice(at + 1, end);
    const operator = compileOperator(text, where);
    parts.push(operator);
    if (isSteady(text)) steady.add(operator);
    at = end + 1;
  }
  if (literal !== '') parts.push(literal);
  return parts;
}

/** The closing percent sign; those inside parentheses (time formats) do not count. */
function operatorEnd(format: string, from: number): number {
  let inside = false;
  for (let at = from; at < format.length; at++) {
    const character = format[at];
    if (character === '(') inside = true;
    else if (character === ')') inside = false;
    else if (character === '%' && !inside) return at;
  }
  return -1;
}

/**
 * Compiles a format string: for text logs and for header values. `absent` stands for what is not there. Throws a
 * CodedError that begins with `where`.
 */
export function compileFormat(format: string, where: string, absent = '-'): (record: LogRecord) => string {
  const pieces = piecesOf(format, where, absent);
  return (record) => {
    let text = '';
    for (let at = 0; at < pieces.length; at++) {
      const piece = pieces[at]!;
      text += piece instanceof SteadyRun ? piece.render(record) : piece.lead + (piece.operator(record) ?? absent);
    }
    return text;
  };
}

/** An operator with the text in front of it. */
interface Single {
  readonly lead: string;
  readonly operator: Operator;
}

const nothing: Operator = () => '';

/** Where two or more steady operators follow each other they become a run, with all text around them. */
function piecesOf(format: string, where: string, absent: string): (Single | SteadyRun)[] {
  const steady = new Set<Operator>();
  const pieces: (Single | SteadyRun)[] = [];
  let run: Parts = [];
  const endRun = () => {
    const operators = run.filter((part) => typeof part !== 'string');
    if (operators.length > 1) pieces.push(new SteadyRun(run, absent));
    else if (run.length > 0) {
      const [before = '', operator = nothing, after] = typeof run[0] === 'string' ? run : ['', ...run];
      pieces.push({ lead: before as string, operator: operator as Operator });
      if (after !== undefined) pieces.push({ lead: after as string, operator: nothing });
    }
    run = [];
  };
  for (const part of parse(format, where, steady)) {
    if (typeof part === 'string' || steady.has(part)) {
      run.push(part);
      continue;
    }
    const lead = run.length === 1 && typeof run[0] === 'string' ? run[0] : '';
    if (lead === '') endRun();
    run = [];
    pieces.push({ lead, operator: part });
  }
  endRun();
  return pieces;
}

/** A JSON log's fields: nested objects and lists of format strings, numbers and booleans. */
export type JsonFormat =
  | string
  | number
  | boolean
  | null
  | readonly JsonFormat[]
  | { readonly [key: string]: JsonFormat };

/**
 * One JSON object and a line end. A value that is one operator keeps its type; an absent one is null, or with `omitsEmpty`
 * left out together with its key.
 */
export function compileJsonFormat(
  format: JsonFormat,
  where: string,
  omitsEmpty = false,
): (record: LogRecord) => string {
  const write = compileJsonValue(format, where, omitsEmpty);
  return (record) => `${write(record)}\n`;
}

function compileJsonValue(format: JsonFormat, where: string, omitsEmpty: boolean): (record: LogRecord) => string {
  if (typeof format === 'string') return compileJsonString(format, where, omitsEmpty);
  if (format === null || typeof format !== 'object') {
    const constant = JSON.stringify(format);
    return () => constant;
  }
  if (Array.isArray(format)) {
    const items = format.map((item: JsonFormat, at: number) => compileJsonValue(item, `${where}[${at}]`, omitsEmpty));
    return (record) => `[${items.map((item) => item(record)).join(',')}]`;
  }
  const fields = Object.entries(format).map(([key, value]) => ({
    lead: `${JSON.stringify(key)}:`,
    write: compileJsonValue(value, `${where}.${key}`, omitsEmpty),
  }));
  return (record) => {
    let text = '{';
    for (const { lead, write } of fields) {
      const value = write(record);
      if (omitsEmpty && value === 'null') continue;
      text += text === '{' ? lead + value : `,${lead}${value}`;
    }
    return `${text}}`;
  };
}

function compileJsonString(format: string, where: string, omitsEmpty: boolean): (record: LogRecord) => string {
  const parts = parse(format, where);
  const [only] = parts;
  if (parts.length === 1 && typeof only === 'function') return (record) => JSON.stringify(only(record) ?? null);
  const compiled = compileFormat(format, where, omitsEmpty ? '' : '-');
  return (record) => JSON.stringify(compiled(record));
}
