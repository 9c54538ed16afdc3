import { type Address, formatAddress } from '@sofamesh/base/address';
import { messageOf } from '@sofamesh/base/errors';
import type { ListenerConfig } from '@sofamesh/proxy/config/listener';
import type { Rejection } from '@sofamesh/proxy/engine-api';

/** Listens on an address that is ours alone and stops at once; gives the address with its real port. */
export type Probe = (address: Address) => Promise<Address>;

interface Held {
  /** As configured; the port may be 0. */
  readonly asked: string;
  readonly bound: Address;
}

/**
 * Where the workers listen together. SO_REUSEPORT lets a second proxy, or a second listener, share an address and silently
 * take half of its connections, so a new address is first tried without it. The same look settles a port 0, which all
 * workers must agree on.
 */
export class ListenAddresses {
  readonly #probe: Probe;
  readonly #held = new Map<string, Held>();

  constructor(probe: Probe) {
    this.#probe = probe;
  }

  /** The listeners with the addresses to bind, and those that cannot be. Nothing is remembered until {@link commit}. */
  async resolve(
    listeners: readonly ListenerConfig[],
    removed: readonly string[],
  ): Promise<{ readonly listeners: readonly ListenerConfig[]; readonly rejections: readonly Rejection[] }> {
    const changing = new Set([...removed, ...listeners.map(({ name }) => name)]);
    const ours = new Set([...this.#held.values()].map(({ bound }) => formatAddress(bound)));
    /** Address → listener, after this update. */
    const taken = new Map<string, string>();
    for (const [name, { bound }] of this.#held) if (!changing.has(name)) taken.set(formatAddress(bound), name);

    const resolved: ListenerConfig[] = [];
    const rejections: Rejection[] = [];
    for (const listener of listeners) {
      const refuse = (reason: string) => {
        rejections.push({
          kind: 'listener',
          name: listener.name,
          reason: `address: ${formatAddress(listener.address)}: ${reason}`,
        });
      };
      const bound = await this.#boundOf(listener, ours).catch((thrown: unknown) => refuse(messageOf(thrown)));
      if (bound === undefined) continue;
      const other = taken.get(formatAddress(bound));
      if (other !== undefined) {
        refuse(`listener ${other} has this address`);
        continue;
      }
      taken.set(formatAddress(bound), listener.name);
      resolved.push({ ...listener, address: bound, reusePort: bound.kind === 'ip' });
    }
    return { listeners: resolved, rejections };
  }

  async #boundOf({ name, address }: ListenerConfig, ours: ReadonlySet<string>): Promise<Address> {
    if (address.kind === 'pipe') return address;
    const held = this.#held.get(name);
    if (held?.asked === formatAddress(address)) return held.bound;
    return ours.has(formatAddress(address)) ? address : this.#probe(address);
  }

  /** `asked` are the listeners as configured, `resolved` those of them that are in force now. */
  commit(asked: readonly ListenerConfig[], resolved: readonly ListenerConfig[], removed: readonly string[]): void {
    for (const name of removed) this.#held.delete(name);
    const wanted = new Map(asked.map(({ name, address }) => [name, formatAddress(address)]));
    for (const { name, address } of resolved) this.#held.set(name, { asked: wanted.get(name)!, bound: address });
  }
}
