import type { Instance, Registry, RegistryKind, RegistrySink, Service, ServiceKey } from '@sofamesh/contract/registry';

export interface MemoryRegistryEntry {
  readonly service: Service;
  readonly instances: readonly Instance[];
}

export interface MemoryRegistryOptions {
  /** What is there from the start. */
  readonly services?: readonly MemoryRegistryEntry[];
}

/** A registry that knows what it is told: for tests, and for programs that have meshd's parts inside them. */
export class MemoryRegistry implements Registry {
  readonly name = 'memory';
  readonly #entries = new Map<string, MemoryRegistryEntry>();
  #sink: RegistrySink | undefined;

  constructor({ services = [] }: MemoryRegistryOptions = {}) {
    for (const entry of services) this.#entries.set(keyOf(entry.service), entry);
  }

  async start(sink: RegistrySink): Promise<void> {
    this.#sink = sink;
    for (const { service, instances } of this.#entries.values()) {
      sink.putService(service);
      sink.putInstances(service, instances);
    }
  }

  /** What was put stays, and is told again after the next start. */
  async stop(): Promise<void> {
    this.#sink = undefined;
  }

  /** Adds a service with its instances, or replaces it. */
  put(service: Service, instances: readonly Instance[]): void {
    const before = this.#entries.get(keyOf(service));
    this.#entries.set(keyOf(service), { service, instances });
    if (before?.service !== service) this.#sink?.putService(service);
    this.#sink?.putInstances(service, instances);
  }

  /** Harmless if there is none. */
  remove(key: ServiceKey): void {
    if (this.#entries.delete(keyOf(key))) this.#sink?.removeService(key);
  }
}

function keyOf({ namespace, host }: ServiceKey): string {
  return `${namespace}/${host}`;
}

export const kind: RegistryKind<MemoryRegistryOptions> = {
  name: 'memory',
  create: (options) => new MemoryRegistry(options),
};
