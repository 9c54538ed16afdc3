import type { Instance, RegistrySink, Service, ServiceKey } from '@sofamesh/contract/registry';
import type { MeshObject } from '@sofamesh/model/object';
import type { ServiceWithInstances } from '@sofamesh/translate/input';
import { ServiceBuilder } from './build-services.ts';

/** A service that two sources have; the second one is not used. */
export interface ServiceConflict {
  readonly host: string;
  readonly namespace: string;
  readonly reason: string;
}

/** All services of the mesh: those of resources, then those of registries in the order of their names. */
export class ServiceIndex {
  readonly #builder: ServiceBuilder;
  readonly #registries = new Map<
    string,
    Map<string, { service: Service | undefined; instances: readonly Instance[] }>
  >();
  readonly #combined = new WeakMap<Service, ServiceWithInstances>();

  constructor(domain: string) {
    this.#builder = new ServiceBuilder(domain);
  }

  /** Where a registry puts what it knows; `changed` is called after each call that changed something. */
  sink(registry: string, changed: () => void): RegistrySink {
    const known = new Map<string, { service: Service | undefined; instances: readonly Instance[] }>();
    this.#registries.set(registry, known);
    const at = (key: ServiceKey) => {
      const name = keyOf(key);
      let found = known.get(name);
      if (found === undefined) known.set(name, (found = { service: undefined, instances: [] }));
      return found;
    };
    return {
      putService(service) {
        at(service).service = service;
        changed();
      },
      removeService(key) {
        if (known.delete(keyOf(key))) changed();
      },
      putInstances(key, instances) {
        at(key).instances = instances;
        changed();
      },
    };
  }

  /** The services as of now, sorted by host and namespace. */
  services(objects: Iterable<MeshObject>): {
    readonly services: readonly ServiceWithInstances[];
    readonly conflicts: readonly ServiceConflict[];
  } {
    const found = new Map<string, ServiceWithInstances>();
    const conflicts: ServiceConflict[] = [];
    const add = (entry: ServiceWithInstances, source: string) => {
      const key = keyOf(entry.service);
      const { host, namespace } = entry.service;
      if (found.has(key))
        conflicts.push({ host, namespace, reason: `is defined twice; the one ${source} is not used` });
      else found.set(key, entry);
    };
    for (const entry of this.#builder.build(objects)) add(entry, 'that comes later in the resources');
    for (const [name, known] of [...this.#registries].sort(([a], [b]) => (a < b ? -1 : 1))) {
      for (const { service, instances } of known.values()) {
        // Instances may come before their service.
        if (service !== undefined) add(this.#combine(service, instances), `of registry ${name}`);
      }
    }
    const services = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
    return { services, conflicts };
  }

  #combine(service: Service, instances: readonly Instance[]): ServiceWithInstances {
    const known = this.#combined.get(service);
    if (known?.instances === instances) return known;
    const combined = { service, instances };
    this.#combined.set(service, combined);
    return combined;
  }
}

function keyOf({ host, namespace }: ServiceKey): string {
  return `${host} ${namespace}`;
}
