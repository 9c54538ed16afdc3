import { Deadline, type Timed } from '@sofamesh/base/timer-wheel';
import type { Protocol } from '@sofamesh/contract/protocol';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import { detectProtocol } from './detect-protocol.ts';

export interface DetectionOutcome {
  /** `received`: all bytes so far, for the protocol's codec. */
  found(protocol: Protocol, received: Buffer): void;
  /** The connection is gone before anything was found. */
  gone(cause: CloseCause): void;
}

/** More than any protocol needs to know its own; then the first one answers, in its way of refusing what it cannot read. */
const prefixBytesMax = 256;

/** Waits for the bytes that tell which protocol a client speaks. When none fits, the first one refuses them. */
export class DetectingConnection implements Timed, ConnectionHandler {
  readonly deadline = new Deadline(this);
  readonly #connection: Connection;
  readonly #outcome: DetectionOutcome;
  readonly #protocols: readonly Protocol[];
  #received: Buffer = Buffer.alloc(0);

  constructor(protocols: readonly Protocol[], connection: Connection, outcome: DetectionOutcome) {
    this.#protocols = protocols;
    this.#connection = connection;
    this.#outcome = outcome;
  }

  onBytes(chunk: Buffer): void {
    const received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    this.#received = received;
    const found = detectProtocol(this.#protocols, received, prefixBytesMax);
    if (typeof found !== 'string') this.#outcome.found(found, received);
    else if (found === 'none') this.#outcome.found(this.#protocols[0]!, received);
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
