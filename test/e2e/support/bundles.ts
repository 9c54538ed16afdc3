import type { BundledProgram } from '../../../apps/meshctl/src/bundle/kept-program.ts';

/** Our programs in the form in which they start soonest: in a tenth to a third of what their sources need. */
export interface Bundles {
  readonly mosn: BundledProgram;
  readonly meshd: BundledProgram;
  /** Its `up` would start sidecars without their snapshot. */
  readonly meshctl: string;
}

/** Says, as JSON, where they are: `npm test` makes them once for all files. A file run alone makes its own. */
export const bundlesVariable = 'E2E_BUNDLES';

let found: Promise<Bundles> | undefined;

export function findBundles(): Promise<Bundles> {
  found ??= find();
  return found;
}

async function find(): Promise<Bundles> {
  const made = process.env[bundlesVariable];
  if (made !== undefined) return JSON.parse(made) as Bundles;
  // What makes them takes long to load.
  const { makeBundles } = await import('./make-bundles.ts');
  return makeBundles();
}

/** What Node is started with. */
export function nodeArguments({ file, snapshot }: BundledProgram): string[] {
  return snapshot === undefined ? [file] : ['--snapshot-blob', snapshot, file];
}
