import { list, object, oneOf, portNumber, strings, text } from '../../schema/build.ts';
import { endpointFields } from '../parts/endpoint.ts';
import { exportTo, workloadSelector } from '../parts/schema.ts';

/** Source of the field list: istio/api networking/v1 ServiceEntry. */

const port = object(
  { number: portNumber, name: text('portName'), protocol: text('portProtocol'), targetPort: portNumber },
  { required: ['number', 'name'] },
);

export const schema = object(
  {
    hosts: list(text('serviceHost'), { minItems: 1 }),
    addresses: list(text('subnet')),
    ports: list(port),
    location: oneOf('MESH_EXTERNAL', 'MESH_INTERNAL'),
    resolution: oneOf('NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'),
    endpoints: list(object(endpointFields)),
    workloadSelector,
    exportTo,
    subjectAltNames: strings,
  },
  { required: ['hosts'] },
);

/** What translation does not act on yet. */
export const inert: readonly string[] = ['endpoints[].network', 'subjectAltNames'];
