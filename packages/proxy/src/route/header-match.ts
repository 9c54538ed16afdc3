import type { Headers, RequestHead } from '@sofamesh/contract/message';
import type { HeaderMatchConfig } from '../config/route.ts';
import { compileStringMatch } from './string-match.ts';

/** One condition on a header, compiled. */
export class HeaderMatch {
  readonly #name: string;
  readonly #test: (value: string | undefined) => boolean;
  readonly #invert: boolean;

  constructor(config: HeaderMatchConfig, where: string) {
    this.#name = config.name;
    this.#invert = config.invert;
    this.#test = compileHeader(config, where);
  }

  matches(head: RequestHead): boolean {
    return this.#matchesOne(head, headerOf(head, this.#name)) !== this.#invert;
  }

  /** The same for an answer, whose headers are all it has. */
  matchesAnswer(head: Headers): boolean {
    return this.#matchesOne(head, head.get(this.#name)) !== this.#invert;
  }

  /** Of several fields of the name one has to match, as in Envoy: what is joined is nobody's value. */
  #matchesOne(head: Headers, value: string | undefined): boolean {
    if (value?.includes(',')) {
      const values = head.getAll(this.#name);
      if (values.length > 1) return values.some((each) => this.#test(each));
    }
    return this.#test(value);
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
