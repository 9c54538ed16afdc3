import { type AddressInfo, createServer, type Server } from 'node:net';
import type { Answer, Case } from './case.ts';
import { okAnswer } from './case.ts';
import { Http2Serving } from './http2-serving.ts';
import { ScriptedPeer } from './scripted-peer.ts';
import { readMessage, type WireMessage } from './wire.ts';

const ok: Answer = { steps: [okAnswer] };

/** The upstream of one case: records every connection, and answers by script, request by request. */
export class ScriptedOrigin {
  readonly connections: ScriptedPeer[] = [];
  port = 0;
  #server: Server;
  #case: Pick<Case, 'origin' | 'http2Origin'> = {};
  #nextAnswer = 0;
  #changed: () => void = () => {};

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: false }, (socket) => {
      const peer: ScriptedPeer = new ScriptedPeer(socket, () => {
        serving.onChange();
        this.#changed();
      });
      const { origin = [], http2Origin } = this.#case;
      const serving =
        http2Origin === undefined
          ? new Serving(peer, () => this.#take(origin) ?? ok)
          : new Http2Serving(peer, () => this.#take(http2Origin)!, http2Origin[0]!);
      this.connections.push(peer);
      serving.onChange();
      this.#changed();
    });
  }

  static async start(): Promise<ScriptedOrigin> {
    const origin = new ScriptedOrigin();
    await new Promise<void>((resolve) => origin.#server.listen(0, '127.0.0.1', resolve));
    origin.port = (origin.#server.address() as AddressInfo).port;
    return origin;
  }

  /** Forgets what was and begins with a new script. */
  begin(script: Pick<Case, 'origin' | 'http2Origin'>, changed: () => void): void {
    this.drop();
    this.#case = script;
    this.#nextAnswer = 0;
    this.#changed = changed;
  }

  /** Closes its connections. */
  drop(): void {
    this.#changed = () => {};
    for (const { socket } of this.connections.splice(0)) socket.destroy();
  }

  stop(): void {
    this.drop();
    this.#server.close();
  }

  /** The next one, or the last. */
  #take<Each>(answers: readonly Each[]): Each | undefined {
    return answers[this.#nextAnswer++] ?? answers.at(-1);
  }
}

/** The requests of one connection, one after the other. */
class Serving {
  readonly #peer: ScriptedPeer;
  readonly #takeAnswer: () => Answer;
  #from = 0;
  #answer: Answer | undefined = undefined;
  #performing: 'no' | 'yes' | 'done' = 'no';

  constructor(peer: ScriptedPeer, takeAnswer: () => Answer) {
    this.#peer = peer;
    this.#takeAnswer = takeAnswer;
  }

  onChange(): void {
    if (this.#answer === undefined && this.#from > 0 && this.#peer.received.length === this.#from) return;
    const answer = (this.#answer ??= this.#takeAnswer());
    const message = readMessage(this.#peer.received.slice(this.#from), 'request');
    if (this.#performing === 'no' && isTime(answer, message)) {
      this.#performing = 'yes';
      void this.#peer.perform(answer.steps).then(() => {
        this.#performing = 'done';
        this.onChange();
      });
    }
    if (this.#performing !== 'done' || message === undefined || message.end !== 'complete') return;
    if (message.framing === 'tunnel') return;
    this.#from += message.length;
    this.#answer = undefined;
    this.#performing = 'no';
    if (this.#peer.received.length > this.#from) this.onChange();
  }
}

function isTime({ at = 'request' }: Answer, message: WireMessage | undefined): boolean {
  if (at === 'connect') return true;
  return message !== undefined && (at === 'head' || message.end === 'complete' || message.framing === 'tunnel');
}
