import type { Socket } from 'node:net';
import type { DetachedConnection } from '@sofamesh/contract/transport';
import { descriptorOf, stopReading } from './descriptor.ts';

/** A detached connection: its descriptor stays open in this process until `release`. */
export interface DetachedSocket extends DetachedConnection {
  /** Bytes that had been read and not delivered, because reading was paused. */
  readonly unread: Buffer;
  /** Closes this process's descriptor, without a word to the peer while another process holds the connection. */
  release(): void;
}

const nothing = Buffer.alloc(0);

/** Takes what is left of a plain socket that has nothing to write. Undefined, and nothing done, where this Node cannot. */
export function detachSocket(socket: Socket): DetachedSocket | undefined {
  const fd = descriptorOf(socket);
  if (fd === undefined || !stopReading(socket)) return undefined;
  socket.pause();
  // The error handler stays: an error without one would end the process.
  socket.removeAllListeners('data').removeAllListeners('end').removeAllListeners('close');
  const unread: unknown = socket.readableLength > 0 ? socket.read() : undefined;
  return { fd, unread: Buffer.isBuffer(unread) ? unread : nothing, release: () => socket.destroy() };
}
