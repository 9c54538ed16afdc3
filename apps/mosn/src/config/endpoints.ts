import type { Locality } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { HealthStatus } from '@sofamesh/api/gen/envoy/config/core/v3/health_check_pb';
import type {
  LbEndpoint,
  LocalityLbEndpoints,
} from '@sofamesh/api/gen/envoy/config/endpoint/v3/endpoint_components_pb';
import type { ClusterLoadAssignment } from '@sofamesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { Address } from '@sofamesh/base/address';
import type { DnsEndpointConfig, EndpointConfig, EndpointsConfig } from '@sofamesh/proxy/config/cluster';
import { addressOf, FieldError, isIpLiteral, mapAt, present } from './fields.ts';

const prioritiesMax = 128;

/** Reads `envoy.config.endpoint.v3.ClusterLoadAssignment` whose hosts are addresses (static clusters, EDS). */
export function readEndpoints(message: ClusterLoadAssignment, version: string): EndpointsConfig {
  return {
    name: message.clusterName,
    version,
    groups: mapAt(message.endpoints, 'endpoints', (group, path) => ({
      locality: localityName(group.locality),
      priority: readPriority(group, path),
      weight: group.loadBalancingWeight ?? 0,
      hosts: mapAt(endpointsOf(group, path), `${path}.lb_endpoints`, readHost),
    })),
  };
}

/** The same for clusters whose hosts are names that DNS resolves. */
export function readDnsEndpoints(message: ClusterLoadAssignment): DnsEndpointConfig[] {
  return mapAt(message.endpoints, 'endpoints', (group, path) =>
    mapAt(endpointsOf(group, path), `${path}.lb_endpoints`, (endpoint, at) => {
      const address = readAddress(endpoint, at);
      if (address.kind !== 'ip') {
        throw new FieldError(`${at}.endpoint.address`, 'pipe', 'a DNS cluster needs a socket_address');
      }
      return { host: address.host, port: address.port, weight: readWeight(endpoint, at) };
    }),
  ).flat();
}

function readHost(endpoint: LbEndpoint, path: string): EndpointConfig {
  const address = readAddress(endpoint, path);
  if (address.kind === 'ip' && !isIpLiteral(address.host)) {
    const at = `${path}.endpoint.address.socket_address.address`;
    throw new FieldError(at, address.host, 'must be an IP address (names need a DNS cluster)');
  }
  return {
    address,
    weight: readWeight(endpoint, path),
    healthy: !unhealthy.has(endpoint.healthStatus),
    hostname: endpoint.hostIdentifier.case === 'endpoint' ? endpoint.hostIdentifier.value.hostname : '',
  };
}

const unhealthy: ReadonlySet<HealthStatus> = new Set([
  HealthStatus.UNHEALTHY,
  HealthStatus.DRAINING,
  HealthStatus.TIMEOUT,
]);

function readAddress({ hostIdentifier: host }: LbEndpoint, path: string): Address {
  if (host.case !== 'endpoint') throw new FieldError(`${path}.endpoint`, host.case, 'is required');
  return addressOf(host.value.address, `${path}.endpoint.address`);
}

function readWeight({ loadBalancingWeight: weight = 1 }: LbEndpoint, path: string): number {
  if (weight < 1) throw new FieldError(`${path}.load_balancing_weight`, weight, 'must be at least 1');
  return weight;
}

function readPriority({ priority }: LocalityLbEndpoints, path: string): number {
  if (priority > prioritiesMax) throw new FieldError(`${path}.priority`, priority, `must be at most ${prioritiesMax}`);
  return priority;
}

function endpointsOf({ lbConfig, lbEndpoints }: LocalityLbEndpoints, path: string): readonly LbEndpoint[] {
  switch (lbConfig.case) {
    case undefined:
      return lbEndpoints;
    case 'loadBalancerEndpoints':
      return lbConfig.value.lbEndpoints;
    case 'ledsClusterLocalityConfig':
      throw new FieldError(`${path}.leds_cluster_locality_config`, present, 'is not supported');
  }
}

/** `region/zone/subzone`, as Envoy prints it; empty without any. */
export function localityName(locality: Locality | undefined): string {
  if (locality === undefined) return '';
  const { region, zone, subZone } = locality;
  return region === '' && zone === '' && subZone === '' ? '' : `${region}/${zone}/${subZone}`;
}
