import type { Clock } from '@sofamesh/base/clock';
import type {
  MessageStream,
  MessageStreamDialer,
  MessageStreamHandler,
  MessageStreamServer,
  StreamStatus,
} from '@sofamesh/contract/message-stream';

const unavailable = 14;

interface Side {
  handler: MessageStreamHandler | undefined;
  /** When the last thing that was sent to this side arrives: order is kept whatever the latencies. */
  lastArrivalMs: number;
}

class Pipe {
  readonly #network: MemoryStreams;
  readonly client: Side = { handler: undefined, lastArrivalMs: 0 };
  readonly server: Side = { handler: undefined, lastArrivalMs: 0 };
  #ended = false;

  constructor(network: MemoryStreams) {
    this.#network = network;
  }

  deliver(to: Side, act: (handler: MessageStreamHandler) => void): void {
    const { clock, latencyMs } = this.#network;
    to.lastArrivalMs = Math.max(to.lastArrivalMs, clock.now() + latencyMs());
    clock.after(to.lastArrivalMs - clock.now(), () => {
      if (to.handler !== undefined) act(to.handler);
    });
  }

  send(to: Side, message: Uint8Array): boolean {
    // A copy: what the sender does with its bytes afterwards must not show.
    const bytes = Uint8Array.from(message);
    if (!this.#ended) this.deliver(to, (handler) => handler.onMessage(bytes));
    return true;
  }

  end(status: StreamStatus): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#network.open.delete(this);
    for (const side of [this.client, this.server]) {
      this.deliver(side, (handler) => {
        side.handler = undefined;
        handler.onClose(status);
      });
    }
  }
}

/**
 * Message streams in one process, driven by a clock: the twin of gRPC for tests and the simulated world. A message
 * arrives `latencyMs()` later, in order; nothing arrives until time passes.
 */
export class MemoryStreams {
  readonly clock: Clock;
  readonly latencyMs: () => number;
  readonly open = new Set<Pipe>();
  readonly #methods = new Map<string, (stream: MessageStream) => MessageStreamHandler>();
  /** False: nobody listens, and streams fail with UNAVAILABLE. */
  reachable = true;

  constructor(clock: Clock, latencyMs: () => number = () => 1) {
    this.clock = clock;
    this.latencyMs = latencyMs;
  }

  readonly dialer: MessageStreamDialer = {
    open: (method, handler) => {
      const pipe = new Pipe(this);
      pipe.client.handler = handler;
      this.open.add(pipe);
      const accept = this.reachable ? this.#methods.get(method) : undefined;
      if (accept === undefined) pipe.end({ code: unavailable, message: 'nobody listens' });
      else pipe.server.handler = accept(endOf(pipe, pipe.client, 'memory client'));
      return endOf(pipe, pipe.server, 'memory server');
    },
    close: () => this.breakAll(),
  };

  readonly server: MessageStreamServer = {
    handle: (method, accept) => {
      this.#methods.set(method, accept);
    },
    listen: async () => ({ port: 1 }),
    close: async () => this.breakAll(),
  };

  /** Every stream ends on both sides, as when the network between them is cut. */
  breakAll(): void {
    for (const pipe of [...this.open]) pipe.end({ code: unavailable, message: 'the stream was cut' });
  }
}

function endOf(pipe: Pipe, peerSide: Side, peer: string): MessageStream {
  return {
    peer,
    send: (message) => pipe.send(peerSide, message),
    close: (status = { code: 0, message: '' }) => pipe.end(status),
  };
}
