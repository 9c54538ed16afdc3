import type { LocalReply } from '@sofamesh/contract/message';
import { replyCause } from '../reply-cause.ts';
import { type FieldPlace, fieldNames, type NumberField, readField, readValues } from './number-field.ts';

/** The status of replies and what it stands for in HTTP. */
export interface ReplyStatus {
  readonly field: NumberField;
  readonly ok: readonly number[];
  readonly http: ReadonlyMap<number, number>;
  readonly otherwise: number;
}

export function readStatus(value: unknown, path: string, place: FieldPlace): ReplyStatus | undefined {
  if (value === undefined) return undefined;
  const { reader } = place;
  const spec = reader.object(value, path, [...fieldNames, 'ok', 'http', 'otherwise']);
  if (spec === undefined) return undefined;
  const http = (number: unknown, at: string) => reader.integer(number, at, 200, 599);
  const table =
    spec['http'] === undefined ? {} : (reader.object(spec['http'], `${path}.http`, numericKeys(spec['http'])) ?? {});
  const field = readField(spec, path, place);
  return {
    field,
    ok: readValues(spec['ok'] ?? 0, `${path}.ok`, field, place),
    http: new Map(Object.entries(table).map(([key, each]) => [Number(key), http(each, `${path}.http.${key}`)])),
    otherwise: spec['otherwise'] === undefined ? 500 : http(spec['otherwise'], `${path}.otherwise`),
  };
}

export function httpStatusOf({ ok, http, otherwise }: ReplyStatus, status: number): number {
  return ok.includes(status) ? 200 : (http.get(status) ?? otherwise);
}

/** The statuses with which the proxy answers. */
export class ReplyStatuses {
  /** By cause, HTTP status, or `otherwise`. */
  readonly byWord: ReadonlyMap<string, number>;

  constructor(byWord: ReadonlyMap<string, number>) {
    this.byWord = byWord;
  }

  /** The cause comes first, for HTTP has one status for several. Undefined: the template's. */
  of(reply: LocalReply): number | undefined {
    const cause = replyCause(reply);
    return (cause === undefined ? undefined : this.byWord.get(cause)) ?? this.ofHttp(reply.status);
  }

  ofHttp(status: number): number | undefined {
    return this.byWord.get(String(status)) ?? this.byWord.get('otherwise');
  }
}

const causes = ['timeout', 'nobody-there', 'lost', 'otherwise'] as const;

export function readReplyStatuses(value: unknown, path: string, { reader }: FieldPlace): ReplyStatuses {
  const spec = value === undefined ? {} : reader.object(value, path, [...causes, ...numericKeys(value)]);
  const byWord = Object.entries(spec ?? {}).map(
    ([word, number]) => [word, reader.integer(number, `${path}.${word}`, -(2 ** 31), 2 ** 32 - 1)] as const,
  );
  return new ReplyStatuses(new Map(byWord));
}

function numericKeys(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null
    ? Object.keys(value).filter((key) => /^-?\d{1,10}$/.test(key))
    : [];
}
