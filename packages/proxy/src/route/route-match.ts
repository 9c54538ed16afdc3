import type { Random } from '@sofamesh/base/random';
import type { RequestHead } from '@sofamesh/contract/message';
import type { HeaderMatchConfig, PathMatchConfig, QueryMatchConfig, RouteMatchConfig } from '../config/route.ts';
import { compileRegex, compileStringMatch, type StringMatch } from './string-match.ts';

/** All conditions of one route, compiled. Cheap ones first; the path was cut from its query by the caller. */
export class RouteMatch {
  readonly #path: StringMatch;
  readonly #headers: readonly HeaderMatch[];
  readonly #query: readonly { readonly name: string; readonly match: StringMatch | undefined }[];
  readonly #fractionPpm: number | undefined;

  constructor(config: RouteMatchConfig, where: string) {
    this.#path = compilePath(config.path, `${where}.path`);
    this.#headers = config.headers.map((header, at) => new HeaderMatch(header, `${where}.headers[${at}]`));
    this.#query = config.queryParameters.map((parameter, at) =>
      compileQuery(parameter, `${where}.query_parameters[${at}]`),
    );
    this.#fractionPpm = config.fractionPpm;
  }

  /** `path` without its query, `query` without the question mark. */
  matches(head: RequestHead, path: string, query: string, random: Random): boolean {
    if (!this.#path(path)) return false;
    for (const header of this.#headers) if (!header.matches(head)) return false;
    if (this.#query.length > 0 && !this.#matchesQuery(query)) return false;
    return this.#fractionPpm === undefined || random.next() * 1_000_000 < this.#fractionPpm;
  }

  #matchesQuery(query: string): boolean {
    const parameters = new URLSearchParams(query);
    for (const { name, match } of this.#query) {
      const value = parameters.get(name);
      if (value === null || (match !== undefined && !match(value))) return false;
    }
    return true;
  }
}

function compilePath(config: PathMatchConfig, where: string): StringMatch {
  const { kind, ignoreCase } = config;
  if (kind === 'regex') return compileRegex(config.value, where);
  if (kind === 'prefix' && config.value === '/') return (path) => path.charCodeAt(0) === 0x2f;
  if (kind === 'prefix' || kind === 'exact')
    return compileStringMatch({ kind, value: config.value, ignoreCase }, where);
  const wanted = ignoreCase ? config.value.toLowerCase() : config.value;
  const inFolder = `${wanted}/`;
  return (path) => {
    const value = ignoreCase ? path.toLowerCase() : path;
    return value === wanted || value.startsWith(inFolder);
  };
}

function compileQuery(config: QueryMatchConfig, where: string) {
  return { name: config.name, match: config.match && compileStringMatch(config.match, where) };
}

class HeaderMatch {
  readonly #name: string;
  readonly #test: (value: string | undefined) => boolean;
  readonly #invert: boolean;

  constructor(config: HeaderMatchConfig, where: string) {
    this.#name = config.name;
    this.#invert = config.invert;
    this.#test = compileHeader(config, where);
  }

  matches(head: RequestHead): boolean {
    return this.#test(headerOf(head, this.#name)) !== this.#invert;
  }
}

/** A missing header fails every condition, also an inverted one, unless it counts as empty (Envoy's HeaderMatcher). */
function compileHeader(config: HeaderMatchConfig, where: string): (value: string | undefined) => boolean {
  const { match, treatMissingAsEmpty, invert } = config;
  if (match.kind === 'present') return (value) => (value !== undefined) === match.present;
  const missing = treatMissingAsEmpty ? '' : undefined;
  if (match.kind === 'range') {
    return (value) => {
      const present = value ?? missing;
      if (present === undefined) return invert;
      const number = Number(present);
      return present !== '' && Number.isInteger(number) && number >= match.start && number < match.end;
    };
  }
  const test = compileStringMatch(match, where);
  return (value) => {
    const present = value ?? missing;
    return present === undefined ? invert : test(present);
  };
}

/** Pseudo-headers are fields of the head, the rest are headers. */
export function headerOf(head: RequestHead, name: string): string | undefined {
  switch (name) {
    case ':path':
      return head.path;
    case ':method':
      return head.method;
    case ':authority':
    case 'host':
      return head.authority;
    case ':scheme':
      return head.scheme;
    default:
      return head.get(name);
  }
}
