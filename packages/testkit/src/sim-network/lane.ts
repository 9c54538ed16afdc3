import type { Clock } from '@sofamesh/base/clock';
import type { Random } from '@sofamesh/base/random';
import type { ClientTls, TlsSession } from '@sofamesh/contract/transport';
import type { LinkFaults } from './faults.ts';

/** What travels. The first five stand for TCP's handshake and the one of TLS. */
export type Segment =
  | { readonly kind: 'open' }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'hello'; readonly tls: ClientTls }
  | { readonly kind: 'welcome'; readonly session: TlsSession; readonly chainPem: string }
  | { readonly kind: 'finished' }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'end' }
  | { readonly kind: 'reset'; readonly reason: string }
  /** The reader has taken this many bytes. */
  | { readonly kind: 'credit'; readonly bytes: number };

/** What lanes need of their network. */
export interface LaneNetwork {
  readonly clock: Clock;
  readonly random: Random;
  faultsOf(from: string, to: string): LinkFaults;
  /** True while nothing gets through; the lane is asked to {@link Lane.release} afterwards. */
  holdsBack(lane: Lane): boolean;
  trace(event: string): void;
}

/** One direction of one connection: keeps the order, whatever each segment's delay. */
export class Lane {
  readonly from: string;
  readonly to: string;
  receiver: (segment: Segment) => void = () => {};
  readonly #network: LaneNetwork;
  readonly #name: string;
  readonly #segments: Segment[] = [];
  #lastDueMs = 0;
  #held = 0;

  constructor(network: LaneNetwork, name: string, from: string, to: string) {
    this.#network = network;
    this.#name = name;
    this.from = from;
    this.to = to;
  }

  get faults(): LinkFaults {
    return this.#network.faultsOf(this.from, this.to);
  }

  send(segment: Segment): void {
    const { clock, random } = this.#network;
    const { latencyMsMin, latencyMsMax } = this.faults;
    const nowMs = clock.now();
    this.#lastDueMs = Math.max(this.#lastDueMs, nowMs + latencyMsMin + random.next() * (latencyMsMax - latencyMsMin));
    this.#segments.push(segment);
    clock.after(this.#lastDueMs - nowMs, this.#arrive);
  }

  /** What was held back arrives now. */
  release(): void {
    const held = this.#held;
    this.#held = 0;
    for (let at = 0; at < held; at++) this.#network.clock.after(0, this.#arrive);
  }

  readonly #arrive = (): void => {
    if (this.#network.holdsBack(this)) {
      this.#held++;
      return;
    }
    const segment = this.#segments.shift()!;
    const size = segment.kind === 'bytes' ? ` ${segment.bytes.length}` : '';
    this.#network.trace(`${this.#name} ${segment.kind}${size}`);
    this.receiver(segment);
  };
}
