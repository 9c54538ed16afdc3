import { isDeepStrictEqual } from 'node:util';
import type { Instance, RegistrySink, Service } from '@sofamesh/contract/registry';
import { describeObject, type MeshObject, ofKind } from '@sofamesh/model/object';
import type { ServiceWithInstances } from '@sofamesh/translate/input';
import type { BuildOptions, Built, ServiceConflict } from './build.ts';
import { serviceOfKubernetes } from './kubernetes-service.ts';
import { keyOf, RegisteredServices } from './registered-services.ts';
import { servicesOfEntry } from './service-entry.ts';
import { type NamespaceWorkloads, WorkloadIndex } from './workload-index.ts';

export type { ServiceConflict } from './build.ts';

type ServiceSource = MeshObject<'Service' | 'ServiceEntry'>;

interface Remembered extends Built {
  readonly workloads: NamespaceWorkloads;
}

/**
 * The services of the mesh, from configuration and from registries. Who defines a service: Kubernetes Services, then
 * ServiceEntries in the order of the objects, then registries in the order of their names; the first wins. Instances that
 * registries know are added to those that configuration gives.
 *
 * From one call of {@link services} to the next whatever is unchanged stays the same object: each entry, and of an entry the
 * service and the list of instances, so that caches may be keyed by identity.
 */
export class ServiceIndex {
  readonly #options: BuildOptions;
  readonly #workloads = new WorkloadIndex();
  readonly #built = new WeakMap<ServiceSource, Remembered>();
  readonly #registries: RegisteredServices[] = [];
  #before: ReadonlyMap<string, ServiceWithInstances> = new Map();

  /** `domain`: `cluster.local`. `xProtocols`: see BuildOptions. */
  constructor(domain: string, xProtocols?: ReadonlySet<string>) {
    this.#options = { domain, ...(xProtocols === undefined ? {} : { xProtocols }) };
  }

  /** A place for one registry to put what it knows; `changed` is called after each call. */
  sink(registry: string, changed: () => void): RegistrySink {
    const registered = new RegisteredServices(registry, changed);
    this.#registries.push(registered);
    this.#registries.sort((a, b) => compareTexts(a.registry, b.registry));
    return registered;
  }

  /** The services as of now, by host and then by namespace. Objects of other kinds do not matter. */
  services(objects: Iterable<MeshObject>): Built {
    const conflicts: ServiceConflict[] = [];
    const found = this.#fromObjects([...objects], conflicts);
    for (const registered of this.#registries) addServices(found, registered, conflicts);
    // Later, for a registry may know instances of a service that another one defines.
    for (const registered of this.#registries) addInstances(found, registered);
    const services = [...found]
      .map(([key, entry]) => unchangedOr(this.#before.get(key), entry))
      .sort(({ service: a }, { service: b }) => compareTexts(a.host, b.host) || compareTexts(a.namespace, b.namespace));
    this.#before = new Map(services.map((entry) => [keyOf(entry.service), entry]));
    return { services, conflicts };
  }

  #fromObjects(objects: readonly MeshObject[], conflicts: ServiceConflict[]): Map<string, ServiceWithInstances> {
    this.#workloads.update(objects);
    const found = new Map<string, ServiceWithInstances>();
    const sources: ServiceSource[] = [...ofKind(objects, 'Service'), ...ofKind(objects, 'ServiceEntry')];
    for (const source of sources) {
      const built = this.#build(source);
      conflicts.push(...built.conflicts);
      for (const entry of built.services) {
        const { host, namespace } = entry.service;
        const key = keyOf(entry.service);
        if (!found.has(key)) found.set(key, entry);
        else conflicts.push({ host, namespace, reason: `is defined twice; the ${describeObject(source)} is not used` });
      }
    }
    return found;
  }

  #build(source: ServiceSource): Built {
    const workloads = this.#workloads.of(source.metadata.namespace);
    const remembered = this.#built.get(source);
    if (remembered?.workloads === workloads) return remembered;
    const built =
      source.kind === 'Service'
        ? serviceOfKubernetes(source, workloads, this.#options)
        : servicesOfEntry(source, workloads, this.#options);
    this.#built.set(source, { ...built, workloads });
    return built;
  }
}

function addServices(
  found: Map<string, ServiceWithInstances>,
  registered: RegisteredServices,
  conflicts: ServiceConflict[],
): void {
  conflicts.push(...registered.conflicts());
  for (const [key, service] of registered.services) {
    const { host, namespace } = service;
    if (!found.has(key)) found.set(key, { service, instances: [] });
    else
      conflicts.push({
        host,
        namespace,
        reason: `is defined twice; the one of registry ${registered.registry} is not used`,
      });
  }
}

function addInstances(found: Map<string, ServiceWithInstances>, registered: RegisteredServices): void {
  for (const [key, instances] of registered.instances) {
    const entry = found.get(key);
    if (entry === undefined || instances.length === 0) continue;
    found.set(key, { service: entry.service, instances: union(entry, instances) });
  }
}

/** An instance that two sources know counts once. */
function union({ service, instances }: ServiceWithInstances, more: readonly Instance[]): readonly Instance[] {
  const placeOf = (instance: Instance) =>
    [instance.address, ...service.ports.map(({ name, number }) => instance.ports[name] ?? number)].join(' ');
  const known = new Set(instances.map(placeOf));
  return [...instances, ...more.filter((instance) => !known.has(placeOf(instance)))];
}

function unchangedOr(before: ServiceWithInstances | undefined, now: ServiceWithInstances): ServiceWithInstances {
  if (before === undefined || before === now) return now;
  const service: Service = isDeepStrictEqual(before.service, now.service) ? before.service : now.service;
  const instances = isDeepStrictEqual(before.instances, now.instances) ? before.instances : now.instances;
  return service === before.service && instances === before.instances ? before : { service, instances };
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
