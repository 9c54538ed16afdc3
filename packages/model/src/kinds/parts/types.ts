import type { Labels } from '../../labels.ts';

/** Where traffic goes: a service, and perhaps one port and one subset of it. */
export interface Destination {
  /** As written: a short name means a service in the resource's namespace (see `resolveHost`). */
  readonly host: string;
  /** Defined by a DestinationRule of the host. */
  readonly subset?: string;
  readonly port?: { readonly number: number };
}

export interface WorkloadSelector {
  readonly labels: Labels;
}

/** 0 to 100, with fractions. */
export interface Percent {
  readonly value: number;
}

/** At most one field is set; none means that anything matches. */
export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  /** RE2; has to match the whole text. */
  readonly regex?: string;
}

/** A retry policy. A field that is absent has the mesh's default. */
export interface HttpRetry {
  /** How many tries may follow the first. */
  readonly attempts?: number;
  /** Duration. */
  readonly perTryTimeout?: string;
  /** Envoy's words and status codes, commas between. */
  readonly retryOn?: string;
  readonly retryRemoteLocalities?: boolean;
  readonly retryIgnorePreviousHosts?: boolean;
  /** Duration: the first pause between tries. */
  readonly backoff?: string;
}
