import { CodedError, messageOf } from '@sofamesh/base/errors';
import type { SubjectAltNameMatch } from '@sofamesh/contract/transport';
import { RE2JS } from 're2js';
import { subjectAltNameValue } from './subject-alt-names.ts';

/** Decides on one entry of `subjectAltNames`, `DNS:…`. */
export type NameMatch = (entry: string) => boolean;

/** Longest pattern that is compiled. Patterns run in linear time (RE2), so only their size has to be bounded. */
const patternCharactersMax = 1024;

/** Throws a CodedError where a regular expression is none or too long. */
export function compileNameMatch(match: SubjectAltNameMatch): NameMatch {
  const { type } = match;
  const prefix = type === undefined ? '' : `${type}:`;
  const holds = valueMatch(match);
  const wildcards = match.kind === 'exact' && (type === 'DNS' || type === undefined);
  return (entry) => {
    if (!entry.startsWith(prefix)) return false;
    const name = subjectAltNameValue(entry);
    if (wildcards && entry.startsWith('DNS:')) return coversName(name, match.value);
    return holds(name);
  };
}

function valueMatch({ kind, value, ignoreCase = false }: SubjectAltNameMatch): (name: string) => boolean {
  if (kind === 'regex') {
    const pattern = compilePattern(value);
    return (name) => pattern.matches(name);
  }
  const wanted = ignoreCase ? value.toLowerCase() : value;
  const fold = (name: string) => (ignoreCase ? name.toLowerCase() : name);
  switch (kind) {
    case 'exact':
      return (name) => fold(name) === wanted;
    case 'prefix':
      return (name) => fold(name).startsWith(wanted);
    case 'suffix':
      return (name) => fold(name).endsWith(wanted);
    case 'contains':
      return (name) => fold(name).includes(wanted);
  }
}

function compilePattern(pattern: string): RE2JS {
  if (pattern.length > patternCharactersMax) {
    throw new CodedError('regex_too_long', `regex of ${pattern.length} characters, limit ${patternCharactersMax}`);
  }
  try {
    return RE2JS.compile(pattern);
  } catch (thrown) {
    throw new CodedError('bad_regex', `regex ${JSON.stringify(pattern)}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** Whether a certificate's host name is `wanted`, or a wildcard (its whole first label, RFC 6125 §6.4.3) that covers it. */
export function coversName(certified: string, wanted: string): boolean {
  const pattern = certified.toLowerCase();
  const name = wanted.toLowerCase();
  if (pattern === name) return true;
  if (!pattern.startsWith('*.')) return false;
  const dot = name.indexOf('.');
  return dot > 0 && name.slice(dot) === pattern.slice(1);
}
