import type { Labels } from '../../labels.ts';

/** One workload: an instance of the services that select it. */
export interface WorkloadEntrySpec extends Endpoint {
  /** IP, host name or `unix:///path`. */
  readonly address: string;
}

/** A workload, or an endpoint that is written inside a ServiceEntry. */
export interface Endpoint {
  /** IP, host name or `unix:///path`; empty where only `network` says how to get there. */
  readonly address: string;
  /** By name of the service's port; a port that is absent has the service's own target port. */
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: Labels;
  /** Not acted on. May be empty. */
  readonly network: string;
  /** `region/zone/subzone`; empty: unknown. */
  readonly locality: string;
  /** ≥ 1, default 1. */
  readonly weight: number;
  /** Name alone, without a namespace; may be empty. */
  readonly serviceAccount: string;
}
