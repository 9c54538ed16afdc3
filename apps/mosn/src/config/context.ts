import type { Extensions } from './extensions.ts';
import type { Runtime } from './runtime.ts';
import type { Secrets } from './secrets.ts';
import type { TracingDefaults } from './tracing.ts';

/** What readers of route tables need. */
export type RouteContext = Pick<ReadContext, 'extensions' | 'ignored' | 'clusters'>;

/** Of `envoy.config.core.v3.Node`. */
export interface NodeNames {
  readonly id: string;
  readonly cluster: string;
}

/** What readers of resources need beside the resource. */
export interface ReadContext {
  readonly extensions: Extensions;
  /** Absent: nothing is said. */
  readonly runtime?: Runtime;
  /** Absent: there are none. */
  readonly secrets?: Secrets;
  /** Absent: the bootstrap says nothing about it. */
  readonly tracing?: TracingDefaults;
  /** What this proxy is called. Absent: the bootstrap does not say. */
  readonly node?: NodeNames;
  /** What is read belongs to a listener for outbound traffic. */
  readonly outbound?: boolean;
  /** Names of all clusters that there will ever be, for routes to name; absent: others may come. */
  readonly clusters?: ReadonlySet<string> | undefined;
  /** A field that is given and has no effect here; `path` is within the resource. */
  readonly ignored: (path: string) => void;
}
