import { isIP } from 'node:net';
import { type Address, formatAddress, ipAddress } from '@sofamesh/base/address';
import { Deadline, type Timed, type TimerWheel } from '@sofamesh/base/timer-wheel';
import type { PickContext } from '@sofamesh/contract/balancer';
import type { OriginalDestinationConfig } from '../config/cluster.ts';
import { UpstreamHost } from './upstream-host.ts';

/** Hosts that one cluster has at a time in one worker: its clients choose the addresses. */
const originalHostsMax = 10_000;

/**
 * The hosts of an ORIGINAL_DST cluster: each is the address that a client asked for before its connection was redirected,
 * or that a request's header names. A host that nobody uses for a while goes.
 */
export class OriginalDestinations implements Timed {
  readonly deadline = new Deadline(this);
  readonly #config: OriginalDestinationConfig;
  readonly #wheel: TimerWheel;
  readonly #onChange: () => void;
  readonly #hosts = new Map<string, UpstreamHost>();
  /** Used since the last look. */
  #used = new Set<UpstreamHost>();

  constructor(config: OriginalDestinationConfig, wheel: TimerWheel, onChange: () => void) {
    this.#config = config;
    this.#wheel = wheel;
    this.#onChange = onChange;
  }

  get hosts(): ReadonlyMap<string, UpstreamHost> {
    return this.#hosts;
  }

  /** Undefined when nothing tells where to go, or there are too many hosts. */
  pick({ downstream, request }: PickContext): UpstreamHost | undefined {
    const { header, portOverride } = this.#config;
    const named = header === undefined ? undefined : request?.get(header);
    const asked = named === undefined ? restoredAddress(downstream) : parseHost(named);
    if (asked === undefined) return undefined;
    const address = portOverride === undefined || asked.kind !== 'ip' ? asked : ipAddress(asked.host, portOverride);
    const host = this.#hosts.get(formatAddress(address)) ?? this.#add(address);
    if (host !== undefined) this.#used.add(host);
    return host;
  }

  #add(address: Address): UpstreamHost | undefined {
    if (this.#hosts.size >= originalHostsMax) return undefined;
    const host = new UpstreamHost(address);
    this.#hosts.set(host.name, host);
    if (!this.deadline.waiting) this.#wheel.start(this.deadline, this.#config.cleanupMs);
    this.#onChange();
    return host;
  }

  onDeadline(): void {
    for (const [name, host] of this.#hosts) {
      if (this.#used.has(host) || host.activeRequests > 0) continue;
      host.drain();
      this.#hosts.delete(name);
    }
    this.#used = new Set();
    this.#onChange();
    if (this.#hosts.size > 0) this.#wheel.start(this.deadline, this.#config.cleanupMs);
  }

  stop(): void {
    this.#wheel.stop(this.deadline);
  }
}

/** A connection that was not redirected would only come back to this proxy. */
function restoredAddress(downstream: PickContext['downstream']): Address | undefined {
  return downstream?.localRestored === true ? downstream.local : undefined;
}

/** `10.0.0.1:80`, `[fd00::1]:80`. */
function parseHost(text: string): Address | undefined {
  const parts = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text.trim());
  const host = parts?.[1] ?? parts?.[2] ?? '';
  const port = Number(parts?.[3]);
  return isIP(host) !== 0 && port <= 65_535 && port > 0 ? ipAddress(host, port) : undefined;
}
