import { anyObject, list, object, oneOf, portNumber, string, text } from '../../schema/build.ts';
import { destination, workloadSelector } from '../parts/schema.ts';

/** Source of the field list: istio/api networking/v1 Sidecar. */

const port = object(
  { number: portNumber, name: string, protocol: text('portProtocol'), targetPort: portNumber },
  { required: ['number'] },
);
const captureMode = oneOf('DEFAULT', 'IPTABLES', 'NONE');

export const schema = object({
  workloadSelector,
  ingress: list(
    object(
      {
        port,
        bind: text('ipAddress'),
        captureMode,
        defaultEndpoint: text('defaultEndpoint'),
        tls: anyObject,
        connectionPool: anyObject,
      },
      { required: ['port'] },
    ),
  ),
  egress: list(
    object(
      { port, bind: text('bindAddress'), captureMode, hosts: list(text('egressHost'), { minItems: 1 }) },
      { required: ['hosts'] },
    ),
  ),
  outboundTrafficPolicy: object({ mode: oneOf('REGISTRY_ONLY', 'ALLOW_ANY'), egressProxy: destination }),
  inboundConnectionPool: anyObject,
});

/** What translation does not act on yet. */
export const inert: readonly string[] = [
  'ingress[].tls',
  'ingress[].connectionPool',
  'ingress[].port.targetPort',
  'egress[].port.targetPort',
  'outboundTrafficPolicy.egressProxy',
  'inboundConnectionPool',
];
