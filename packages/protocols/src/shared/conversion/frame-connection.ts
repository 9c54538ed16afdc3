import type { Address } from '@sofamesh/base/address';
import type { Connection } from '@sofamesh/contract/transport';

/** What a protocol's own codec takes for its connection while it reads or writes one frame: it keeps what is written. */
export class FrameConnection implements Connection {
  readonly id: number;
  readonly local: Address;
  readonly remote: Address;
  readonly tls = undefined;
  readonly writable = true;
  readonly bufferedBytes = 0;
  readonly bytesReceived = 0;
  readonly bytesSent = 0;
  written: Buffer | undefined = undefined;

  constructor({ id, local, remote }: Connection) {
    this.id = id;
    this.local = local;
    this.remote = remote;
  }

  write(frame: Buffer): void {
    this.written ??= frame;
  }

  setHandler(): void {}
  pauseReading(): void {}
  resumeReading(): void {}
  close(): void {}
  end(): void {}
  startTls(): void {}

  detach(): undefined {
    return undefined;
  }
}
