import type { Instance, Service } from '@sofamesh/contract/registry';
import { annotatedPort } from '@sofamesh/model/annotations/service';
import { isWildcardHost } from '@sofamesh/model/host';
import type { ServiceEntrySpec } from '@sofamesh/model/kinds/service-entry/types';
import type { Endpoint } from '@sofamesh/model/kinds/workload-entry/types';
import type { MeshObject } from '@sofamesh/model/object';
import { resolveIstioPort } from '@sofamesh/model/port-protocol';
import {
  addressFault,
  type BuildOptions,
  type Built,
  instanceOf,
  instancesOfWorkloads,
  protocolWord,
  type ServiceConflict,
} from './build.ts';
import type { NamespaceWorkloads } from './workload-index.ts';

const RESOLUTIONS: Readonly<Record<ServiceEntrySpec['resolution'], Service['resolution']>> = {
  NONE: 'passthrough',
  STATIC: 'static',
  DNS: 'dns',
  DNS_ROUND_ROBIN: 'dns',
  // Accepted with a warning.
  DYNAMIC_DNS: 'passthrough',
};

/**
 * The services of a ServiceEntry: one for each host; but where a port carries RPC, one service that has the first host as its
 * name and the other hosts, the names of its interfaces, as aliases.
 */
export function servicesOfEntry(
  entry: MeshObject<'ServiceEntry'>,
  workloads: NamespaceWorkloads,
  { xProtocols }: BuildOptions,
): Built {
  const { metadata, spec } = entry;
  const ports = spec.ports.map((port) => {
    const resolved = resolveIstioPort(port, xProtocols);
    return {
      name: port.name,
      number: port.number,
      protocol: protocolWord(resolved),
      ...annotatedPort(metadata.annotations, { name: port.name, resolved }),
    };
  });
  const carriesRpc = ports.some(({ protocol }) => protocol.startsWith('x-'));
  const conflicts: ServiceConflict[] = [];
  const services = (carriesRpc ? spec.hosts.slice(0, 1) : spec.hosts).map((host) => {
    const service: Service = {
      namespace: metadata.namespace,
      host,
      aliases: carriesRpc ? spec.hosts.slice(1) : [],
      addresses: spec.addresses,
      ports,
      labels: metadata.labels,
      resolution: RESOLUTIONS[spec.resolution],
      external: spec.location === 'MESH_EXTERNAL',
      exportTo: spec.exportTo,
    };
    return { service, instances: instancesOf(spec, service, workloads, conflicts) };
  });
  return { services, conflicts };
}

function instancesOf(
  spec: ServiceEntrySpec,
  service: Service,
  workloads: NamespaceWorkloads,
  conflicts: ServiceConflict[],
): readonly Instance[] {
  const { host, namespace, resolution } = service;
  if (resolution === 'passthrough') return [];
  const portsOf = (endpoint: Endpoint) => instancePorts(spec, endpoint);
  if (spec.workloadSelector !== undefined) {
    return instancesOfWorkloads(workloads.select(spec.workloadSelector.labels), service, portsOf, conflicts);
  }
  if (spec.endpoints.length === 0) {
    if (resolution !== 'dns' || isWildcardHost(host)) return [];
    const itself = {
      address: host,
      ports: {},
      labels: {},
      network: '',
      locality: '',
      weight: 1,
      serviceAccount: '',
    };
    return [instanceOf(itself, portsOf(itself), '')];
  }
  const instances: Instance[] = [];
  for (const [index, endpoint] of spec.endpoints.entries()) {
    const fault = addressFault(endpoint.address, resolution);
    if (fault === undefined) instances.push(instanceOf(endpoint, portsOf(endpoint), ''));
    else
      conflicts.push({ host, namespace, reason: `leaves out endpoints[${index}] of its ServiceEntry, which ${fault}` });
  }
  return instances;
}

/** What the endpoint says of a port wins over the service's target port; numbers that are the service's own are left out. */
function instancePorts(spec: ServiceEntrySpec, endpoint: Endpoint): Instance['ports'] {
  const numbers: [string, number][] = [];
  for (const port of spec.ports) {
    const number = endpoint.ports[port.name] ?? port.targetPort;
    if (number !== port.number) numbers.push([port.name, number]);
  }
  return Object.fromEntries(numbers);
}
