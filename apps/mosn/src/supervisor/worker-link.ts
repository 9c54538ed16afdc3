import { CodedError } from '@sofamesh/base/errors';
import type { CommandName, Commands } from '../worker/messages.ts';
import type { EngineWorker } from '../worker/worker.ts';

/** One worker as the supervisor sees it. */
export interface WorkerLink {
  /** Unique in this process; also the thread's number in the statistics. 0 is the main thread. */
  readonly id: number;
  /** Rejects with {@link workerEnded} when the worker ends before it answers, with another error when it fails at it. */
  send<Name extends CommandName>(name: Name, argument: Commands[Name]['takes']): Promise<Commands[Name]['gives']>;
  /** Resolves with the reason when the worker has ended, for whatever cause. */
  readonly ended: Promise<string>;
  /** Ends it at once. */
  terminate(): Promise<void>;
}

/** Code of the error that a command to a worker rejects with when the worker is gone. */
export const workerEnded = 'worker_ended';

export function isWorkerEnded(thrown: unknown): boolean {
  return thrown instanceof CodedError && thrown.code === workerEnded;
}

/** One thread for everything: the worker lives in the main thread, and a crash of it is a crash of the process. */
export class LocalLink implements WorkerLink {
  readonly id = 0;
  readonly ended: Promise<string>;
  readonly #worker: EngineWorker;
  #end: (reason: string) => void = () => {};

  constructor(worker: EngineWorker) {
    this.#worker = worker;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  send<Name extends CommandName>(name: Name, argument: Commands[Name]['takes']): Promise<Commands[Name]['gives']> {
    return this.#worker.handle(name, argument);
  }

  async terminate(): Promise<void> {
    await this.#worker.handle('close', undefined);
    this.#end('terminated');
  }
}
