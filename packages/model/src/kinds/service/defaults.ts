import type { RawObject } from '../../kind.ts';
import type { Labels } from '../../labels.ts';
import type { ServiceSpec } from './types.ts';

/** Fills in what is absent. Called with what the schema has accepted. */
export function applyDefaults({ spec }: RawObject<ServiceSpec>): ServiceSpec {
  const clusterIP = spec.clusterIP ?? spec.clusterIPs?.[0] ?? '';
  const clusterIPs = spec.clusterIPs ?? [clusterIP];
  return {
    type: spec.type ?? 'ClusterIP',
    clusterIP,
    clusterIPs: clusterIPs.filter((address) => address !== '' && address !== 'None'),
    ports: (spec.ports ?? []).map((port) => ({
      name: port.name ?? '',
      port: port.port!,
      protocol: port.protocol ?? 'TCP',
      ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
      targetPort: port.targetPort ?? port.port!,
    })),
    selector: (spec.selector ?? {}) as Labels,
    externalName: spec.externalName ?? '',
  };
}
