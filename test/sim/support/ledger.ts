import type { SimWorld } from './world.ts';

/**
 * How a call ended for the client that made it: its own answer, an error in the protocol's form that the mesh made, its
 * connection gone; or nothing is expected (one-way), or nothing is expected any more (the client gave it up).
 */
export type Ending = 'answer' | 'error' | 'break' | 'sent' | 'given-up';

/** One call, and what was seen of it at both ends. */
export interface Call {
  /** Nobody else's; it is in the request and in the answer. */
  readonly token: string;
  readonly oneWay: boolean;
  readonly idempotent: boolean;
  /** What the client sent, for the server to compare. */
  request: string;
  /** What servers sent back, for the client to compare. */
  readonly answers: string[];
  /** How often it reached a server. */
  sightings: number;
  readonly startMs: number;
  ending: Ending | undefined;
}

/** Where nobody keeps anybody waiting, a call that takes longer was forgotten, and only its timeout ended it. */
const promptMs = 15_000;

/** What the mesh of this run may do. */
export interface Promises {
  /** Nothing goes wrong anywhere: every call must be answered. */
  readonly calm: boolean;
  /** Connections of clients that did nothing wrong may break. */
  readonly breaksAllowed: boolean;
  /** Somebody may keep somebody waiting, until a timeout comes. */
  readonly timeoutsAllowed: boolean;
  /** How often a call may be sent to servers, as the retry policies allow it. */
  readonly sendsMax: number;
  /** The same where the method is idempotent: each proxy may repeat one whose connection it found closed. */
  readonly idempotentSendsMax: number;
}

/** The books of a run: every call, with its one ending. Whatever does not add up is a violation. */
export class Ledger {
  readonly world: SimWorld;
  readonly promises: Promises;
  readonly counts = { answer: 0, error: 0, break: 0, sent: 0, 'given-up': 0, again: 0 };
  readonly #calls = new Map<string, Call>();
  #open = 0;

  constructor(world: SimWorld, promises: Promises) {
    this.world = world;
    this.promises = promises;
  }

  begin(client: string, oneWay: boolean, idempotent = false): Call {
    const token = `<t${this.#calls.size + 1}>`;
    const call: Call = {
      token,
      oneWay,
      idempotent,
      request: '',
      answers: [],
      sightings: 0,
      startMs: this.world.clock.now(),
      ending: undefined,
    };
    this.#calls.set(token, call);
    this.#open++;
    this.world.note(`${client} calls ${token}${oneWay ? ' one-way' : ''}`);
    return call;
  }

  /** A server has the call of this token; undefined when there is none. */
  seen(token: string | undefined, server: string): Call | undefined {
    const { world, promises } = this;
    const call = token === undefined ? undefined : this.#calls.get(token);
    if (call === undefined) {
      world.violate(`${server} got a request that nobody sent: ${token}`);
      return undefined;
    }
    world.note(`${server} got ${token}`);
    if (++call.sightings > 1) this.counts.again++;
    const allowed = call.idempotent ? promises.idempotentSendsMax : call.oneWay ? 1 : promises.sendsMax;
    if (call.sightings > allowed) {
      world.violate(`${token} was sent to servers ${call.sightings} times, ${allowed} are allowed`);
    }
    return call;
  }

  /** `excused`: the client itself is to blame for the break. */
  end(call: Call, ending: Ending, why: string, excused = false): void {
    const { world, promises } = this;
    world.note(`${call.token} ends: ${ending}, ${why}`);
    if (call.ending !== undefined) {
      world.violate(`${call.token} ended twice: ${call.ending}, then ${ending} (${why})`);
      return;
    }
    call.ending = ending;
    this.#open--;
    this.counts[ending]++;
    const tookMs = world.clock.now() - call.startMs;
    if (tookMs > promptMs && !promises.timeoutsAllowed) {
      world.violate(`${call.token} ended only after ${tookMs} ms: ${ending}, ${why}`);
    }
    if (ending === 'break' && !excused && !promises.breaksAllowed) {
      world.violate(`the connection of ${call.token} broke: ${why}`);
    }
    if (promises.calm && !excused && (ending === 'break' || ending === 'error')) {
      world.violate(`${call.token} got no answer although nothing went wrong: ${ending}, ${why}`);
    }
  }

  get calls(): number {
    return this.#calls.size;
  }

  get allEnded(): boolean {
    return this.#open === 0;
  }

  /** When all is over. */
  check(): void {
    for (const call of this.#calls.values()) {
      if (call.ending === undefined) this.world.violate(`${call.token} never ended`);
      if (this.promises.calm && call.oneWay && call.sightings !== 1)
        this.world.violate(`one-way ${call.token} reached servers ${call.sightings} times`);
    }
  }
}
