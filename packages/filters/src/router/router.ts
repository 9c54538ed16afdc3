import type { Exchange, Filter, FilterKind } from '@sofamesh/contract/filter';
import type { RequestHead } from '@sofamesh/contract/message';

export interface RouterConfig {
  readonly suppressEnvoyHeaders: boolean;
}

/** The last filter of nearly every chain: sends the request where its route says. The engine does the work. */
class RouterFilter implements Filter {
  readonly #config: RouterConfig;

  constructor(config: RouterConfig) {
    this.#config = config;
  }

  onRequestHead(_head: RequestHead, exchange: Exchange): undefined {
    exchange.forward(this.#config);
  }
}

export const kind: FilterKind<RouterConfig> = {
  name: 'envoy.filters.http.router',
  terminal: true,
  prepare(config) {
    // It keeps nothing about a request, so one object serves them all.
    const filter = new RouterFilter(config);
    return () => filter;
  },
};
