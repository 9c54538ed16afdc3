import type { JsonObject } from '@bufbuild/protobuf';
import { optional } from './envoy-json.ts';
import type { JsonFields } from './json-fields.ts';
import {
  anywhere,
  both,
  type Calls,
  type Conditions,
  conditionsFor,
  noConditions,
  regexProblem,
  type TextTest,
} from './request-match.ts';
import { requestPartOf } from './variables.ts';

/**
 * Envoy's matches for the `match` of a router, in whose place routes with the same action stand one after the other: MOSN's has `or`. Empty:
 * reported. `calls`: protocols of the calls that the router gets; empty for HTTP.
 */
export function readRouteMatch(router: JsonFields, calls: Calls): JsonObject[] {
  const match = router.object('match');
  if (match === undefined) return [{ prefix: '/' }];
  const path = readPath(match);
  const variables = match.objects('variables').map((each) => readVariable(each, calls));
  match.refuseGiven('dsl_expressions', 'expressions are not evaluated by this proxy');
  const headers = readHeaders(match, calls, path !== undefined);
  match.end('a match');
  // MOSN looks at the first kind that there is: prefix, path, regex, variables, headers.
  if (path !== undefined || variables.length === 0) return headers.flatMap((each) => withPath(each, path, match));
  if (match.given('headers')) match.warn('headers', 'has no effect beside variables, as in MOSN');
  return alternativesOf(variables, match);
}

function readPath(match: JsonFields): JsonObject | undefined {
  const prefix = match.text('prefix');
  const path = match.text('path');
  const regex = match.text('regex');
  const given = [prefix, path, regex].filter((each) => each !== undefined);
  if (given.length > 1) {
    const [counts, ...rest] = (['prefix', 'path', 'regex'] as const).filter((name) => match.given(name));
    for (const name of rest) match.warn(name, `has no effect beside ${counts}, as in MOSN`);
  }
  if (given.length > 0 && match.given('variables')) match.warn('variables', 'has no effect beside a path, as in MOSN');
  if (prefix !== undefined) return { prefix };
  if (path !== undefined) return { path, case_sensitive: false };
  if (regex === undefined) return undefined;
  const problem = regexProblem(regex);
  if (problem !== undefined) match.refuse('regex', problem);
  return { safe_regex: { regex: anywhere(regex) } };
}

function withPath(conditions: Conditions, path: JsonObject | undefined, match: JsonFields): JsonObject[] {
  const all = path === undefined ? conditions : both({ ...noConditions, path }, conditions);
  if (typeof all !== 'string') return [matchOf(all)];
  match.refuse('headers', all);
  return [];
}

function matchOf({ path, headers, query }: Conditions): JsonObject {
  return {
    ...(path ?? { prefix: '/' }),
    ...optional('headers', [...headers]),
    ...optional('query_parameters', [...query]),
  };
}

/** Alternatives of all headers together; each name that means several things doubles them. */
function readHeaders(match: JsonFields, calls: Calls, beside: boolean): Conditions[] {
  const headers = match.objects('headers');
  let alternatives: Conditions[] = [noConditions];
  for (const header of headers) {
    const name = header.text('name');
    const value = header.text('value') ?? '';
    const regex = header.flag('regex');
    header.end('a header match');
    if (name === undefined) {
      header.refuse('name', 'must not be empty');
      continue;
    }
    // MOSN's rule for RPC: this alone, whatever the service.
    if (name === 'service' && value === '.*' && headers.length === 1 && !beside && calls.length > 0) continue;
    const answer = conditionsOfHeader(name, regex ? { regex: value } : { exact: value }, calls);
    if (typeof answer === 'string') {
      header.refuse('value', answer);
      continue;
    }
    alternatives = alternatives.flatMap((before) =>
      answer.flatMap((next) => {
        const all = both(before, next);
        if (typeof all !== 'string') return [all];
        header.refuse('name', all);
        return [];
      }),
    );
  }
  return alternatives;
}

function conditionsOfHeader(name: string, test: TextTest, calls: Calls): readonly Conditions[] | string {
  const isCall = calls.length > 0;
  if (isCall && name === 'service') return conditionsFor({ kind: 'service' }, test, calls);
  if (isCall && name === 'method') return conditionsFor({ kind: 'method' }, test, calls);
  // The value of a rule for any service, on a listener for HTTP.
  if (name === 'service' && 'exact' in test && test.exact === '.*') {
    return [{ ...noConditions, headers: [{ name, present_match: true }] }];
  }
  if (name === 'method') return conditionsFor({ kind: 'header', name: ':method' }, test, calls);
  return conditionsFor({ kind: 'header', name: name.toLowerCase() }, test, calls);
}

interface VariableTest {
  /** Alternatives; empty: reported. */
  readonly conditions: readonly Conditions[];
  /** How the next one is joined to this one. */
  readonly joins: 'and' | 'or';
}

function readVariable(matcher: JsonFields, calls: Calls): VariableTest {
  const name = matcher.text('name');
  const value = matcher.text('value');
  const regex = matcher.text('regex');
  const joins = matcher.text('model')?.toLowerCase() ?? 'and';
  matcher.end('a variable match');
  const none = { conditions: [], joins: 'and' } as const;
  if (joins !== 'and' && joins !== 'or') {
    matcher.refuse('model', 'must be and, or');
    return none;
  }
  const part = name === undefined ? undefined : requestPartOf(name);
  if (part === undefined) {
    matcher.refuse('name', 'is no variable that a route of this proxy can be chosen by');
    return none;
  }
  if (value === undefined && regex === undefined) {
    matcher.refuse('value', 'value or regex is required');
    return none;
  }
  const answer = conditionsFor(part, regex === undefined ? { exact: value! } : { regex }, calls);
  if (typeof answer === 'string') {
    matcher.refuse('regex', answer);
    return none;
  }
  return { conditions: answer, joins };
}

/** `a and b or c and d` is `(a and b) or (c and d)`. */
function alternativesOf(variables: readonly VariableTest[], match: JsonFields): JsonObject[] {
  const found: Conditions[] = [];
  let group: readonly Conditions[] = [noConditions];
  for (const [at, { conditions, joins }] of variables.entries()) {
    group = group.flatMap((before) =>
      conditions.flatMap((next) => {
        const all = both(before, next);
        if (typeof all !== 'string') return [all];
        match.refuse('variables', all);
        return [];
      }),
    );
    if (joins === 'and' && at < variables.length - 1) continue;
    found.push(...group);
    group = [noConditions];
  }
  return found.map(matchOf);
}
