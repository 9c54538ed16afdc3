import { CodedError } from '@sofamesh/base/errors';
import type { RegexRewriteConfig } from '../config/route.ts';
import { compileRe2 } from './string-match.ts';

/** Replaces every match of a pattern (Envoy's RegexMatchAndSubstitute). Throws a CodedError that begins with `where`. */
export function compileRewrite({ pattern, substitution }: RegexRewriteConfig, where: string): (text: string) => string {
  const compiled = compileRe2(pattern, where);
  const substitute = compileSubstitution(substitution, compiled.groupCount(), `${where}.substitution`);
  return (text) => compiled.matcher(text).replaceAll(substitute);
}

/** RE2's own form: `\1` is a group, `\0` the whole match, `\\` a backslash; nothing else is special. */
function compileSubstitution(text: string, groups: number, where: string): (...found: unknown[]) => string {
  const parts: (string | number)[] = [];
  for (const [part] of text.matchAll(/\\.?|[^\\]+/gs)) {
    const group = /^\\\d$/.test(part) ? Number(part[1]) : undefined;
    if (part[0] === '\\' && part !== '\\\\' && (group === undefined || group > groups)) {
      throw new CodedError('bad_substitution', `${where}: ${JSON.stringify(part)}: there are ${groups} groups`);
    }
    parts.push(group ?? (part === '\\\\' ? '\\' : part));
  }
  return (...found) => parts.map((part) => (typeof part === 'string' ? part : String(found[part] ?? ''))).join('');
}

/** Path and query; the query is undefined when there is no question mark. */
export function splitPath(path: string): [path: string, query: string | undefined] {
  const mark = path.indexOf('?');
  return mark < 0 ? [path, undefined] : [path.slice(0, mark), path.slice(mark + 1)];
}

/** The same for a path with its query, which stays as it is. */
export function compilePathRewrite(config: RegexRewriteConfig, where: string): (path: string) => string {
  const rewrite = compileRewrite(config, where);
  return (path) => {
    const [bare, query] = splitPath(path);
    return query === undefined ? rewrite(bare) : `${rewrite(bare)}?${query}`;
  };
}
