import { messageOf } from '@sofamesh/base/errors';
import type { Entry, Stored } from './entry.ts';
import type { StateContext } from './state-environment.ts';

/** What can be read again when a file changes that it has secrets from. */
export interface WithSecretFiles {
  readonly secretFiles: readonly string[];
}

/** Tells readings of one resource apart for the engine, which leaves an equal version alone. */
let readings = 0;

/**
 * The newest version of a resource, read again because some of its secrets' files changed; undefined when none did or when
 * they cannot be used, as halfway through a change of several: then what is in use goes on until the next change.
 */
export function reread<Read extends WithSecretFiles>(
  kind: 'listener' | 'cluster',
  entry: Entry<Read>,
  changed: ReadonlySet<string>,
  read: (value: Uint8Array, version: string) => Read,
  { logger, stats, clock }: Pick<StateContext, 'logger' | 'stats' | 'clock'>,
): Stored<Read> | undefined {
  const stored = entry.newest;
  if (!stored?.read.secretFiles.some((file) => changed.has(file))) return undefined;
  try {
    const again = read(stored.any.value, `${stored.contentVersion}~${++readings}`);
    stats.counter('sds.file.update_success').increment();
    logger.info('secrets were read again', { [kind]: entry.name });
    return { ...stored, read: again, lastUpdatedMs: clock.wallMs() };
  } catch (thrown) {
    stats.counter('sds.file.update_rejected').increment();
    logger.warn('new secrets cannot be used; the old ones stay', { [kind]: entry.name, reason: messageOf(thrown) });
    return undefined;
  }
}
