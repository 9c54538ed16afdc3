import type { RequestHead } from '@sofamesh/contract/message';
import type { HessianValue } from '../hessian2/value.ts';
import { badRequest, ConversionFault } from './fault.ts';
import type { JavaType } from './java-type.ts';
import { fieldOf, type Json, parseJson } from './json-text.ts';
import type { ParameterRule } from './mapping.ts';
import type { RuleMatch } from './rule-index.ts';
import { type ObjectStyle, toHessian } from './to-hessian.ts';

/** The arguments that a request of HTTP gives a call, in the order of its rule. Throws a fault that names the parameter. */
export function argumentsOf(
  { rule, variables }: RuleMatch,
  head: RequestHead,
  body: Buffer,
  style: ObjectStyle,
): HessianValue[] {
  const { parameters } = rule.call;
  const hasBody = parameters.some(({ source }) => source.kind === 'body' || source.kind === 'field');
  const json = hasBody ? bodyOf(head, body) : undefined;
  const query = queryOf(head.path);
  return parameters.map((parameter) => {
    const found = find(parameter, { head, variables, query, json });
    const value = found ?? parameter.fallback;
    if (value === undefined) throw badRequest(`${placeOf(parameter)} is missing`);
    return toHessian(value, parameter.type, style, placeOf(parameter));
  });
}

/** The path without its query. */
export function pathOf(target: string): string {
  const end = target.indexOf('?');
  return end < 0 ? target : target.slice(0, end);
}

interface Request {
  readonly head: RequestHead;
  readonly variables: ReadonlyMap<string, string>;
  readonly query: URLSearchParams;
  readonly json: Json | undefined;
}

function find({ name, source, type }: ParameterRule, { head, variables, query, json }: Request): Json | undefined {
  switch (source.kind) {
    case 'path':
      return jsonOfTexts([variables.get(name)!], type, name);
    case 'query':
      return jsonOfTexts(query.getAll(name), type, name);
    case 'header': {
      const value = head.get(name);
      return value === undefined ? undefined : jsonOfTexts([value], type, name);
    }
    case 'body':
      return json;
    case 'field':
      return fieldOf(json, source.fields);
  }
}

/** Texts stand for a scalar or the items of a list; whatever else a type wants they say in JSON. */
function jsonOfTexts(texts: readonly string[], type: JavaType, name: string): Json | undefined {
  const [first] = texts;
  if (first === undefined) return undefined;
  if (type.kind === 'list') {
    if (texts.length === 1 && first.startsWith('[')) return parsed(first, name);
    return texts.map((text) => jsonOfTexts([text], type.element, name)!);
  }
  if (texts.length > 1) throw badRequest(`${name} is given ${texts.length} times`);
  return type.kind === 'scalar' || type.kind === 'any' || (type.kind === 'class' && !first.startsWith('{'))
    ? first
    : parsed(first, name);
}

function parsed(text: string, name: string): Json {
  return parseJson(Buffer.from(text), (reason) => badRequest(`${name}: ${reason}`));
}

function queryOf(target: string): URLSearchParams {
  const at = target.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : target.slice(at + 1));
}

function bodyOf(head: RequestHead, body: Buffer): Json | undefined {
  if (body.length === 0) return undefined;
  const type = (head.get('content-type') ?? 'application/json').split(';')[0]!.trim().toLowerCase();
  if (type !== 'application/json' && !type.endsWith('+json')) {
    throw new ConversionFault(415, 'unsupported_media_type', 'the body must be application/json');
  }
  const encoding = head.get('content-encoding')?.trim().toLowerCase();
  if (encoding !== undefined && encoding !== '' && encoding !== 'identity') {
    throw new ConversionFault(415, 'unsupported_media_type', 'the body must not be compressed');
  }
  return parseJson(body, (reason) => badRequest(`the body ${reason}`));
}

function placeOf({ name, source }: ParameterRule): string {
  if (source.kind === 'body') return 'body';
  return source.kind === 'field' ? `body.${source.fields.join('.')}` : `${source.kind} ${name}`;
}
