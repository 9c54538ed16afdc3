import { ipAddress } from '@sofamesh/base/address';
import type { Connection } from '@sofamesh/contract/transport';

const nowhere = ipAddress('0.0.0.0', 0);

/** In place of a client's connection, for requests that the proxy makes on its own account. Nothing ever happens on it. */
export const nobody: Connection = {
  id: 0,
  local: nowhere,
  remote: nowhere,
  tls: undefined,
  writable: false,
  bufferedBytes: 0,
  bytesReceived: 0,
  bytesSent: 0,
  setHandler: () => {},
  write: () => {},
  pauseReading: () => {},
  resumeReading: () => {},
  end: () => {},
  close: () => {},
  startTls: () => {},
  detach: () => undefined,
};
