import type { Instance, Service } from '@sofamesh/contract/registry';
import { annotatedPort } from '@sofamesh/model/annotations/service';
import { exportToOfAnnotations } from '@sofamesh/model/export-to';
import { serviceFqdn } from '@sofamesh/model/host';
import type { ServiceSpec } from '@sofamesh/model/kinds/service/types';
import type { Endpoint } from '@sofamesh/model/kinds/workload-entry/types';
import type { MeshObject } from '@sofamesh/model/object';
import { resolveServicePort } from '@sofamesh/model/port-protocol';
import { type BuildOptions, type Built, instancesOfWorkloads, protocolWord, type ServiceConflict } from './build.ts';
import type { NamespaceWorkloads } from './workload-index.ts';

/** The service of a Kubernetes Service. Its selector selects WorkloadEntries of its namespace; without one there are none. */
export function serviceOfKubernetes(
  { metadata, spec }: MeshObject<'Service'>,
  workloads: NamespaceWorkloads,
  { domain, xProtocols }: BuildOptions,
): Built {
  const isExternalName = spec.type === 'ExternalName';
  const service: Service = {
    namespace: metadata.namespace,
    host: serviceFqdn(metadata.name, metadata.namespace, domain),
    aliases: [],
    addresses: spec.clusterIPs,
    ports: spec.ports
      .filter(({ protocol }) => protocol !== 'SCTP')
      .map((port) => {
        const resolved = resolveServicePort({ ...port, number: port.port }, xProtocols);
        return {
          name: portName(port),
          number: port.port,
          protocol: protocolWord(resolved),
          ...annotatedPort(metadata.annotations, { name: port.name, resolved }),
        };
      }),
    labels: metadata.labels,
    resolution: isExternalName ? 'dns' : 'static',
    external: isExternalName,
    exportTo: exportToOfAnnotations(metadata.annotations),
  };
  if (isExternalName) return { services: [{ service, instances: [hostInstance(spec)] }], conflicts: [] };
  const conflicts: ServiceConflict[] = [];
  const selected = Object.keys(spec.selector).length === 0 ? [] : workloads.select(spec.selector);
  const instances = instancesOfWorkloads(selected, service, (endpoint) => instancePorts(spec, endpoint), conflicts);
  return { services: [{ service, instances }], conflicts };
}

/** Only a service with one port may leave it without a name. */
function portName(port: ServiceSpec['ports'][number]): string {
  return port.name === '' ? `port-${port.port}` : port.name;
}

/** A name of a target port is looked up at the workload; where that does not have it, the service's own number applies. */
function instancePorts(spec: ServiceSpec, endpoint: Endpoint): Instance['ports'] {
  const numbers: [string, number][] = [];
  for (const port of spec.ports) {
    const { targetPort } = port;
    const target = typeof targetPort === 'number' ? targetPort : endpoint.ports[targetPort];
    const number = endpoint.ports[port.name] ?? target ?? port.port;
    if (number !== port.port) numbers.push([portName(port), number]);
  }
  return Object.fromEntries(numbers);
}

function hostInstance(spec: ServiceSpec): Instance {
  return {
    address: spec.externalName,
    ports: {},
    labels: {},
    weight: 1,
    locality: '',
    serviceAccount: '',
    healthy: true,
    workload: '',
  };
}
