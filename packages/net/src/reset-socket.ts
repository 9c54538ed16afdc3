import type { Socket } from 'node:net';

/**
 * Makes the peer see a reset, where the system can. `socket` rides on `raw` or is the same. After `later` the reset comes when
 * the end has left that is just being sent, and perhaps never.
 */
export function resetSocket(socket: Socket, raw: Socket): 'now' | 'later' {
  // A Unix socket knows no reset.
  if (raw.remoteAddress === undefined) {
    socket.destroy();
  } else if (raw.writableEnded && !raw.writableFinished) {
    // The system refuses a reset while it is sending the end, which takes no longer than this turn.
    raw.once('finish', () => raw.resetAndDestroy());
    return 'later';
  } else {
    raw.resetAndDestroy();
  }
  return 'now';
}
