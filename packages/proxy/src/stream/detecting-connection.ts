import { Deadline } from '@sofamesh/base/timer-wheel';
import type { Protocol } from '@sofamesh/contract/protocol';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';

export interface DetectionOutcome {
  /** `received`: all bytes so far, for the protocol's codec. */
  found(protocol: Protocol, received: Buffer): void;
  /** The connection is gone before anything was found. */
  gone(cause: CloseCause): void;
}

/** More than any protocol needs to know its own; then the first one answers, in its way of refusing what it cannot read. */
const prefixBytesMax = 256;

/** Waits for the bytes that tell which protocol a client speaks. When none fits, the first one refuses them. */
export class DetectingConnection extends Deadline implements ConnectionHandler {
  readonly #connection: Connection;
  readonly #outcome: DetectionOutcome;
  #candidates: readonly Protocol[];
  readonly #fallback: Protocol;
  #received: Buffer = Buffer.alloc(0);

  constructor(protocols: readonly Protocol[], connection: Connection, outcome: DetectionOutcome) {
    super();
    this.#candidates = protocols;
    this.#fallback = protocols[0]!;
    this.#connection = connection;
    this.#outcome = outcome;
  }

  onBytes(chunk: Buffer): void {
    const received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    this.#received = received;
    const open: Protocol[] = [];
    for (const protocol of this.#candidates) {
      const answer = protocol.detect(received);
      if (answer === 'match') {
        this.#outcome.found(protocol, received);
        return;
      }
      if (answer === 'more') open.push(protocol);
    }
    this.#candidates = open;
    if (open.length === 0 || received.length > prefixBytesMax) this.#outcome.found(this.#fallback, received);
  }

  onEnd(): void {
    this.close();
  }

  /** The client has said too little for too long. */
  onDeadline(): void {
    this.close();
  }

  close(): void {
    this.#connection.close('now');
  }

  onClose(cause: CloseCause): void {
    this.#outcome.gone(cause);
  }
}
