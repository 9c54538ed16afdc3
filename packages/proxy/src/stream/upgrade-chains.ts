import type { RequestHead } from '@sofamesh/contract/message';
import type { FilterChain } from '../chain/filter-chain.ts';
import type { FilterConfig } from '../config/extension.ts';
import type { UpgradeConfig } from '../config/http-edge.ts';
import type { Route } from '../route/route.ts';

interface Upgrade {
  readonly enabled: boolean;
  readonly filters: FilterChain;
}

/** Which protocols clients may switch to, and the filters that such requests pass. */
export class UpgradeChains {
  readonly #byType = new Map<string, Upgrade>();
  readonly #usual: FilterChain;

  /** `usual`: the filters of all other requests. `compile` throws a CodedError when a chain is not usable. */
  constructor(
    configs: readonly UpgradeConfig[],
    usual: FilterChain,
    compile: (filters: readonly FilterConfig[], at: number) => FilterChain,
  ) {
    this.#usual = usual;
    for (const [at, { type, enabled, filters }] of configs.entries()) {
      this.#byType.set(type, { enabled, filters: filters === undefined ? usual : compile(filters, at) });
    }
  }

  /** For a request with `upgrade`, or a CONNECT; the route has the last word. Undefined: it is not allowed. */
  chainFor(request: RequestHead, route: Route | undefined): FilterChain | undefined {
    const type = request.method === 'CONNECT' ? 'connect' : request.upgrade!;
    const own = this.#byType.get(type);
    const allowed = route?.upgrade(type)?.enabled ?? own?.enabled ?? false;
    return allowed ? (own?.filters ?? this.#usual) : undefined;
  }
}
