import type { ResetReason } from '@sofamesh/contract/message';
import type { CloseCause } from '@sofamesh/contract/transport';

/** What the end of a connection means for the streams that were open on it. */
export function resetReasonOf(cause: CloseCause): ResetReason {
  switch (cause.kind) {
    case 'connect-failed':
    case 'tls-failed':
      return 'connection-failure';
    case 'connect-timeout':
      return 'connection-timeout';
    default:
      return 'connection-termination';
  }
}
