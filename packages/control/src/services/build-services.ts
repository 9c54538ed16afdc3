import type { Instance, Service } from '@sofamesh/contract/registry';
import { exportToOfAnnotations } from '@sofamesh/model/export-to';
import { isWildcardHost, serviceFqdn } from '@sofamesh/model/host';
import { type Labels, labelsMatch } from '@sofamesh/model/labels';
import { type MeshObject, ofKind } from '@sofamesh/model/object';
import type { ServiceWithInstances } from '@sofamesh/translate/input';
import { entryPortProtocol, servicePortProtocol } from './port-protocol.ts';

type ServiceEntry = MeshObject<'ServiceEntry'>;
type WorkloadEntry = MeshObject<'WorkloadEntry'>;
type KubernetesService = MeshObject<'Service'>;
type Endpoint = ServiceEntry['spec']['endpoints'][number];

/** What was made of a resource and of the workloads that it selects. */
interface Made {
  readonly inputs: readonly object[];
  readonly services: readonly ServiceWithInstances[];
}

/**
 * Turns resources into services: ServiceEntries, Kubernetes Services, and the WorkloadEntries that they select. Remembers what
 * it made of what, so that a service whose resources did not change stays the same object.
 */
export class ServiceBuilder {
  readonly #domain: string;
  #made = new Map<object, Made>();

  /** `domain`: `cluster.local`. */
  constructor(domain: string) {
    this.#domain = domain;
  }

  build(objects: Iterable<MeshObject>): readonly ServiceWithInstances[] {
    const all = [...objects];
    const workloads = Map.groupBy(ofKind(all, 'WorkloadEntry'), ({ metadata }) => metadata.namespace);
    const made = new Map<object, Made>();
    const once = (
      object: ServiceEntry | KubernetesService,
      selected: readonly WorkloadEntry[],
      make: () => readonly ServiceWithInstances[],
    ) => {
      const known = this.#made.get(object);
      const same =
        known?.inputs.length === selected.length && known.inputs.every((input, at) => input === selected[at]);
      const services = same ? known.services : make();
      made.set(object, { inputs: selected, services });
      return services;
    };
    const services = [
      ...ofKind(all, 'ServiceEntry').flatMap((entry) => {
        const selector = entry.spec.workloadSelector?.labels;
        const selected = selector === undefined ? [] : selectFrom(workloads.get(entry.metadata.namespace), selector);
        return once(entry, selected, () => servicesOfEntry(entry, selected));
      }),
      ...ofKind(all, 'Service').flatMap((service) => {
        const { selector } = service.spec;
        const selected =
          Object.keys(selector).length === 0 ? [] : selectFrom(workloads.get(service.metadata.namespace), selector);
        return once(service, selected, () => [serviceOfKubernetes(service, selected, this.#domain)]);
      }),
    ];
    this.#made = made;
    return services;
  }
}

function selectFrom(workloads: readonly WorkloadEntry[] = [], selector: Labels): readonly WorkloadEntry[] {
  return workloads.filter((workload) => labelsMatch(selector, labelsOf(workload)));
}

/** As in Istio, both places count, and the metadata's win. */
function labelsOf({ metadata, spec }: WorkloadEntry): Labels {
  return { ...spec.labels, ...metadata.labels };
}

const resolutions = {
  NONE: 'passthrough',
  STATIC: 'static',
  DNS: 'dns',
  DNS_ROUND_ROBIN: 'dns',
  DYNAMIC_DNS: 'dns',
} as const;

function servicesOfEntry(entry: ServiceEntry, selected: readonly WorkloadEntry[]): ServiceWithInstances[] {
  const { metadata, spec } = entry;
  const ports = spec.ports.map((port) => ({ name: port.name, number: port.number, protocol: entryPortProtocol(port) }));
  const [first = '', ...others] = spec.hosts;
  // Interface names are other names of an RPC service; host names of any other one are services by themselves.
  const rpc = ports.some(({ protocol }) => protocol.startsWith('x-'));
  const hosts = rpc ? [{ host: first, aliases: others }] : spec.hosts.map((host) => ({ host, aliases: [] }));
  const targets = Object.fromEntries(
    spec.ports
      .filter(({ number, targetPort }) => number !== targetPort)
      .map(({ name, targetPort }) => [name, targetPort]),
  );
  const written = [
    ...spec.endpoints.map((endpoint) => instanceOf(endpoint, endpoint.labels, targets, '')),
    ...selected.map((workload) => instanceOf(workload.spec, labelsOf(workload), targets, workload.metadata.name)),
  ];
  return hosts.map(({ host, aliases }) => {
    const service: Service = {
      namespace: metadata.namespace,
      host,
      aliases,
      addresses: spec.addresses,
      ports,
      labels: metadata.labels,
      resolution: resolutions[spec.resolution],
      external: spec.location === 'MESH_EXTERNAL',
      exportTo: spec.exportTo,
    };
    return { service, instances: instancesOf(service, written, targets) };
  });
}

/** A name to be resolved stands for itself where no endpoints are written. */
function instancesOf(service: Service, written: readonly Instance[], targets: Readonly<Record<string, number>>) {
  if (service.resolution === 'passthrough') return [];
  if (service.resolution !== 'dns' || written.length > 0 || isWildcardHost(service.host)) return written;
  return [instanceOf({ ...anonymous, address: service.host }, {}, targets, '')];
}

const anonymous: Endpoint = {
  address: '',
  ports: {},
  labels: {},
  network: '',
  locality: '',
  weight: 1,
  serviceAccount: '',
};

function instanceOf(
  { address, ports, weight, locality, serviceAccount }: Endpoint,
  labels: Labels,
  targets: Readonly<Record<string, number>>,
  workload: string,
): Instance {
  return {
    address,
    ports: { ...targets, ...ports },
    labels,
    weight,
    locality,
    serviceAccount,
    healthy: true,
    workload,
  };
}

function serviceOfKubernetes(
  { metadata, spec }: KubernetesService,
  selected: readonly WorkloadEntry[],
  domain: string,
): ServiceWithInstances {
  const ports = spec.ports.map((port) => ({
    name: port.name || `port-${port.port}`,
    number: port.port,
    protocol: servicePortProtocol(port),
  }));
  const external = spec.type === 'ExternalName';
  const service: Service = {
    namespace: metadata.namespace,
    host: serviceFqdn(metadata.name, metadata.namespace, domain),
    aliases: [],
    addresses: spec.clusterIPs,
    ports,
    labels: metadata.labels,
    resolution: external ? 'dns' : 'static',
    external,
    exportTo: exportToOfAnnotations(metadata.annotations),
  };
  if (external) {
    return { service, instances: [instanceOf({ ...anonymous, address: spec.externalName }, {}, {}, '')] };
  }
  const targets = Object.fromEntries(
    spec.ports.flatMap(({ targetPort, port }, at) =>
      typeof targetPort === 'number' && targetPort !== port ? [[ports[at]!.name, targetPort]] : [],
    ),
  );
  const instances = selected.map((workload) => {
    const instance = instanceOf(workload.spec, labelsOf(workload), targets, workload.metadata.name);
    return { ...instance, ports: { ...instance.ports, ...namedTargets(spec.ports, workload) } };
  });
  return { service, instances };
}

/** Target ports that are named: the workload says which number it has under that name. */
function namedTargets(ports: KubernetesService['spec']['ports'], { spec }: WorkloadEntry): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { name, port, targetPort } of ports) {
    const number = typeof targetPort === 'string' ? spec.ports[targetPort] : undefined;
    if (number !== undefined) found[name || `port-${port}`] = number;
  }
  return found;
}
