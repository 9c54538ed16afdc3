import type { JsonObject } from '@bufbuild/protobuf';
import { messageOf } from '@sofamesh/base/errors';
import { compileRe2 } from '@sofamesh/proxy/route/string-match';
import type { RequestPart } from './variables.ts';

/** What is said about one part of a request. `regex` finds its text anywhere, as Go's regular expressions do. */
export type TextTest = { readonly exact: string } | { readonly regex: string };

/** Conditions that all have to hold: the parts of Envoy's RouteMatch. */
export interface Conditions {
  readonly path: JsonObject | undefined;
  readonly headers: readonly JsonObject[];
  readonly query: readonly JsonObject[];
}

/** Protocols of the calls that are matched; empty for HTTP. */
export type Calls = readonly string[];

export const noConditions: Conditions = { path: undefined, headers: [], query: [] };

/** Why a regular expression cannot be used. */
export function regexProblem(regex: string): string | undefined {
  try {
    compileRe2(regex, 'cannot be used');
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

/** Envoy's expressions cover the whole text. */
export function anywhere(regex: string): string {
  return `(?s:.*?)(?:${regex})(?s:.*)`;
}

/**
 * Tests a part. Several answers are alternatives: the service of a call is a header of bolt, and the authority of a call of
 * any other protocol. Text: why it cannot be tested.
 */
export function conditionsFor(part: RequestPart, test: TextTest, calls: Calls): readonly Conditions[] | string {
  const problem = 'regex' in test ? regexProblem(test.regex) : undefined;
  if (problem !== undefined) return problem;
  switch (part.kind) {
    case 'header':
      return [withHeader(part.name, test)];
    case 'path':
      return [{ ...noConditions, path: 'exact' in test ? { path: test.exact } : safeRegex(anywhere(test.regex)) }];
    case 'query':
      return [{ ...noConditions, query: [{ name: part.name, string_match: stringMatch(test) }] }];
    case 'service':
      return serviceConditions(test, calls);
    case 'method':
      return methodConditions(test);
  }
}

function withHeader(name: string, test: TextTest): Conditions {
  return { ...noConditions, headers: [headerMatch(name, test)] };
}

export function headerMatch(name: string, test: TextTest): JsonObject {
  return { name, string_match: stringMatch(test) };
}

function stringMatch(test: TextTest): JsonObject {
  return 'exact' in test ? { exact: test.exact } : safeRegex(anywhere(test.regex));
}

function safeRegex(regex: string): JsonObject {
  return { safe_regex: { regex } };
}

/** SOFARPC's header `service` has version and unique id behind the interface, which the authority has not. */
function serviceConditions(test: TextTest, calls: Calls): readonly Conditions[] {
  const ofBolt = withHeader('service', test);
  const ofOthers = withHeader(':authority', test);
  if (!calls.includes('bolt')) return [ofOthers];
  if (calls.length === 1) return [ofBolt];
  const isBolt = headerMatch(':scheme', { exact: 'bolt' });
  return [
    { ...ofBolt, headers: [isBolt, ...ofBolt.headers] },
    { ...ofOthers, headers: [{ ...isBolt, invert_match: true }, ...ofOthers.headers] },
  ];
}

/** The path of a call is `/` and its method. */
function methodConditions(test: TextTest): readonly Conditions[] | string {
  if ('exact' in test) return [{ ...noConditions, path: { path: `/${test.exact}` } }];
  const { regex } = test;
  if (regex.lastIndexOf('^') > 0 || (regex.startsWith('^') && regex.includes('|'))) {
    return 'an expression for a method may have ^ at its beginning only, and no | beside it';
  }
  const anchored = regex.startsWith('^');
  return [{ ...noConditions, path: safeRegex(anchored ? `/(?:${regex.slice(1)})(?s:.*)` : `/${anywhere(regex)}`) }];
}

/** Both of the two hold; text where Envoy's RouteMatch has no room for it. */
export function both(one: Conditions, other: Conditions): Conditions | string {
  if (one.path !== undefined && other.path !== undefined) return 'the path can be tested once only';
  return {
    path: one.path ?? other.path,
    headers: [...one.headers, ...other.headers],
    query: [...one.query, ...other.query],
  };
}
