import { badRequest } from './fault.ts';

/** One part of a path between slashes: what it says, or the name of what stands there. */
export type Segment = { readonly literal: string } | { readonly variable: string };

const variable = /^\{([A-Za-z_][A-Za-z0-9_.-]*)\}$/;

/** `/users/{id}`; a text instead says what is wrong with it. */
export function parsePathTemplate(path: string): readonly Segment[] | string {
  if (!path.startsWith('/')) return 'must begin with /';
  if (/[?#\s]/.test(path)) return 'must be a path without query, fragment and blanks';
  const segments: Segment[] = [];
  const names = new Set<string>();
  for (const part of path.slice(1).split('/')) {
    const name = variable.exec(part)?.[1];
    if (name === undefined) {
      if (/[{}]/.test(part)) return `${part} is neither text nor one {name}`;
      const literal = decoded(part);
      if (literal === undefined) return `${part} has an escape that is none`;
      segments.push({ literal });
      continue;
    }
    if (names.has(name)) return `has {${name}} twice`;
    names.add(name);
    segments.push({ variable: name });
  }
  return segments;
}

/** What a request's path has between its slashes, decoded. Throws a fault for an escape that is none. */
export function splitPath(path: string): readonly string[] {
  return path
    .slice(1)
    .split('/')
    .map((part) => {
      const text = decoded(part);
      if (text === undefined) throw badRequest('the path has an escape that is none');
      return text;
    });
}

/** Whether a path of as many parts is meant; a variable is never empty. */
export function matches(segments: readonly Segment[], parts: readonly string[]): boolean {
  return segments.every((segment, at) => ('literal' in segment ? segment.literal === parts[at] : parts[at] !== ''));
}

/** The path with its variables filled in. */
export function fillPath(segments: readonly Segment[], variableOf: (name: string) => string): string {
  const parts = segments.map((segment) => ('literal' in segment ? segment.literal : variableOf(segment.variable)));
  return `/${parts.map(encoded).join('/')}`;
}

/** A path of dots would be taken for a step up by whoever normalizes it, escaped or not. */
function encoded(part: string): string {
  if (part === '.' || part === '..') throw badRequest('a part of the path cannot be . or ..');
  return encodeURIComponent(part.toWellFormed());
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
