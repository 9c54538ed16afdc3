import { anyType, type JavaType, parseJavaType } from './java-type.ts';
import type { Json } from './json-text.ts';
import { MappingError, MappingFields } from './mapping-fields.ts';
import { parsePathTemplate, type Segment } from './path-template.ts';
import { callKey, requestKey } from './rule-keys.ts';
import type { ClassTypes } from './to-hessian.ts';

/** Which HTTP requests belong to which calls (docs/conversion.md): plain data, the same for both directions. */
export interface Mapping {
  /** Longest body, in JSON, of a request and of an answer that is converted. */
  readonly bodyBytesMax: number;
  readonly types: ClassTypes;
  readonly rules: readonly Rule[];
}

export interface Rule {
  readonly http: HttpRule;
  readonly call: CallRule;
  readonly errors: readonly ErrorRule[];
}

export interface HttpRule {
  readonly method: string;
  readonly segments: readonly Segment[];
}

export interface CallRule {
  readonly interface: string;
  /** Empty: none is sent, and any is taken. */
  readonly version: string;
  /** Dubbo's group, SOFARPC's unique id. Empty: as for `version`. */
  readonly group: string;
  readonly method: string;
  readonly parameters: readonly ParameterRule[];
  readonly returns: JavaType;
  readonly timeoutMs: number;
  readonly oneWay: boolean;
  /** Dubbo: by generic invocation, which needs no classes; else as a call of the method itself. */
  readonly generic: boolean;
  /** Headers that go along, both ways. */
  readonly headers: readonly string[];
  /** Objects of an answer say their class. */
  readonly classNames: boolean;
}

export interface ParameterRule {
  /** In the path, the query or the headers. For a body: what errors call it. */
  readonly name: string;
  readonly source: ParameterSource;
  readonly type: JavaType;
  /** What is used where it is missing; undefined: it must not be. */
  readonly fallback: Json | undefined;
}

export type ParameterSource =
  | { readonly kind: 'path' | 'query' | 'header' | 'body' }
  /** Names of the fields on the way to it. */
  | { readonly kind: 'field'; readonly fields: readonly string[] };

/** An exception of the application and the HTTP status that stands for it. */
export interface ErrorRule {
  readonly exception: string;
  readonly status: number;
}

export type Direction = 'json-to-rpc' | 'rpc-to-json';

const defaultBodyBytesMax = 1024 * 1024;
/** What `bodyBytesMax` may ask for: a frame of a call takes no more. */
const bodyBytesLimitMax = 8 * 1024 * 1024;
const defaultTimeoutMs = 3000;
const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const namePattern = /^[A-Za-z_$][A-Za-z0-9_$.-]*$/;
/** Names of Dubbo's own attachments and SOFARPC's own headers. */
const reserved = /^(path|interface|version|group|timeout|generic|dubbo|service|content-.*|host|sofa_.*)$/;

/** Reads a mapping. `where` begins the path of a field in errors. Throws {@link MappingError} for the first bad field. */
export function readMapping(value: unknown, where: string, direction: Direction): Mapping {
  const fields = new MappingFields(value, where);
  const bodyBytesMax = fields.whole('bodyBytesMax', 1, bodyBytesLimitMax, defaultBodyBytesMax);
  const types = readTypes(fields);
  const seen = new Map<string, string>();
  const rules = fields.list('rules', (item, path) => {
    const rule = readRule(new MappingFields(item, path));
    const key = direction === 'json-to-rpc' ? requestKey(rule.http) : callKey(rule.call);
    const before = seen.get(key);
    if (before !== undefined) throw new MappingError(path, key, `means the same as ${before}`);
    seen.set(key, path);
    return rule;
  });
  if (rules.length === 0) throw fields.fault('rules', 'must have at least one rule');
  fields.end();
  return { bodyBytesMax, types, rules };
}

function readTypes(fields: MappingFields): ClassTypes {
  if (fields.value('types') === undefined) return {};
  const types = fields.object('types');
  return Object.fromEntries(
    types.names.map((name) => {
      if (parseJavaType(name)?.kind !== 'class') throw types.fault(name, 'is not named as a class with its package');
      if (types.value(name) === 'enum') return [name, 'enum' as const];
      const members = types.object(name);
      return [name, Object.fromEntries(members.names.map((member) => [member, readType(members, member)]))];
    }),
  );
}

function readType(fields: MappingFields, name: string, fallback?: JavaType): JavaType {
  if (fallback !== undefined && fields.value(name) === undefined) return fallback;
  const type = parseJavaType(fields.text(name));
  if (type === undefined) throw fields.fault(name, 'is no Java type');
  return type;
}

function readRule(fields: MappingFields): Rule {
  const http = readHttp(fields.object('http'));
  const call = readCall(fields.object('call'), http);
  const errors = fields.list('errors', (item, path) => readError(new MappingFields(item, path)));
  fields.end();
  return { http, call, errors };
}

function readHttp(fields: MappingFields): HttpRule {
  const method = fields.text('method').toUpperCase();
  if (!/^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)$/.test(method)) throw fields.fault('method', 'is no method of HTTP');
  const segments = parsePathTemplate(fields.text('path'));
  if (typeof segments === 'string') throw fields.fault('path', segments);
  fields.end();
  return { method, segments };
}

function readCall(fields: MappingFields, http: HttpRule): CallRule {
  const call: CallRule = {
    interface: named(fields, 'interface'),
    version: fields.text('version', ''),
    group: fields.text('group', ''),
    method: named(fields, 'method'),
    parameters: fields.list('parameters', (item, path) => readParameter(new MappingFields(item, path), http)),
    returns: readType(fields, 'returns', anyType),
    timeoutMs: fields.duration('timeout', defaultTimeoutMs),
    oneWay: fields.flag('oneWay', false),
    generic: fields.flag('generic', true),
    headers: fields.list('headers', readHeaderName),
    classNames: fields.flag('classNames', false),
  };
  fields.end();
  checkParameters(fields, call.parameters, http);
  return call;
}

function named(fields: MappingFields, name: string): string {
  const value = fields.text(name);
  if (!namePattern.test(value)) throw fields.fault(name, 'is no name of Java');
  return value;
}

function readHeaderName(item: unknown, path: string): string {
  const name = typeof item === 'string' ? item.toLowerCase() : '';
  if (!tokenPattern.test(name)) throw new MappingError(path, item, 'is no name of a header');
  if (reserved.test(name)) throw new MappingError(path, item, 'is a name that the protocols use themselves');
  return name;
}

function readParameter(fields: MappingFields, http: HttpRule): ParameterRule {
  const from = fields.text('from');
  const source = readSource(fields, from, http);
  const name = fields.text('name');
  if (source.kind === 'header' && !tokenPattern.test(name)) throw fields.fault('name', 'is no name of a header');
  const type = readType(fields, 'type');
  const optional = fields.flag('optional', false);
  const given = fields.value('default');
  fields.end();
  const fallback = given === undefined ? (optional ? null : undefined) : (given as Json);
  return { name: source.kind === 'header' ? name.toLowerCase() : name, source, type, fallback };
}

function readSource(fields: MappingFields, from: string, http: HttpRule): ParameterSource {
  if (from === 'path' || from === 'query' || from === 'header') return { kind: from };
  const [first, ...path] = from.split('.');
  if (first !== 'body' || path.includes(''))
    throw fields.fault('from', 'must be path, query, header, body or body.FIELD');
  if (http.method === 'GET' || http.method === 'HEAD') throw fields.fault('from', `a ${http.method} has no body`);
  return path.length === 0 ? { kind: 'body' } : { kind: 'field', fields: path };
}

/** Every variable of the path is a parameter, and no place holds two of them. */
function checkParameters(fields: MappingFields, parameters: readonly ParameterRule[], http: HttpRule): void {
  const variables = new Set(http.segments.flatMap((segment) => ('variable' in segment ? [segment.variable] : [])));
  const places: string[] = [];
  parameters.forEach(({ name, source }, at) => {
    const path = `${fields.at('parameters')}[${at}]`;
    if (source.kind === 'path' && !variables.delete(name))
      throw new MappingError(`${path}.name`, name, 'is not in the path');
    const place = source.kind === 'field' ? ['body', ...source.fields].join('.') : source.kind;
    const key = source.kind === 'query' || source.kind === 'header' ? `${place} ${name}` : place;
    if (source.kind !== 'path' && places.some((other) => isWithin(key, other) || isWithin(other, key)))
      throw new MappingError(`${path}.from`, place, 'is taken by another parameter');
    places.push(key);
  });
  const [unused] = variables;
  if (unused !== undefined) throw new MappingError(fields.at('parameters'), unused, 'of the path is no parameter');
}

function isWithin(inner: string, outer: string): boolean {
  return inner === outer || (outer.startsWith('body') && inner.startsWith(`${outer}.`));
}

function readError(fields: MappingFields): ErrorRule {
  const exception = fields.text('exception');
  if (parseJavaType(exception)?.kind !== 'class')
    throw fields.fault('exception', 'is not named as a class with its package');
  const status = fields.whole('status', 400, 599);
  fields.end();
  return { exception, status };
}
