import type { Clock } from '@sofamesh/base/clock';
import { messageOf } from '@sofamesh/base/errors';
import type { Logger } from '@sofamesh/base/logger';
import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import type { EngineStatus, Rejection } from '@sofamesh/proxy/engine-api';
import type { LogLevels } from '../lifecycle/program-log.ts';
import type { CommandName, Commands } from '../worker/messages.ts';
import { CurrentConfig } from './current-config.ts';
import { ListenAddresses, type Probe } from './listen-addresses.ts';
import { mergeStatus } from './merge-status.ts';
import { RestartPolicy } from './restart-policy.ts';
import { SharedMemories } from './shared-memories.ts';
import { isWorkerEnded, type WorkerLink } from './worker-link.ts';

export interface WorkerPoolOptions {
  readonly concurrency: number;
  /** Where the workers count client connections of all listeners; a worker that is gone has none. */
  readonly downstreamPlaces?: SharedArrayBuffer | undefined;
  /** Starts the worker of a place (from 0); resolves when it takes commands. */
  readonly start: (place: number) => Promise<WorkerLink>;
  readonly probe: Probe;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A worker is gone for good: its counts stay in the sums. */
  readonly onWorkerGone: (id: number) => void;
  /** No worker is left, and new ones crash as well. */
  readonly onFatal: (reason: string) => void;
}

/** One of the places that workers come and go in; index 0 alone listens where an address cannot be shared. */
interface Place {
  readonly index: number;
  link: WorkerLink | undefined;
}

/**
 * All workers as one engine. A change of configuration is prepared by every worker, what any of them refuses is refused
 * for all, then all switch. A worker that crashes is replaced, and its replacement brought up to the configuration in
 * force, while the others serve.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #places: readonly Place[];
  readonly #config = new CurrentConfig();
  readonly #addresses: ListenAddresses | undefined;
  readonly #memories: SharedMemories;
  readonly #restarts: RestartPolicy;
  /** Changes of configuration and workers that join run one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #ending = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.concurrency }, (_, index) => ({ index, link: undefined }));
    this.#addresses = options.concurrency > 1 ? new ListenAddresses(options.probe) : undefined;
    this.#memories = new SharedMemories(options.concurrency, options.downstreamPlaces);
    this.#restarts = new RestartPolicy(options.clock);
  }

  /** What is in force, the real addresses of listeners included when there are several workers. */
  get config(): CurrentConfig {
    return this.#config;
  }

  get serving(): number {
    return this.#links().length;
  }

  /** Rejects when a worker cannot be started. */
  async start(): Promise<void> {
    await Promise.all(
      this.#places.map(async (place) => {
        place.link = await this.#options.start(place.index);
        this.#watch(place, place.link);
      }),
    );
  }

  /** Applies what can be applied of `update`; the answer names the rest. */
  apply(update: ConfigUpdate): Promise<readonly Rejection[]> {
    return this.#inTurn(() => this.#apply(update));
  }

  async #apply(asked: ConfigUpdate): Promise<readonly Rejection[]> {
    const addressed = await this.#resolveAddresses(this.#memories.attach(asked));
    const { update } = addressed;
    const rejections = [...addressed.rejections];
    const prepared: WorkerLink[] = [];
    let fault: string | undefined;
    let crash: string | undefined;
    await Promise.all(
      this.#places.map(async ({ index, link }) => {
        if (link === undefined) return;
        try {
          rejections.push(...(await link.send('prepare', forPlace(update, index))));
          prepared.push(link);
        } catch (thrown) {
          // One that ends is replaced; one that fails would be at odds with the others.
          if (isWorkerEnded(thrown)) crash = messageOf(thrown);
          else fault = messageOf(thrown);
        }
      }),
    );
    // When all of them ended over it, their replacements would as well.
    if (fault === undefined && prepared.length === 0) fault = crash;
    if (fault !== undefined) {
      await Promise.all(prepared.map((link) => this.#tell(link, 'abandon', undefined)));
      return allOf(asked, fault);
    }
    const refused = distinct(rejections);
    this.#config.fold(update, refused);
    this.#memories.commit(refused, asked.removedListeners ?? []);
    this.#addresses?.commit(
      asked.listeners ?? [],
      (update.listeners ?? []).filter(
        ({ name }) => !refused.some((one) => one.kind === 'listener' && one.name === name),
      ),
      asked.removedListeners ?? [],
    );
    await Promise.all(prepared.map((link) => this.#tell(link, 'commit', refused)));
    return refused;
  }

  async #resolveAddresses(
    update: ConfigUpdate,
  ): Promise<{ readonly update: ConfigUpdate; readonly rejections: readonly Rejection[] }> {
    const { listeners } = update;
    if (listeners === undefined) return { update, rejections: [] };
    if (this.#addresses === undefined) {
      // A worker that is alone has its addresses to itself.
      return {
        update: { ...update, listeners: listeners.map((one) => ({ ...one, reusePort: false })) },
        rejections: [],
      };
    }
    const resolved = await this.#addresses.resolve(listeners, update.removedListeners ?? []);
    return { update: { ...update, listeners: resolved.listeners }, rejections: resolved.rejections };
  }

  /** Second phase and cleaning up: a worker that fails at it is out of step, so it is ended, and replaced. */
  async #tell<Name extends CommandName>(
    link: WorkerLink,
    name: Name,
    argument: Commands[Name]['takes'],
  ): Promise<void> {
    try {
      await link.send(name, argument);
    } catch (thrown) {
      if (isWorkerEnded(thrown)) return;
      this.#options.logger.error(`worker failed at ${name}`, { worker: link.id, reason: messageOf(thrown) });
      await link.terminate();
    }
  }

  async status(): Promise<EngineStatus> {
    return mergeStatus(await this.#askAll('status', undefined));
  }

  async setLevels(levels: LogLevels): Promise<void> {
    await this.#askAll('levels', levels);
  }

  async reopenLogs(): Promise<void> {
    await this.#askAll('reopen-logs', undefined);
  }

  /** Graceful: resolves when the last connection has ended or `deadlineMs` has passed. Crashed workers stay away from now on. */
  async drain(deadlineMs: number): Promise<void> {
    this.#ending = true;
    await this.#askAll('drain', deadlineMs);
  }

  async close(): Promise<void> {
    this.#ending = true;
    const links = this.#links();
    await this.#askAll('close', undefined);
    await Promise.all(links.map((link) => link.terminate()));
  }

  /** The answers of those that live long enough to answer. */
  async #askAll<Name extends CommandName>(
    name: Name,
    argument: Commands[Name]['takes'],
  ): Promise<Commands[Name]['gives'][]> {
    const answers = await Promise.allSettled(this.#links().map((link) => link.send(name, argument)));
    const given: Commands[Name]['gives'][] = [];
    for (const answer of answers) {
      if (answer.status === 'fulfilled') given.push(answer.value);
      else this.#options.logger.warn(`worker did not answer to ${name}`, { reason: messageOf(answer.reason) });
    }
    return given;
  }

  #links(): WorkerLink[] {
    return this.#places.flatMap(({ link }) => link ?? []);
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(act);
    this.#turn = result.catch(() => {});
    return result;
  }

  #watch(place: Place, link: WorkerLink): void {
    void link.ended.then((reason) => {
      this.#options.onWorkerGone(link.id);
      if (place.link === link) place.link = undefined;
      this.#memories.release(place.index);
      if (this.#ending) return;
      this.#options.logger.error('worker ended', { worker: link.id, reason });
      this.#replaceLater(place, reason);
    });
  }

  #replaceLater(place: Place, reason: string): void {
    const delayMs = this.#restarts.afterCrash(this.serving);
    if (delayMs === undefined) {
      this.#ending = true;
      this.#options.onFatal(reason);
      return;
    }
    this.#options.clock.after(delayMs, () => {
      void this.#inTurn(() => this.#replace(place));
    });
  }

  async #replace(place: Place): Promise<void> {
    if (this.#ending) return;
    let link: WorkerLink | undefined;
    try {
      link = await this.#options.start(place.index);
      const refused = await link.send('prepare', forPlace(this.#config.whole(), place.index));
      for (const { kind, name, reason } of refused) {
        this.#options.logger.error('a new worker refuses what the others have', {
          worker: link.id,
          kind,
          name,
          reason,
        });
      }
      await link.send('commit', []);
    } catch (thrown) {
      await link?.terminate();
      if (link !== undefined) this.#options.onWorkerGone(link.id);
      this.#memories.release(place.index);
      this.#options.logger.error('worker could not be replaced', { reason: messageOf(thrown) });
      if (!this.#ending) this.#replaceLater(place, messageOf(thrown));
      return;
    }
    place.link = link;
    this.#watch(place, link);
    this.#options.logger.info('worker replaced', { worker: link.id });
  }
}

/** Only the first worker listens on a Unix socket: the system cannot share one. */
function forPlace(update: ConfigUpdate, index: number): ConfigUpdate {
  if (index === 0 || update.listeners === undefined) return update;
  return { ...update, listeners: update.listeners.filter(({ address }) => address.kind === 'ip') };
}

function distinct(rejections: readonly Rejection[]): Rejection[] {
  return [...new Map(rejections.map((one) => [`${one.kind} ${one.name}`, one])).values()];
}

function allOf(update: ConfigUpdate, reason: string): Rejection[] {
  const of = (kind: Rejection['kind'], configs: readonly { readonly name: string }[] = []) =>
    configs.map(({ name }) => ({ kind, name, reason }));
  return [
    ...of('cluster', update.clusters),
    ...of('endpoints', update.endpoints),
    ...of('route', update.routes),
    ...of('listener', update.listeners),
  ];
}
