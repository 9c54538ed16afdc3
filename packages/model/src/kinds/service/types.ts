import type { Labels } from '../../labels.ts';

/** Kubernetes core/v1 Service: the part that a mesh looks at. */
export interface ServiceSpec {
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  /** `None` for a headless service; empty where none is assigned. */
  readonly clusterIP: string;
  /** All cluster IPs, the one above first; without `None`. */
  readonly clusterIPs: readonly string[];
  readonly ports: readonly ServicePort[];
  /** Empty: nothing is selected. */
  readonly selector: Labels;
  /** With type ExternalName: the host behind it; else empty. */
  readonly externalName: string;
}

export interface ServicePort {
  /** Empty only if it is the only port. */
  readonly name: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly appProtocol?: string;
  /** Number, or name of a port of the instance; default: `port`. */
  readonly targetPort: number | string;
}
