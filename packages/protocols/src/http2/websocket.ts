import { randomBytes } from 'node:crypto';
import type { RequestHead, ResponseHead } from '@sofamesh/contract/message';
import { acceptOf } from '../shared/websocket-accept.ts';

/**
 * A WebSocket over HTTP/2 has no key (RFC 8441 §5.1), one over HTTP/1 must have one: this hop makes it for a server that
 * speaks HTTP/1.
 */
export function offerKey(head: RequestHead): void {
  if (head.upgrade === 'websocket' && head.get('sec-websocket-key') === undefined) {
    head.set('sec-websocket-key', randomBytes(16).toString('base64'));
  }
}

/** And the other way round: a client that speaks HTTP/1 is told that its key was seen. */
export function acceptKey(head: ResponseHead, key: string | undefined): void {
  if (key === undefined || head.get('sec-websocket-accept') !== undefined) return;
  head.set('sec-websocket-accept', acceptOf(key));
}

/** Fields of the HTTP/1 handshake that mean nothing here. */
export function isHandshakeField(name: string): boolean {
  return name === 'sec-websocket-key' || name === 'sec-websocket-accept';
}
