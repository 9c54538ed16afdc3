import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '@sofamesh/base/clock';
import { CodedError, messageOf } from '@sofamesh/base/errors';
import type { MetricDefinition } from '@sofamesh/telemetry/metrics/thread-stats';
import type { CommandMessage, CommandName, Commands, ReportMessage, WorkerSettings } from '../worker/messages.ts';
import { type WorkerLink, workerEnded } from './worker-link.ts';

export interface ThreadOptions {
  readonly id: number;
  /** The program's own entry file, which runs a worker when it is not in the main thread. */
  readonly entry: URL;
  readonly settings: WorkerSettings;
  readonly clock: Clock;
  readonly onMetrics: (definitions: readonly MetricDefinition[]) => void;
}

/** Young generation of 3 × 16 MiB: measured to cost the least CPU for its memory under load. */
const resourceLimits = { maxYoungGenerationSizeMb: 48 };
/** A worker that has not started or answered by then is stuck and is ended. Draining has a deadline of its own. */
const answerTimeoutMs = 30_000;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

/** A worker in a thread of its own. */
export class ThreadLink implements WorkerLink {
  readonly id: number;
  readonly ended: Promise<string>;
  readonly #worker: Worker;
  readonly #options: ThreadOptions;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #reason: string | undefined;
  #gone = false;
  #onReady: () => void = () => {};

  private constructor(options: ThreadOptions) {
    this.id = options.id;
    this.#options = options;
    this.#worker = new Worker(options.entry, { workerData: options.settings, resourceLimits });
    this.ended = new Promise((resolve) => {
      this.#worker.on('error', (thrown) => {
        this.#reason ??= thrown instanceof Error ? (thrown.stack ?? thrown.message) : messageOf(thrown);
      });
      this.#worker.on('exit', (code) => {
        this.#gone = true;
        const reason = this.#reason ?? `exit ${code}`;
        for (const { reject, timer } of this.#waiting.values()) {
          timer.cancel();
          reject(endedError(this.id, reason));
        }
        this.#waiting.clear();
        resolve(reason);
      });
    });
    this.#worker.on('message', (message: ReportMessage) => this.#onReport(message));
  }

  /** Resolves when the thread is up; rejects when it ends before that. */
  static async start(options: ThreadOptions): Promise<ThreadLink> {
    const link = new ThreadLink(options);
    const timer = options.clock.after(answerTimeoutMs, () => link.#giveUp('start'));
    const ready = new Promise<void>((resolve) => {
      link.#onReady = resolve;
    });
    const failed = link.ended.then((reason) => {
      throw endedError(options.id, reason);
    });
    // Once the thread is up its end is told by `ended`.
    failed.catch(() => {});
    try {
      await Promise.race([ready, failed]);
    } finally {
      timer.cancel();
    }
    return link;
  }

  send<Name extends CommandName>(name: Name, argument: Commands[Name]['takes']): Promise<Commands[Name]['gives']> {
    if (this.#gone) return Promise.reject(endedError(this.id, this.#reason ?? 'ended'));
    const id = this.#nextId++;
    const timeoutMs = answerTimeoutMs + (name === 'drain' ? (argument as number) : 0);
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.after(timeoutMs, () => this.#giveUp(name));
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject, timer });
      this.#worker.postMessage({ id, name, argument } as CommandMessage);
    });
  }

  async terminate(): Promise<void> {
    this.#reason ??= 'terminated';
    await this.#worker.terminate();
  }

  #giveUp(what: string): void {
    this.#reason ??= `no answer to ${what} for ${answerTimeoutMs / 1000} s`;
    void this.#worker.terminate();
  }

  #onReport(message: ReportMessage): void {
    switch (message.kind) {
      case 'ready':
        this.#onReady();
        return;
      case 'metrics':
        this.#options.onMetrics(message.definitions);
        return;
      case 'done':
        this.#take(message.id)?.resolve(message.result);
        return;
      case 'failed':
        this.#take(message.id)?.reject(new CodedError('worker_failed', message.reason));
        return;
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.timer.cancel();
    return waiting;
  }
}

function endedError(id: number, reason: string): CodedError {
  return new CodedError(workerEnded, `worker ${id}: ${reason}`);
}
