import { isDeepStrictEqual } from 'node:util';
import type { CatalogueFilterConfig, FilterChainConfig, ListenerConfig } from '@sofamesh/proxy/config/listener';
import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import type { Rejection } from '@sofamesh/proxy/engine-api';
import { releasePlaces, sharedMemory } from '@sofamesh/proxy/listener/shared-numbers';

type FilterWithMemory = CatalogueFilterConfig & { readonly shared: NonNullable<CatalogueFilterConfig['shared']> };

interface ListenerMemory {
  /** Its connections. */
  readonly places: SharedArrayBuffer;
  /** By their places in it. */
  readonly filters: ReadonlyMap<string, FilterWithMemory>;
}

/**
 * The memory that workers share: of each listener, and of its network filters of the catalogue. A listener keeps its own
 * as long as its name is there, a filter as long as it stays what and where it is, and a worker that takes the place of
 * another one gets what the others have.
 */
export class SharedMemories {
  readonly #workers: number;
  readonly #downstreamPlaces: SharedArrayBuffer | undefined;
  readonly #listeners = new Map<string, ListenerMemory>();
  #pending = new Map<string, ListenerMemory>();
  #lastId = 0;

  /** `downstreamPlaces`: of all listeners together. */
  constructor(workers: number, downstreamPlaces?: SharedArrayBuffer) {
    this.#workers = workers;
    this.#downstreamPlaces = downstreamPlaces;
  }

  /** The update with memory for each listener and filter. It counts from {@link commit} on. */
  attach(update: ConfigUpdate): ConfigUpdate {
    this.#pending = new Map();
    const { listeners } = update;
    return listeners === undefined ? update : { ...update, listeners: listeners.map((one) => this.#attachTo(one)) };
  }

  commit(refused: readonly Rejection[], removed: readonly string[]): void {
    for (const name of removed) this.#listeners.delete(name);
    for (const [name, memory] of this.#pending) {
      if (!refused.some((one) => one.kind === 'listener' && one.name === name)) this.#listeners.set(name, memory);
    }
    this.#pending = new Map();
  }

  /** What this worker held is free again; it is gone. */
  release(worker: number): void {
    const memories = new Set<SharedArrayBuffer>();
    if (this.#downstreamPlaces !== undefined) memories.add(this.#downstreamPlaces);
    // Listeners accept before they are committed.
    for (const listeners of [this.#listeners, this.#pending]) {
      for (const { places } of listeners.values()) memories.add(places);
      for (const { shared } of this.#filtersOf(listeners)) memories.add(shared.memory);
    }
    for (const memory of memories) releasePlaces(memory, worker);
  }

  #attachTo(listener: ListenerConfig): ListenerConfig {
    const filters = new Map<string, FilterWithMemory>();
    const before = this.#listeners.get(listener.name);
    const places = before?.places ?? sharedMemory(this.#workers);
    this.#pending.set(listener.name, { places, filters });
    const withMemory = (filter: CatalogueFilterConfig, place: string): FilterWithMemory => {
      const shared = sharedBy(filter, before?.filters.get(place)) ?? this.#sharedByText(filter) ?? this.#newMemory();
      const found = { ...filter, shared };
      filters.set(place, found);
      return found;
    };
    const { filterChains, defaultFilterChain } = listener;
    return {
      ...listener,
      places,
      filterChains: filterChains.map((chain) => attachToChain(chain, JSON.stringify(chain.match), withMemory)),
      defaultFilterChain: defaultFilterChain && attachToChain(defaultFilterChain, 'default', withMemory),
    };
  }

  #sharedByText({ name, sharesAs }: CatalogueFilterConfig): FilterWithMemory['shared'] | undefined {
    if (sharesAs === undefined) return undefined;
    for (const listeners of [this.#listeners, this.#pending]) {
      for (const filter of this.#filtersOf(listeners)) {
        if (filter.name === name && filter.sharesAs === sharesAs) return filter.shared;
      }
    }
    return undefined;
  }

  #newMemory(): FilterWithMemory['shared'] {
    return { id: ++this.#lastId, memory: sharedMemory(this.#workers) };
  }

  *#filtersOf(listeners: ReadonlyMap<string, ListenerMemory>): Iterable<FilterWithMemory> {
    for (const { filters } of listeners.values()) yield* filters.values();
  }
}

/** What the filter has that stood there before, if it is the same. */
function sharedBy(
  { name, config }: CatalogueFilterConfig,
  before: FilterWithMemory | undefined,
): FilterWithMemory['shared'] | undefined {
  return before?.name === name && isDeepStrictEqual(before.config, config) ? before.shared : undefined;
}

function attachToChain(
  chain: FilterChainConfig,
  place: string,
  withMemory: (filter: CatalogueFilterConfig, place: string) => CatalogueFilterConfig,
): FilterChainConfig {
  const { earlyFilters, network } = chain;
  return {
    ...chain,
    earlyFilters: earlyFilters.map((filter, at) => withMemory(filter, `${place} ${at}`)),
    network: network.kind === 'catalogue' ? withMemory(network, `${place} last`) : network,
  };
}
