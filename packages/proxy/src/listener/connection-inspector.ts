import { Deadline } from '@sofamesh/base/timer-wheel';
import type { Protocol } from '@sofamesh/contract/protocol';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import type { Inspected } from './chain-match.ts';
import { readClientHello } from './client-hello.ts';

export interface InspectionOutcome {
  /** `received`: all that was looked at. */
  inspected(inspected: Inspected, received: Buffer): void;
  /** The connection went away before it had shown enough. */
  gone(): void;
  /** It showed too little in time; {@link inspected} or {@link gone} follows. */
  timedOut(): void;
}

/** What is looked for in the first bytes. */
export interface InspectionPlan {
  readonly tls: boolean;
  /** HTTP protocols that a chain may ask for; empty: it is not looked for them. */
  readonly protocols: readonly Protocol[];
  /** After the time: go on with what is known, or close. */
  readonly continueOnTimeout: boolean;
}

const inspectedBytesMax = 64 * 1024;

/** Names by which filter chains ask for a protocol, as Envoy's HTTP inspector gives them. */
const applicationProtocols: Readonly<Record<string, string>> = { http1: 'http/1.1', http2: 'h2c' };

/** Looks at the first bytes of a connection before a filter chain is chosen (Envoy's TLS and HTTP inspectors). */
export class ConnectionInspector extends Deadline implements ConnectionHandler {
  readonly #connection: Connection;
  readonly #plan: InspectionPlan;
  readonly #outcome: InspectionOutcome;
  #received: Buffer = Buffer.alloc(0);
  #over = false;

  constructor(connection: Connection, plan: InspectionPlan, outcome: InspectionOutcome) {
    super();
    this.#connection = connection;
    this.#plan = plan;
    this.#outcome = outcome;
  }

  onBytes(chunk: Buffer): void {
    if (this.#over) return;
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const found = this.#inspect();
    if (found !== undefined) this.#finish(found);
    else if (this.#received.length > inspectedBytesMax) this.#finish(nothingKnown);
  }

  /** Undefined: more bytes are needed. */
  #inspect(): Inspected | undefined {
    const received = this.#received;
    if (this.#plan.tls) {
      const hello = readClientHello(received);
      if (hello === 'more') return undefined;
      if (hello !== 'no') {
        const { serverName, alpn } = hello;
        return { transportProtocol: 'tls', serverName, applicationProtocols: alpn };
      }
    }
    let undecided = false;
    for (const protocol of this.#plan.protocols) {
      const answer = protocol.detect(received);
      const name = applicationProtocols[protocol.name];
      if (answer === 'match' && name !== undefined) return { ...nothingKnown, applicationProtocols: [name] };
      undecided ||= answer === 'more';
    }
    return undecided ? undefined : nothingKnown;
  }

  onEnd(): void {
    if (!this.#over) this.#connection.close('flush');
  }

  onClose(_cause: CloseCause): void {
    if (this.#over) return;
    this.#over = true;
    this.#outcome.gone();
  }

  onDeadline(): void {
    if (this.#over) return;
    this.#outcome.timedOut();
    if (this.#plan.continueOnTimeout) this.#finish(nothingKnown);
    else this.#connection.close('now');
  }

  #finish(inspected: Inspected): void {
    this.#over = true;
    this.#outcome.inspected(inspected, this.#received);
  }
}

export const nothingKnown: Inspected = { transportProtocol: 'raw_buffer', serverName: '', applicationProtocols: [] };
