import type { Subscriptions } from './applier.ts';

/** Keeps a subscription by name equal to the names that are needed. */
export class NamedSubscription {
  readonly #typeUrl: string;
  readonly #subscriptions: Subscriptions;
  #names = new Set<string>();

  constructor(typeUrl: string, subscriptions: Subscriptions) {
    this.#typeUrl = typeUrl;
    this.#subscriptions = subscriptions;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Returns the names that are no longer needed. */
  replace(names: ReadonlySet<string>): string[] {
    const added = [...names].filter((name) => !this.#names.has(name));
    const removed = [...this.#names].filter((name) => !names.has(name));
    this.#names = new Set(names);
    if (added.length > 0) this.#subscriptions.subscribe(this.#typeUrl, added);
    if (removed.length > 0) this.#subscriptions.unsubscribe(this.#typeUrl, removed);
    return removed;
  }
}
