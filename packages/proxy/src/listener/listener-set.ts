import { isDeepStrictEqual } from 'node:util';
import { type Address, formatAddress, ipAddress } from '@sofamesh/base/address';
import { CodedError, messageOf } from '@sofamesh/base/errors';
import type { Counter, Gauge } from '@sofamesh/contract/stats';
import type { ListenerConfig, UdpListenerConfig } from '../config/listener.ts';
import type { ConfigUpdate } from '../config/update.ts';
import { ChainDrains } from '../drain/chain-drains.ts';
import type { ListenerStatus, Rejection } from '../engine-api.ts';
import type { ProxyContext } from '../stream/stream-proxy.ts';
import { UdpListener } from '../udp/udp-listener.ts';
import { UdpProxy } from '../udp/udp-proxy.ts';
import { ActiveListener, type ListenerGroup } from './active-listener.ts';
import { ChainSet } from './chain-set.ts';
import { DownstreamLimit } from './downstream-limit.ts';

/** A listener of an update, ready to take over: what it needs of the system is there. */
interface ReadyListener {
  readonly config: ListenerConfig;
  commit(): void;
  abandon(): void;
}

/** The listeners' part of an update: sockets are bound, nothing else has happened. */
export interface PreparedListeners {
  readonly rejections: readonly Rejection[];
  commit(except: readonly Rejection[]): void;
  abandon(): void;
}

/** All listeners of one thread. */
export class ListenerSet implements ListenerGroup {
  readonly limit: DownstreamLimit;
  readonly #context: ProxyContext;
  readonly #listeners = new Map<string, ActiveListener>();
  readonly #udpListeners = new Map<string, UdpListener>();
  readonly #drains: ChainDrains;
  readonly #added: Counter;
  readonly #modified: Counter;
  readonly #removed: Counter;
  readonly #active: Gauge;

  constructor(context: ProxyContext) {
    const { stats } = context.environment;
    this.#context = context;
    this.limit = new DownstreamLimit(context.environment);
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
      if (this.#configOf(config.name)?.version === config.version) continue;
      try {
        this.#checkAddress(config, listeners, removedListeners);
        ready.push(await (config.udp === undefined ? this.#prepareTcp(config) : this.#prepareUdp(config, config.udp)));
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
          if (refused) each.abandon();
          else each.commit();
        }
        this.#active.set(this.#listeners.size + this.#udpListeners.size);
      },
      abandon: () => {
        for (const each of ready) each.abandon();
      },
    };
  }

  find(address: Address): ActiveListener | undefined {
    const listeners = [...this.#listeners.values()];
    const at = (wanted: Address) =>
      listeners.find(({ chains }) => addressesOf(chains.config).includes(formatAddress(wanted)));
    const exact = at(address);
    if (exact !== undefined || address.kind !== 'ip') return exact;
    return at(ipAddress(address.host.includes(':') ? '::' : '0.0.0.0', address.port));
  }

  /**
   * With SO_REUSEPORT the system would let two listeners share an address, and each get some of the connections. One with
   * a socket and one without may have the same address: which of them gets connections is told by the way they come.
   */
  #checkAddress(config: ListenerConfig, update: readonly ListenerConfig[], removed: readonly string[]): void {
    const unchanged = this.#configs.filter(
      ({ name }) => !removed.includes(name) && !update.some((each) => each.name === name),
    );
    const isUdp = config.udp !== undefined;
    const others = [...unchanged, ...update.slice(0, update.indexOf(config))].filter(
      ({ name, bindToPort, udp }) =>
        name !== config.name && bindToPort === config.bindToPort && (udp !== undefined) === isUdp,
    );
    for (const wanted of addressesOf(config)) {
      const holder = others.find((other) => addressesOf(other).includes(wanted));
      if (holder === undefined) continue;
      throw new CodedError('duplicate_address', `address: ${wanted}: is already that of listener ${holder.name}`);
    }
  }

  get #configs(): readonly ListenerConfig[] {
    const tcp = [...this.#listeners.values()].map(({ chains }) => chains.config);
    return [...tcp, ...[...this.#udpListeners.values()].map(({ config }) => config)];
  }

  #configOf(name: string): ListenerConfig | undefined {
    return this.#listeners.get(name)?.chains.config ?? this.#udpListeners.get(name)?.config;
  }

  async #prepareTcp(config: ListenerConfig): Promise<ReadyListener> {
    const before = this.#listeners.get(config.name);
    const chains = new ChainSet(config, this.#context, before?.chains);
    const replace = (put: () => void) => {
      this.#countPut(config.name);
      this.#stopUdp(config.name);
      const replaced = before?.chains.notIn(chains) ?? [];
      put();
      this.#drains.begin(replaced.map((entry) => entry.network));
    };
    if (before !== undefined && isDeepStrictEqual(socketsOf(before.chains.config), socketsOf(config))) {
      return { config, commit: () => replace(() => before.become(chains)), abandon: () => {} };
    }
    const opened = new ActiveListener(chains, this.#context.environment, this);
    await opened.open();
    const put = () => {
      this.#listeners.set(config.name, opened);
      void before?.stop();
    };
    return { config, commit: () => replace(put), abandon: () => void opened.stop() };
  }

  async #prepareUdp(config: ListenerConfig, udp: UdpListenerConfig): Promise<ReadyListener> {
    const { environment, clusters } = this.#context;
    const before = this.#udpListeners.get(config.name);
    if (before !== undefined && isDeepStrictEqual(socketsOf(before.config), socketsOf(config))) {
      const proxy = before.proxyFor(config, clusters);
      const commit = () => {
        this.#countPut(config.name);
        before.become(config, proxy);
      };
      return { config, commit, abandon: () => {} };
    }
    const opened = new UdpListener(config, new UdpProxy(udp, environment, clusters), environment);
    await opened.open();
    const commit = () => {
      this.#countPut(config.name);
      this.#stopTcp(config.name);
      void before?.stop();
      this.#udpListeners.set(config.name, opened);
    };
    return { config, commit, abandon: () => void opened.stop() };
  }

  #countPut(name: string): void {
    (this.#configOf(name) === undefined ? this.#added : this.#modified).increment();
  }

  #remove(name: string): void {
    if (this.#configOf(name) === undefined) return;
    this.#removed.increment();
    this.#stopTcp(name);
    this.#stopUdp(name);
  }

  #stopTcp(name: string): void {
    const listener = this.#listeners.get(name);
    if (listener === undefined) return;
    this.#listeners.delete(name);
    void listener.stop();
    this.#drains.begin(listener.chains.chains.map((entry) => entry.network));
  }

  #stopUdp(name: string): void {
    void this.#udpListeners.get(name)?.stop();
    this.#udpListeners.delete(name);
  }

  status(): readonly ListenerStatus[] {
    return [...this.#listeners.values(), ...this.#udpListeners.values()].map((listener) => listener.status());
  }

  /** Stops accepting and asks every client to go; resolves when all are gone or were closed at the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    const listeners = [...this.#listeners.values()];
    const all = [...listeners, ...this.#udpListeners.values()];
    const stopped = Promise.all(all.map((listener) => listener.stop()));
    for (const listener of listeners) {
      this.#drains.begin(listener.chains.chains.map((entry) => entry.network));
    }
    await this.#drains.settle(deadlineMs);
    await stopped;
  }
}

/** Addresses that must be its own; a port that the system chooses is nobody else's. */
function addressesOf({ address, additionalAddresses }: ListenerConfig): readonly string[] {
  return [address, ...additionalAddresses].filter((each) => each.kind !== 'ip' || each.port !== 0).map(formatAddress);
}

/** What a change of needs new sockets. */
function socketsOf(config: ListenerConfig): readonly unknown[] {
  return [config.address, config.additionalAddresses, config.bindToPort, config.transparent];
}
