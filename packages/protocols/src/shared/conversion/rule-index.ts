import { ConversionFault } from './fault.ts';
import type { Mapping, Rule } from './mapping.ts';
import { matches, splitPath } from './path-template.ts';

/** A rule, and what stands for the variables of its path. */
export interface RuleMatch {
  readonly rule: Rule;
  readonly variables: ReadonlyMap<string, string>;
}

/** A call, as far as it says which rule it means. */
export interface CallName {
  readonly interface: string;
  readonly version: string;
  readonly group: string;
  readonly method: string;
  readonly argumentCount: number;
}

/** The rules of a mapping, compiled once: by what a request, or a call, looks like. */
export class RuleIndex {
  readonly mapping: Mapping;
  /** By number of segments, those with text further to the left first. */
  readonly #byLength = new Map<number, Rule[]>();
  /** By interface and method. */
  readonly #byCall = new Map<string, Rule[]>();

  constructor(mapping: Mapping) {
    this.mapping = mapping;
    for (const rule of mapping.rules) {
      append(this.#byLength, rule.http.segments.length, rule);
      append(this.#byCall, `${rule.call.interface}.${rule.call.method}`, rule);
    }
    for (const rules of this.#byLength.values()) rules.sort((a, b) => rank(a).localeCompare(rank(b)));
  }

  /** The rule for a request. Throws a fault: 404 where no rule has the path, 405 where none has the method. */
  ofRequest(method: string, path: string): RuleMatch {
    const parts = splitPath(path);
    const allowed = new Set<string>();
    for (const rule of this.#byLength.get(parts.length) ?? []) {
      if (!matches(rule.http.segments, parts)) continue;
      if (rule.http.method === method) return { rule, variables: variablesOf(rule, parts) };
      allowed.add(rule.http.method);
    }
    if (allowed.size > 0) {
      throw new ConversionFault(405, 'method_not_allowed', `the path takes ${[...allowed].join(', ')}`, [...allowed]);
    }
    throw new ConversionFault(404, 'no_rule', 'no rule of the mapping has this path');
  }

  /** The rule for a call; the one that says most about it. Throws a fault (404) where there is none. */
  ofCall({ interface: name, version, group, method, argumentCount }: CallName): Rule {
    const rules = (this.#byCall.get(`${name}.${method}`) ?? []).filter(
      ({ call }) =>
        call.parameters.length === argumentCount &&
        (call.version === '' || call.version === version) &&
        (call.group === '' || call.group === group),
    );
    const said = ({ call }: Rule) => (call.version === '' ? 0 : 1) + (call.group === '' ? 0 : 1);
    const best = rules.reduce<Rule | undefined>(
      (found, rule) => (found === undefined || said(rule) > said(found) ? rule : found),
      undefined,
    );
    if (best !== undefined) return best;
    const what = `${name}${version && `:${version}`}${group && `:${group}`}`;
    throw new ConversionFault(
      404,
      'no_rule',
      `no rule of the mapping has ${what}.${method} of ${argumentCount} arguments`,
    );
  }
}

function append<Key>(map: Map<Key, Rule[]>, key: Key, rule: Rule): void {
  const rules = map.get(key);
  if (rules === undefined) map.set(key, [rule]);
  else rules.push(rule);
}

function rank({ http }: Rule): string {
  return http.segments.map((segment) => ('literal' in segment ? '0' : '1')).join('');
}

function variablesOf({ http }: Rule, parts: readonly string[]): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  http.segments.forEach((segment, at) => {
    if ('variable' in segment) variables.set(segment.variable, parts[at]!);
  });
  return variables;
}
