import type { Address } from '@sofamesh/base/address';
import type { Connection } from '@sofamesh/contract/transport';

let lastId = 0;

/** The client of a UDP session, as access logs see it: two addresses, and nothing that could be written to. */
export class DatagramClient implements Connection {
  /** Below those of connections. */
  readonly id = --lastId;
  readonly local: Address;
  readonly remote: Address;
  readonly tls = undefined;
  readonly writable = false;
  readonly bufferedBytes = 0;
  readonly bytesReceived = 0;
  readonly bytesSent = 0;

  constructor(local: Address, remote: Address) {
    this.local = local;
    this.remote = remote;
  }

  setHandler(): void {}
  write(): void {}
  pauseReading(): void {}
  resumeReading(): void {}
  end(): void {}
  close(): void {}
  startTls(): void {}
  detach(): undefined {
    return undefined;
  }
}
