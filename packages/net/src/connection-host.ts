import type { Clock } from '@sofamesh/base/clock';
import type { Connection } from '@sofamesh/contract/transport';
import type { FlushTurn } from './flush-turn.ts';
import type { ReadBuffer } from './read-buffer.ts';
import type { BatchBuffers } from './write-queue.ts';

/** What a connection shares with the others of its transport. */
export interface ConnectionHost {
  readonly clock: Clock;
  readonly flushTurn: FlushTurn;
  readonly batches: BatchBuffers;
  readonly reads: ReadBuffer;
  /** Established TLS goes past Node's streams where this Node allows it, see `TlsStream`. */
  readonly bypassesTlsStreams: boolean;
  /** How long the peer may take to end its side after `close('flush')` has sent everything. */
  readonly closeGraceMs: number;
  /** How long the peer may take nothing of what `close('flush')` still has to send. */
  readonly closeStallMs: number;
  handlerFailed(error: unknown, connection: Connection): void;
}

/** A dial or a handshake that has not come to an end. */
export interface Pending {
  /** Gives up; the connection is told by its `finish` in a later turn. */
  abort(): void;
}
