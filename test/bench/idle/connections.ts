import { readFileSync } from 'node:fs';

const wanted = 10_000;
/** For everything that is no connection of a client. */
const descriptorsSpared = 500;

/** Idle connections of clients: as many as file descriptors allow, of which a TCP proxy needs two for each. */
export const idleConnections = Math.min(wanted, Math.floor((descriptorLimit() - descriptorsSpared) / 2));

function descriptorLimit(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1024);
}
