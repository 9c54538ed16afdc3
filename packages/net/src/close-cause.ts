import type { CloseCause } from '@sofamesh/contract/transport';
import { codeOf } from './system-error.ts';

export const closedBySocket: CloseCause = { kind: 'closed', reason: 'both sides ended' };

/** Of a socket's error. */
export function causeOf(error: Error): CloseCause {
  const reason = codeOf(error);
  return { kind: reason.startsWith('ERR_SSL') ? 'tls-failed' : 'reset', reason };
}
