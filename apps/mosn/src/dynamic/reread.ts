import { messageOf } from '@sofamesh/base/errors';
import type { SecretReference } from '../config/secret-reference.ts';
import type { Entry, Stored } from './entry.ts';
import type { StateContext } from './state-environment.ts';

/** What can be read again when secrets that it was read with change. */
export interface WithSecrets {
  readonly secretFiles: readonly string[];
  readonly secrets: readonly SecretReference[];
}

/** Files that changed, or ids of references to secrets that came. */
export interface SecretChange {
  readonly kind: 'file' | 'sds';
  readonly names: ReadonlySet<string>;
}

/** Tells readings of one resource apart for the engine, which leaves an equal version alone. */
let readings = 0;

/**
 * The newest version of a resource, read again because some of its secrets changed; undefined when none did or when they
 * cannot be used, as halfway through a change of several files: then what is in use goes on until the next change.
 */
export function reread<Read extends WithSecrets>(
  kind: 'listener' | 'cluster',
  entry: Entry<Read>,
  change: SecretChange,
  read: (value: Uint8Array, version: string) => Read,
  { logger, stats, clock }: Pick<StateContext, 'logger' | 'stats' | 'clock'>,
): Stored<Read> | undefined {
  const stored = entry.newest;
  if (stored === undefined || !isTouched(stored.read, change)) return undefined;
  const count = (outcome: string) => {
    if (change.kind === 'file') stats.counter(`sds.file.${outcome}`).increment();
  };
  try {
    const again = read(stored.any.value, `${stored.contentVersion}~${++readings}`);
    count('update_success');
    logger.info('secrets were read again', { [kind]: entry.name });
    return { ...stored, read: again, lastUpdatedMs: clock.wallMs() };
  } catch (thrown) {
    count('update_rejected');
    logger.warn('new secrets cannot be used; the old ones stay', { [kind]: entry.name, reason: messageOf(thrown) });
    return undefined;
  }
}

function isTouched({ secretFiles, secrets }: WithSecrets, { kind, names }: SecretChange): boolean {
  return kind === 'file' ? secretFiles.some((file) => names.has(file)) : secrets.some(({ id }) => names.has(id));
}
