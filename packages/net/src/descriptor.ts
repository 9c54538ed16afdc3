import { readFileSync } from 'node:fs';
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** The part of Node's private handle that has no public counterpart. Everything that uses it works without. */
interface Handle {
  readonly fd?: unknown;
  readonly readStop?: unknown;
}

function handleOf(socket: Socket): Handle | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  return typeof handle === 'object' && handle !== null ? handle : undefined;
}

/** The socket's file descriptor, or undefined where this Node does not tell it. */
export function descriptorOf(socket: Socket): number | undefined {
  const fd = handleOf(socket)?.fd;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}

/** Makes the event loop stop reading at once; false where this Node cannot. (`pause()` still fills a buffer.) */
export function stopReading(socket: Socket): boolean {
  const handle = handleOf(socket);
  if (typeof handle?.readStop !== 'function') return false;
  return handle.readStop() === 0;
}

/**
 * An accepted socket once more, as one that reads into `onread.buffer`: Node offers that only for sockets that it dials.
 * `accepted` is empty afterwards. Undefined where this Node does not allow it; `accepted` is untouched then.
 */
export function readingInto(accepted: Socket, onread: OnReadOpts): Socket | undefined {
  const handle = handleOf(accepted);
  if (handle === undefined || typeof Reflect.get(handle, 'useUserBuffer') !== 'function') return undefined;
  const options: SocketConstructorOpts = { onread, allowHalfOpen: true };
  Reflect.set(options, 'handle', handle);
  Reflect.set(accepted, '_handle', null);
  return new Socket(options);
}

/** The TCP or Unix socket that carries an accepted TLS socket; the TLS socket itself where this Node does not tell. */
export function carrierOf(socket: TLSSocket): Socket {
  const carrier: unknown = Reflect.get(socket, '_parent');
  return carrier instanceof Socket ? carrier : socket;
}

/**
 * How many file descriptors this process may open, as far as the system tells (Linux), else undefined. Beyond it the event
 * loop accepts and drops connections without a word, so a listener refuses before that.
 */
export function descriptorLimit(): number | undefined {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return found === null ? undefined : Number(found[1]);
  } catch {
    return undefined;
  }
}

/** Accepted connections may use descriptors below this number; those above are for dialling, files and administration. */
export function acceptedDescriptorsMax(limit: number | undefined = descriptorLimit()): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  return limit - Math.min(Math.max(16, Math.ceil(limit / 32)), 512);
}
