import type { Extensions } from './extensions.ts';

/** What readers of resources need beside the resource. */
export interface ReadContext {
  readonly extensions: Extensions;
  /** A field that is given and has no effect here; `path` is within the resource. */
  readonly ignored: (path: string) => void;
}
