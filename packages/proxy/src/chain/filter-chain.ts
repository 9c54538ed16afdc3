import { CodedError, messageOf } from '@sofamesh/base/errors';
import type { Filter, FilterEnvironment } from '@sofamesh/contract/filter';
import type { FilterConfig } from '../config/extension.ts';
import type { EngineEnvironment } from '../environment.ts';

/** The filters of one listener, prepared: makes those of one request. */
export class FilterChain {
  readonly #makers: readonly (() => Filter)[];
  /**
   * Set when the chain is one filter that looks at the request's head and at nothing else, as the router: a request then
   * needs no walk through a chain.
   */
  readonly straight: (() => Filter) | undefined;

  /** Throws a CodedError that begins with `where` when a filter is unknown, misplaced or refuses its configuration. */
  constructor(configs: readonly FilterConfig[], environment: EngineEnvironment, statPrefix: string, where: string) {
    const makers: (() => Filter)[] = [];
    const enabled = configs.filter((config) => !config.disabled);
    for (const [at, config] of enabled.entries()) {
      const name = `${where}[${configs.indexOf(config)}] (${config.name})`;
      const kind = environment.filters.get(config.name);
      if (kind === undefined) throw new CodedError('unknown_filter', `${name}: no such filter`);
      const last = at === enabled.length - 1;
      if (last !== (kind.terminal === true)) {
        const rule = last ? 'the last filter must forward or answer (router)' : 'must be the last filter';
        throw new CodedError('bad_filter_order', `${name}: ${rule}`);
      }
      const { clock, random, stats, logger } = environment;
      const filterEnvironment: FilterEnvironment = { clock, random, stats, statPrefix, logger };
      try {
        makers.push(kind.prepare(config.config, filterEnvironment));
      } catch (thrown) {
        throw new CodedError('bad_filter', `${name}: ${messageOf(thrown)}`, { cause: thrown });
      }
    }
    if (makers.length === 0) throw new CodedError('no_filters', `${where}: at least a terminal filter is needed`);
    this.#makers = makers;
    const [only] = makers;
    this.straight = makers.length === 1 && seesHeadOnly(only!()) ? only : undefined;
  }

  create(): Filter[] {
    const makers = this.#makers;
    const filters: Filter[] = new Array(makers.length);
    for (let at = 0; at < makers.length; at++) filters[at] = makers[at]!();
    return filters;
  }
}

function seesHeadOnly(filter: Filter): boolean {
  return (
    filter.onRequestHead !== undefined &&
    filter.onRequestData === undefined &&
    filter.onRequestTrailers === undefined &&
    filter.onResponseHead === undefined &&
    filter.onResponseData === undefined &&
    filter.onResponseTrailers === undefined &&
    filter.onEnd === undefined
  );
}
