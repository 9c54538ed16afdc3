import { isDeepStrictEqual } from 'node:util';
import type { Address } from '@sofamesh/base/address';
import type { BoundSocket } from '@sofamesh/contract/datagram';
import type { Clusters } from '../cluster/upstream.ts';
import type { ListenerConfig } from '../config/listener.ts';
import type { ListenerStatus } from '../engine-api.ts';
import type { EngineEnvironment } from '../environment.ts';
import { UdpProxy } from './udp-proxy.ts';

/** Sockets that receive datagrams, and the proxy that these go to: it may change, the sockets stay. */
export class UdpListener {
  #config: ListenerConfig;
  #proxy: UdpProxy;
  readonly #environment: EngineEnvironment;
  readonly #sockets: BoundSocket[] = [];

  constructor(config: ListenerConfig, proxy: UdpProxy, environment: EngineEnvironment) {
    this.#config = config;
    this.#proxy = proxy;
    this.#environment = environment;
  }

  get config(): ListenerConfig {
    return this.#config;
  }

  get address(): Address {
    return this.#sockets[0]?.address ?? this.#config.address;
  }

  /** Rejects with the system's code when an address cannot be had. */
  async open(): Promise<void> {
    const { address, additionalAddresses, reusePort, bindToPort } = this.#config;
    const addresses = bindToPort ? [address, ...additionalAddresses] : [];
    try {
      for (const each of addresses) {
        const socket: BoundSocket = await this.#environment.datagrams!.bind(
          { address: each, reusePort },
          (bytes, from) => this.#proxy.onDatagram(bytes, from, socket),
        );
        this.#sockets.push(socket);
      }
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  /** The proxy for another configuration on the same sockets: the same one where nothing of it changed. */
  proxyFor(config: ListenerConfig, clusters: Clusters): UdpProxy {
    if (isDeepStrictEqual(config.udp, this.#config.udp)) return this.#proxy;
    return new UdpProxy(config.udp!, this.#environment, clusters);
  }

  become(config: ListenerConfig, proxy: UdpProxy): void {
    if (proxy !== this.#proxy) this.#proxy.close();
    this.#config = config;
    this.#proxy = proxy;
  }

  /** A datagram carries no word for "please go": sessions end at once. */
  async stop(): Promise<void> {
    this.#proxy.close();
    await Promise.all(this.#sockets.map((socket) => socket.close()));
  }

  status(): ListenerStatus {
    return { name: this.#config.name, address: this.address, connections: this.#proxy.activeSessions };
  }
}
