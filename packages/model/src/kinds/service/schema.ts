import {
  anyObject,
  anyValue,
  boolean,
  integer,
  list,
  object,
  oneOf,
  portNumber,
  type Schema,
  string,
  strings,
  text,
} from '../../schema/build.ts';
import { labels } from '../parts/schema.ts';

/** Source of the field list: Kubernetes core/v1 ServiceSpec. */

const nodePort: Schema = { ...integer, minimum: 0, maximum: 65_535 };

export const schema = object({
  type: oneOf('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
  ports: list(
    object(
      {
        name: string,
        port: portNumber,
        protocol: oneOf('TCP', 'UDP', 'SCTP'),
        appProtocol: string,
        targetPort: { anyOf: [portNumber, text('dnsLabel')] },
        nodePort,
      },
      { required: ['port'] },
    ),
  ),
  selector: labels,
  clusterIP: string,
  clusterIPs: strings,
  externalName: string,
  externalIPs: strings,
  sessionAffinity: string,
  sessionAffinityConfig: anyObject,
  publishNotReadyAddresses: boolean,
  trafficDistribution: string,
  internalTrafficPolicy: string,
  // How traffic gets into the cluster, and what the cluster itself keeps: nothing that a mesh would act on.
  externalTrafficPolicy: string,
  healthCheckNodePort: anyValue,
  loadBalancerIP: string,
  loadBalancerClass: string,
  loadBalancerSourceRanges: strings,
  allocateLoadBalancerNodePorts: boolean,
  ipFamilies: strings,
  ipFamilyPolicy: string,
});

/** What translation does not act on yet. */
export const inert: readonly string[] = [
  'externalIPs',
  'sessionAffinity',
  'sessionAffinityConfig',
  'publishNotReadyAddresses',
  'trafficDistribution',
];
