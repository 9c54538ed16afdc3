import type { ClientCodec, ClientStream, ClientStreamHandler } from '@sofamesh/contract/protocol';
import type { CloseCause } from '@sofamesh/contract/transport';

/** A client codec that stands on another one, to which it leaves everything but what it overrides. */
export abstract class ClientCodecLayer implements ClientCodec {
  protected readonly inner: ClientCodec;

  constructor(inner: ClientCodec) {
    this.inner = inner;
  }

  abstract openStream(handler: ClientStreamHandler): ClientStream;

  get available(): number {
    return this.inner.available;
  }

  get retired(): boolean {
    return this.inner.retired;
  }

  get activeStreams(): number {
    return this.inner.activeStreams;
  }

  get heldBytes(): number {
    return this.inner.heldBytes;
  }

  sendHeartbeat(): boolean {
    return this.inner.sendHeartbeat();
  }

  receive(chunk: Buffer): void {
    this.inner.receive(chunk);
  }

  receiveEnd(): void {
    this.inner.receiveEnd();
  }

  connectionClosed(cause: CloseCause): void {
    this.inner.connectionClosed(cause);
  }

  connectionWritable(): void {
    this.inner.connectionWritable();
  }

  detach(): Buffer | undefined {
    return this.inner.detach();
  }
}
