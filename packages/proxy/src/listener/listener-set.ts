import { formatAddress } from '@sofamesh/base/address';
import { CodedError, messageOf } from '@sofamesh/base/errors';
import type { Counter, Gauge } from '@sofamesh/contract/stats';
import type { ListenerConfig } from '../config/listener.ts';
import type { ConfigUpdate } from '../config/update.ts';
import { ChainDrains } from '../drain/chain-drains.ts';
import type { ListenerStatus, Rejection } from '../engine-api.ts';
import type { ProxyContext } from '../stream/stream-proxy.ts';
import { ActiveListener } from './active-listener.ts';
import { ChainSet } from './chain-set.ts';

/** A listener of an update, ready to take over. */
interface ReadyListener {
  readonly config: ListenerConfig;
  readonly chains: ChainSet;
  /** A new socket; undefined: the one that is there goes on. */
  readonly opened: ActiveListener | undefined;
}

/** The listeners' part of an update: sockets are bound, nothing else has happened. */
export interface PreparedListeners {
  readonly rejections: readonly Rejection[];
  commit(except: readonly Rejection[]): void;
  abandon(): void;
}

/** All listeners of one thread. */
export class ListenerSet {
  readonly #context: ProxyContext;
  readonly #listeners = new Map<string, ActiveListener>();
  readonly #drains: ChainDrains;
  readonly #added: Counter;
  readonly #modified: Counter;
  readonly #removed: Counter;
  readonly #active: Gauge;

  constructor(context: ProxyContext) {
    const { stats } = context.environment;
    this.#context = context;
    this.#drains = new ChainDrains(context.environment);
    this.#added = stats.counter('listener_manager.listener_added');
    this.#modified = stats.counter('listener_manager.listener_modified');
    this.#removed = stats.counter('listener_manager.listener_removed');
    this.#active = stats.gauge('listener_manager.total_listeners_active');
  }

  async prepare({ listeners = [], removedListeners = [] }: ConfigUpdate): Promise<PreparedListeners> {
    const rejections: Rejection[] = [];
    const ready: ReadyListener[] = [];
    for (const config of listeners) {
      if (this.#listeners.get(config.name)?.chains.config.version === config.version) continue;
      try {
        this.#checkAddress(config, listeners, removedListeners);
        ready.push(await this.#prepareOne(config));
      } catch (thrown) {
        rejections.push({ kind: 'listener', name: config.name, reason: messageOf(thrown) });
      }
    }
    return {
      rejections,
      commit: (except) => {
        for (const name of removedListeners) this.#remove(name);
        for (const each of ready) {
          const refused = except.some(({ kind, name }) => kind === 'listener' && name === each.config.name);
          if (refused) void each.opened?.stop();
          else this.#put(each);
        }
        this.#active.set(this.#listeners.size);
      },
      abandon: () => {
        for (const { opened } of ready) void opened?.stop();
      },
    };
  }

  /** With SO_REUSEPORT the system would let two listeners share an address, and each get some of the connections. */
  #checkAddress(config: ListenerConfig, update: readonly ListenerConfig[], removed: readonly string[]): void {
    if (config.address.kind === 'ip' && config.address.port === 0) return;
    const wanted = formatAddress(config.address);
    const unchanged = [...this.#listeners.values()]
      .map((listener) => listener.chains.config)
      .filter(({ name }) => !removed.includes(name) && !update.some((each) => each.name === name));
    const holder = [...unchanged, ...update.slice(0, update.indexOf(config))].find(
      ({ name, address }) => name !== config.name && formatAddress(address) === wanted,
    );
    if (holder !== undefined) {
      throw new CodedError('duplicate_address', `address: ${wanted}: is already that of listener ${holder.name}`);
    }
  }

  async #prepareOne(config: ListenerConfig): Promise<ReadyListener> {
    const before = this.#listeners.get(config.name);
    const chains = new ChainSet(config, this.#context, before?.chains);
    const sameAddress =
      before !== undefined && formatAddress(before.chains.config.address) === formatAddress(config.address);
    if (sameAddress && before.canBecome(chains)) return { config, chains, opened: undefined };
    if (sameAddress && !config.reusePort) {
      const reason = 'TLS of a listening socket cannot be changed here without enable_reuse_port';
      throw new CodedError('tls_change', `filter_chains: transport_socket: ${reason}`);
    }
    const opened = new ActiveListener(chains, this.#context.environment);
    await opened.open();
    return { config, chains, opened };
  }

  #put({ config, chains, opened }: ReadyListener): void {
    const before = this.#listeners.get(config.name);
    (before === undefined ? this.#added : this.#modified).increment();
    const replaced = before?.chains.notIn(chains) ?? [];
    if (opened === undefined) before!.become(chains);
    else {
      this.#listeners.set(config.name, opened);
      void before?.stop();
    }
    this.#drains.begin(replaced.map((entry) => entry.network));
  }

  #remove(name: string): void {
    const listener = this.#listeners.get(name);
    if (listener === undefined) return;
    this.#removed.increment();
    this.#listeners.delete(name);
    void listener.stop();
    this.#drains.begin(listener.chains.chains.map((entry) => entry.network));
  }

  status(): readonly ListenerStatus[] {
    return [...this.#listeners.values()].map((listener) => listener.status());
  }

  /** Stops accepting and asks every client to go; resolves when all are gone or were closed at the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    const listeners = [...this.#listeners.values()];
    const stopped = Promise.all(listeners.map((listener) => listener.stop()));
    for (const listener of listeners) {
      this.#drains.begin(listener.chains.chains.map((entry) => entry.network));
    }
    await this.#drains.settle(deadlineMs);
    await stopped;
  }
}
