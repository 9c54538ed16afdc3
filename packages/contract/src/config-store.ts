/**
 * Where the control plane reads users' resources from: a folder of YAML, Kubernetes, etcd. A store keeps the last good
 * state: what becomes unreadable is reported as a finding, and what was read before stays.
 */
export interface ConfigStore {
  /** For logs and status: `file:examples/bookstore/config`. */
  readonly name: string;
  /** Resolves when everything that was there at the start has been read. `onChange` is called after each later change. */
  start(onChange: (change: ConfigChange) => void): Promise<void>;
  snapshot(): ConfigSnapshot;
  stop(): Promise<void>;
}

export interface ConfigSnapshot {
  /** Grows with every change. */
  readonly revision: number;
  readonly objects: readonly ConfigObject[];
  /** What is wrong with the source now. */
  readonly findings: readonly ConfigFinding[];
}

/** What differs from the snapshot before. */
export interface ConfigChange {
  readonly revision: number;
  readonly changed: readonly ConfigObject[];
  readonly removed: readonly ConfigObject[];
}

/** A resource as users write it. Immutable; equal content keeps the same object from snapshot to snapshot. */
export interface ConfigObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  /** Validated, defaults applied: the type that `model/kinds` has for the kind. */
  readonly spec: unknown;
  readonly source: ConfigSource;
}

export interface ConfigSource {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
}

export interface ConfigFinding {
  readonly level: 'error' | 'warning';
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `spec.http[0].route[1].weight`; empty for the document as a whole. */
  readonly path: string;
  readonly value: string;
  readonly reason: string;
}
