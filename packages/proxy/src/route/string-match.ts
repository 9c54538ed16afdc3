import { CodedError, messageOf } from '@sofamesh/base/errors';
import { RE2JS } from 're2js';
import type { StringMatchConfig } from '../config/route.ts';

/** Decides on one string. Compiled when configuration arrives. */
export type StringMatch = (value: string) => boolean;

/** `where` names the field in an error: `virtual_hosts[0].routes[2].match`. */
export function compileStringMatch(config: StringMatchConfig, where: string): StringMatch {
  if (config.kind === 'regex') return compileRegex(config.value, where);
  const ignoreCase = config.ignoreCase;
  const wanted = ignoreCase ? config.value.toLowerCase() : config.value;
  switch (config.kind) {
    case 'exact':
      return ignoreCase ? (value) => value.toLowerCase() === wanted : (value) => value === wanted;
    case 'prefix':
      return ignoreCase ? (value) => value.toLowerCase().startsWith(wanted) : (value) => value.startsWith(wanted);
    case 'suffix':
      return ignoreCase ? (value) => value.toLowerCase().endsWith(wanted) : (value) => value.endsWith(wanted);
    case 'contains':
      return ignoreCase ? (value) => value.toLowerCase().includes(wanted) : (value) => value.includes(wanted);
  }
}

/** Longest pattern that is compiled. A tenant writes these, so both the size and the engine (linear time) are bounded. */
const patternCharactersMax = 1024;

/** Full match by RE2's rules, as Envoy's safe_regex. */
export function compileRegex(pattern: string, where: string): StringMatch {
  const compiled = compileRe2(pattern, where);
  return (value) => compiled.matches(value);
}

/** The compiled pattern itself, for substitutions. Throws a CodedError that names the field. */
export function compileRe2(pattern: string, where: string): RE2JS {
  if (pattern.length > patternCharactersMax) {
    throw new CodedError(
      'regex_too_long',
      `${where}: regex of ${pattern.length} characters, limit ${patternCharactersMax}`,
    );
  }
  try {
    return RE2JS.compile(pattern);
  } catch (thrown) {
    throw new CodedError('bad_regex', `${where}: regex ${JSON.stringify(pattern)}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}
