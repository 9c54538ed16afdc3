import { HessianDouble, HessianList, HessianObject, type HessianValue } from '../hessian2/value.ts';
import { badRequest } from './fault.ts';
import type { Mapping, ParameterRule, Rule } from './mapping.ts';
import { fillPath } from './path-template.ts';
import { toJson } from './to-json.ts';

/** What a call becomes in HTTP. */
export interface HttpCall {
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** JSON; undefined: there is no body. */
  readonly body: string | undefined;
}

/** Puts the arguments of a call where its rule says. Throws a fault that names the parameter. */
export function requestOf(
  { http, call }: Rule,
  args: readonly HessianValue[],
  { types, bodyBytesMax }: Mapping,
): HttpCall {
  const style = { types, classNames: call.classNames, classEntries: false, lengthMax: bodyBytesMax };
  const variables = new Map<string, string>();
  const query = new URLSearchParams();
  const headers: [string, string][] = [];
  const body = new BodyText();
  call.parameters.forEach((parameter, at) => {
    const value = args[at]!;
    const { name, source } = parameter;
    const json = (each: HessianValue) => toJson(each, style, (reason) => badRequest(`${name}: ${reason}`));
    const texts = () => textsOf(parameter, value, json);
    switch (source.kind) {
      case 'path': {
        const [text] = texts();
        if (text === undefined || text === '') throw badRequest(`${name}: is empty, and stands in the path`);
        variables.set(name, text);
        return;
      }
      case 'query':
        for (const text of texts()) query.append(name, text);
        return;
      case 'header':
        for (const text of texts()) headers.push([name, headerText(text, name)]);
        return;
      case 'body':
        body.whole = json(value);
        return;
      case 'field':
        body.set(source.fields, json(value));
    }
  });
  const target = fillPath(http.segments, (name) => variables.get(name)!);
  const search = query.toString();
  return { method: http.method, path: search === '' ? target : `${target}?${search}`, headers, body: body.text };
}

/** None for null; each item of a list outside of a path. */
function textsOf({ source }: ParameterRule, value: HessianValue, json: (value: HessianValue) => string): string[] {
  if (value === null) return [];
  const items = value instanceof HessianList && source.kind !== 'path' ? value.items : [value];
  return items.flatMap((item) => {
    if (item === null) return [];
    if (typeof item === 'string') return [item];
    if (typeof item === 'bigint') return [String(item)];
    if (item instanceof Date) return [item.toISOString()];
    if (Buffer.isBuffer(item)) return [item.toString('base64')];
    const constant = item instanceof HessianObject && item.fields.length === 1 ? item.get('name') : undefined;
    // An enumeration's.
    if (typeof constant === 'string') return [constant];
    return [item instanceof HessianDouble ? String(item.value) : json(item)];
  });
}

function headerText(text: string, name: string): string {
  if (/[^\t\x20-\x7e]/.test(text)) throw badRequest(`${name}: has characters that a header cannot have`);
  return text;
}

/** A body that is put together from JSON texts of its fields. */
class BodyText {
  whole: string | undefined = undefined;
  readonly #fields = new Map<string, string | BodyText>();

  set([name, ...rest]: readonly string[], json: string): void {
    if (rest.length === 0) {
      this.#fields.set(name!, json);
      return;
    }
    let inner = this.#fields.get(name!);
    if (!(inner instanceof BodyText)) {
      inner = new BodyText();
      this.#fields.set(name!, inner);
    }
    inner.set(rest, json);
  }

  get text(): string | undefined {
    if (this.whole !== undefined || this.#fields.size === 0) return this.whole;
    const members = [...this.#fields].map(
      ([name, value]) => `${JSON.stringify(name)}:${value instanceof BodyText ? value.text : value}`,
    );
    return `{${members.join(',')}}`;
  }
}
