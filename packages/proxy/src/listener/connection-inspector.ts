import { Deadline, type Timed } from '@sofamesh/base/timer-wheel';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import type { Inspected } from './chain-match.ts';
import { HeldBytes } from './held-bytes.ts';
import { Findings, type Look, type PlannedFilter, portMatches } from './listener-filter.ts';

export interface InspectionOutcome {
  /** `received`: what was read and no filter has taken for itself. */
  inspected(findings: Findings, received: Buffer): void;
  /** The connection went away before it had shown enough. */
  gone(): void;
  /** It showed too little in time; {@link inspected} or {@link gone} follows. */
  timedOut(): void;
  /** The peer ended the connection before it had shown enough; {@link gone} follows. */
  ended(): void;
  /** A filter does not let it in; {@link gone} follows. */
  refused(): void;
}

/** What is looked for before a filter chain is chosen. */
export interface InspectionPlan {
  readonly filters: readonly PlannedFilter[];
  /** After the time: go on with what is known, or close. */
  readonly continueOnTimeout: boolean;
}

/** Takes a connection through the listener filters, one after the other, before a filter chain is chosen. */
export class ConnectionInspector implements Timed, ConnectionHandler {
  readonly deadline = new Deadline(this);
  readonly #connection: Connection;
  readonly #plan: InspectionPlan;
  readonly #outcome: InspectionOutcome;
  readonly #findings: Findings;
  readonly #held = new HeldBytes();
  /** Index of the filter whose turn it is. */
  #at = 0;
  /** Bytes that it has seen before. */
  #seen = 0;
  #over = false;

  constructor(connection: Connection, plan: InspectionPlan, outcome: InspectionOutcome) {
    this.#connection = connection;
    this.#plan = plan;
    this.#outcome = outcome;
    this.#findings = new Findings(connection);
  }

  /** `received`: what was read of the connection before. The outcome may be told inside this call. */
  start(received: Buffer): void {
    this.#connection.setHandler(this);
    this.#held.push(received);
    this.#run();
  }

  onBytes(chunk: Buffer): void {
    if (this.#over) return;
    this.#held.push(chunk);
    this.#run();
  }

  #run(): void {
    const { filters } = this.#plan;
    const findings = this.#findings;
    for (; this.#at < filters.length; this.#at++) {
      const { filter, disabled } = filters[this.#at]!;
      const { local } = findings;
      if (disabled !== undefined && portMatches(disabled, local.kind === 'ip' ? local.port : 0)) continue;
      const { bytes } = this.#held;
      let look: Look = filter.look(bytes, findings, this.#connection, this.#seen);
      if (look === 'more' && bytes.length >= filter.bytesMax) look = filter.overlong(findings);
      if (look === 'more') {
        this.#seen = bytes.length;
        return;
      }
      this.#seen = 0;
      if (look === 'refuse') {
        this.#outcome.refused();
        this.#connection.close('now');
        return;
      }
      this.#held.drop(look);
    }
    this.#finish();
  }

  onEnd(): void {
    if (this.#over) return;
    this.#outcome.ended();
    this.#connection.close('flush');
  }

  onClose(_cause: CloseCause): void {
    if (this.#over) return;
    this.#over = true;
    this.#outcome.gone();
  }

  onDeadline(): void {
    if (this.#over) return;
    this.#outcome.timedOut();
    if (this.#plan.continueOnTimeout) this.#finish();
    else this.#connection.close('now');
  }

  #finish(): void {
    this.#over = true;
    this.#outcome.inspected(this.#findings, this.#held.bytes);
  }
}

/** Of a connection that nobody looked at. */
export const nothingKnown: Inspected = { transportProtocol: 'raw_buffer', serverName: '', applicationProtocols: [] };
