import type { Random } from '@sofamesh/base/random';
import type { RequestHead } from '@sofamesh/contract/message';
import type { PathMatchConfig, QueryMatchConfig, RouteMatchConfig } from '../config/route.ts';
import { isGrpc } from './grpc.ts';
import { HeaderMatch } from './header-match.ts';
import { compileRegex, compileStringMatch, type StringMatch } from './string-match.ts';

/** All conditions of one route, compiled. Cheap ones first; the path was cut from its query by the caller. */
export class RouteMatch {
  readonly #path: StringMatch;
  readonly #headers: readonly HeaderMatch[];
  readonly #query: readonly { readonly name: string; readonly match: StringMatch | undefined }[];
  readonly #fractionPpm: number | undefined;
  readonly #grpc: boolean;
  readonly #connect: boolean;

  constructor(config: RouteMatchConfig, where: string) {
    this.#path = compilePath(config.path, `${where}.path`);
    this.#headers = config.headers.map((header, at) => new HeaderMatch(header, `${where}.headers[${at}]`));
    this.#query = config.queryParameters.map((parameter, at) =>
      compileQuery(parameter, `${where}.query_parameters[${at}]`),
    );
    this.#fractionPpm = config.fractionPpm;
    this.#grpc = config.grpc === true;
    this.#connect = config.path.kind === 'connect';
  }

  /** `path` without its query, `query` without the question mark. */
  matches(head: RequestHead, path: string, query: string, random: Random): boolean {
    // The target of a CONNECT is no path.
    if (this.#connect ? head.method !== 'CONNECT' : path === '' || !this.#path(path)) return false;
    if (this.#grpc && !isGrpc(head)) return false;
    for (const header of this.#headers) if (!header.matches(head)) return false;
    if (this.#query.length > 0 && !this.#matchesQuery(head, query)) return false;
    return this.#fractionPpm === undefined || random.next() * 1_000_000 < this.#fractionPpm;
  }

  #matchesQuery(head: RequestHead, query: string): boolean {
    const parameters = head.argument === undefined ? query.split('&') : undefined;
    for (const { name, match } of this.#query) {
      const value = parameters === undefined ? argumentOf(head, name) : parameterOf(parameters, name);
      if (value === undefined || (match !== undefined && !match(value))) return false;
    }
    return true;
  }
}

/** The first of that name, as it stands: Envoy's matchers see escapes. */
function parameterOf(parameters: readonly string[], name: string): string | undefined {
  for (const parameter of parameters) {
    if (parameter.startsWith(name)) {
      if (parameter.length === name.length) return '';
      if (parameter[name.length] === '=') return parameter.slice(name.length + 1);
    }
  }
  return undefined;
}

function compilePath(config: PathMatchConfig, where: string): StringMatch {
  const { kind, ignoreCase } = config;
  if (kind === 'connect') return () => true;
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

/** The arguments of an RPC call are its parameters, named after their places (`0`, `1`, …) or their own numbers (`#1`, …). */
function argumentOf(head: RequestHead, name: string): string | undefined {
  if (/^\d{1,3}$/.test(name)) return head.argument!(Number(name));
  return /^#\d{1,5}$/.test(name) ? head.argumentOfId?.(Number(name.slice(1))) : undefined;
}

function compileQuery(config: QueryMatchConfig, where: string) {
  return { name: config.name, match: config.match && compileStringMatch(config.match, where) };
}
