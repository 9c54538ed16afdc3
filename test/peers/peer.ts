import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A real program of somebody else that is not here and could not be installed. */
export class PeerMissing extends Error {
  readonly peer: string;

  constructor(peer: string, reason: string) {
    super(`${peer}: ${reason}`);
    this.name = 'PeerMissing';
    this.peer = peer;
  }
}

/** True when a peer that cannot be had fails the run instead of skipping its tests. */
export const strict = process.env['INTEROP_STRICT'] === '1';

/** Where peers are kept between runs; `SOFAMESH_PEERS` moves it. */
export const peersFolder = process.env['SOFAMESH_PEERS'] ?? join(homedir(), '.cache', 'sofamesh-peers');

/** A folder of the cache, made when it is not there. */
export function cacheFolder(...names: string[]): string {
  const folder = join(peersFolder, ...names);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** What `requirePeers` found: either every peer, or the sentence that says why the tests cannot run. */
export type Found<T> = { peers: T; skip: false } | { peers: undefined; skip: string };

/**
 * Finds several peers, one after the other (two installs at once would fight over the package manager's lock).
 * A missing one makes `skip` its reason and prints `SKIP name: reason`; under INTEROP_STRICT=1 it throws instead.
 */
export async function requirePeers<T extends Record<string, unknown>>(
  wanted: {
    [Name in keyof T]: () => T[Name] | Promise<T[Name]>;
  },
): Promise<Found<T>> {
  const peers: Partial<T> = {};
  for (const name of Object.keys(wanted) as (keyof T)[]) {
    try {
      const peer = await wanted[name]();
      peers[name] = peer;
      const version = (peer as { version?: unknown } | undefined)?.version;
      if (typeof version === 'string') console.log(`with ${String(name)} ${version}`);
    } catch (error) {
      if (!(error instanceof PeerMissing) || strict) throw error;
      const reason = error.message.replaceAll('\n', ' | ');
      console.log(`SKIP ${reason}`);
      return { peers: undefined, skip: reason };
    }
  }
  return { peers: peers as T, skip: false };
}
