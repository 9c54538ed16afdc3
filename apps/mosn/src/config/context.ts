import type { Extensions } from './extensions.ts';
import type { Runtime } from './runtime.ts';
import type { Secrets } from './secrets.ts';
import type { TracingDefaults } from './tracing.ts';

/** What readers of route tables need. */
export type RouteContext = Pick<ReadContext, 'extensions' | 'ignored'>;

/** What readers of resources need beside the resource. */
export interface ReadContext {
  readonly extensions: Extensions;
  /** Absent: nothing is said. */
  readonly runtime?: Runtime;
  /** Absent: there are none. */
  readonly secrets?: Secrets;
  /** Absent: the bootstrap says nothing about it. */
  readonly tracing?: TracingDefaults;
  /** What is read belongs to a listener for outbound traffic. */
  readonly outbound?: boolean;
  /** A field that is given and has no effect here; `path` is within the resource. */
  readonly ignored: (path: string) => void;
}
