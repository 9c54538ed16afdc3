import { messageOf } from '@sofamesh/base/errors';
import type { Logger } from '@sofamesh/base/logger';
import type { MeshSnapshot } from '@sofamesh/translate/input';
import type { KindChange, ProxyView } from './proxy-view.ts';

/** What the pushes count. */
export interface PushObserver {
  /** A proxy's view was brought up to a snapshot; `changes` may be empty. */
  updated(view: ProxyView, changes: readonly KindChange[], tookMs: number): void;
  failed(view: ProxyView, reason: string): void;
}

export interface PushQueueOptions {
  readonly logger: Logger;
  readonly observer: PushObserver;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Runs the next slice of work when other events had their turn. */
  readonly yieldTurn: (resume: () => void) => void;
}

/** Work in one slice, so that thousands of proxies never hold up the event loop for longer than this and one proxy more. */
const sliceMs = 10;

/**
 * Brings all connected proxies to the newest snapshot, one after the other, and tells `send` what changed for each. A
 * snapshot that arrives meanwhile is not queued: proxies whose turn has not come get the newer one at once, the others
 * come again.
 */
export class PushQueue {
  readonly #options: PushQueueOptions;
  readonly #waiting = new Map<ProxyView, (changes: readonly KindChange[]) => void>();
  readonly #all = new Map<ProxyView, (changes: readonly KindChange[]) => void>();
  #snapshot: MeshSnapshot;
  #running = false;

  constructor(snapshot: MeshSnapshot, options: PushQueueOptions) {
    this.#snapshot = snapshot;
    this.#options = options;
  }

  get snapshot(): MeshSnapshot {
    return this.#snapshot;
  }

  get views(): Iterable<ProxyView> {
    return this.#all.keys();
  }

  get size(): number {
    return this.#all.size;
  }

  /** Proxies that do not have the newest snapshot yet. */
  get backlog(): number {
    return this.#waiting.size;
  }

  /** A proxy connected: its view is complete when this returns. `send` is called for every later change. */
  add(view: ProxyView, send: (changes: readonly KindChange[]) => void): void {
    this.#all.set(view, send);
    this.#update(view, () => {});
  }

  remove(view: ProxyView): void {
    this.#all.delete(view);
    this.#waiting.delete(view);
  }

  publish(snapshot: MeshSnapshot): void {
    this.#snapshot = snapshot;
    for (const [view, send] of this.#all) this.#waiting.set(view, send);
    if (!this.#running && this.#waiting.size > 0) {
      this.#running = true;
      this.#options.yieldTurn(this.#work);
    }
  }

  readonly #work = (): void => {
    const untilMs = this.#options.now() + sliceMs;
    for (const [view, send] of this.#waiting) {
      this.#waiting.delete(view);
      this.#update(view, send);
      if (this.#options.now() >= untilMs) break;
    }
    this.#running = this.#waiting.size > 0;
    if (this.#running) this.#options.yieldTurn(this.#work);
  };

  #update(view: ProxyView, send: (changes: readonly KindChange[]) => void): void {
    const { observer, logger, now } = this.#options;
    const startMs = now();
    try {
      const changes = view.update(this.#snapshot);
      if (changes.length > 0) send(changes);
      observer.updated(view, changes, now() - startMs);
    } catch (thrown) {
      // The proxy keeps what it has; the others are not concerned.
      const reason = messageOf(thrown);
      logger.error('translation failed', { proxy: view.node.id, revision: this.#snapshot.revision, reason });
      observer.failed(view, reason);
    }
  }
}
