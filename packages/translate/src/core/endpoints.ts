import { create, toBinary } from '@bufbuild/protobuf';
import type { Address } from '@sofamesh/api/gen/envoy/config/core/v3/address_pb';
import { AddressSchema } from '@sofamesh/api/gen/envoy/config/core/v3/address_pb';
import { type Locality, LocalitySchema } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from '@sofamesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { Instance, ServicePort } from '@sofamesh/contract/registry';
import { type Labels, labelsMatch } from '@sofamesh/model/labels';
import type { NamedResource } from '../input.ts';

/** The healthy instances that have a subset's labels, by locality. */
export function loadAssignment(
  clusterName: string,
  instances: readonly Instance[],
  port: ServicePort,
  subsetLabels: Labels,
): ClusterLoadAssignment {
  const chosen = instances.filter(
    ({ healthy, labels, address }) => healthy && address !== '' && labelsMatch(subsetLabels, labels),
  );
  const byLocality = [...Map.groupBy(chosen, ({ locality }) => locality)].sort(([a], [b]) => (a < b ? -1 : 1));
  return create(ClusterLoadAssignmentSchema, {
    clusterName,
    endpoints: byLocality.map(([locality, members]) => ({
      ...(locality !== '' && { locality: localityOf(locality) }),
      lbEndpoints: members.map((instance) => ({
        hostIdentifier: {
          case: 'endpoint' as const,
          value: { address: addressOf(instance.address, instance.ports[port.name] ?? port.number) },
        },
        loadBalancingWeight: Math.max(1, instance.weight),
      })),
      loadBalancingWeight: members.reduce((sum, { weight }) => sum + Math.max(1, weight), 0),
    })),
  });
}

export function encodeAssignment(assignment: ClusterLoadAssignment): NamedResource {
  return { name: assignment.clusterName, bytes: toBinary(ClusterLoadAssignmentSchema, assignment) };
}

const unixPrefix = /^unix:(?:\/\/)?(?=\/|@)/;

/** An IP or host name with its port, or the path of a socket in the file system. */
export function addressOf(address: string, port: number): Address {
  if (unixPrefix.test(address)) {
    return create(AddressSchema, { address: { case: 'pipe', value: { path: address.replace(unixPrefix, '') } } });
  }
  return create(AddressSchema, {
    address: { case: 'socketAddress', value: { address, portSpecifier: { case: 'portValue', value: port } } },
  });
}

function localityOf(text: string): Locality {
  const [region = '', zone = '', subZone = ''] = text.split('/', 3);
  return create(LocalitySchema, { region, zone, subZone });
}
