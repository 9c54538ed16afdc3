import type { Report } from '../../finding.ts';
import type { Input } from '../../kind.ts';
import type { HttpMatch, HttpRoute } from './types.ts';

/** Warns of routes that no request can reach: they follow one that takes everything, or repeat the match of an earlier one. */
export function checkUnreachable(routes: readonly Input<HttpRoute>[], report: Report): void {
  const seen = new Map<string, number>();
  let catchAll: number | undefined;
  for (const [index, route] of routes.entries()) {
    const at = report.at(index);
    if (catchAll !== undefined) {
      at.warn(`is never reached: http[${catchAll}] takes every request`);
      continue;
    }
    const matches = route.match ?? [];
    if (matches.length === 0) catchAll = index;
    for (const [m, match] of matches.entries()) {
      const key = matchKey(match);
      const earlier = seen.get(key);
      if (earlier === undefined) seen.set(key, index);
      else if (earlier !== index) at.at('match', m).warn(`is never reached: http[${earlier}] has the same match`);
      else at.at('match', m).warn('repeats an earlier match of the same route');
      if (isCatchAll(match)) catchAll ??= index;
    }
  }
}

function isCatchAll(match: Input<HttpMatch>): boolean {
  const { name: _name, statPrefix: _statPrefix, ignoreUriCase: _ignoreUriCase, uri, ...rest } = match;
  const everyPath =
    uri === undefined || uri.prefix === '/' || uri.prefix === '' || uri.regex === '.*' || uri.regex === '/.*';
  return everyPath && Object.values(rest).every((part) => typeof part === 'object' && Object.keys(part).length === 0);
}

/** Equal for matches that say the same, whatever the order of their fields. */
function matchKey(match: Input<HttpMatch>): string {
  const { name: _name, statPrefix: _statPrefix, ...rest } = match;
  return JSON.stringify(rest, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
