import type { Connection } from '@sofamesh/contract/transport';

/** The upstream side of a TCP session: a connection of its own, or a request that carries its bytes. */
export type UpstreamLink = Pick<
  Connection,
  | 'local'
  | 'writable'
  | 'bufferedBytes'
  | 'bytesReceived'
  | 'bytesSent'
  | 'write'
  | 'passOn'
  | 'pauseReading'
  | 'resumeReading'
  | 'end'
  | 'close'
>;
