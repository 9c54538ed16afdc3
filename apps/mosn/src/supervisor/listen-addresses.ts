import { type Address, formatAddress } from '@sofamesh/base/address';
import { messageOf } from '@sofamesh/base/errors';
import type { ListenerConfig } from '@sofamesh/proxy/config/listener';
import type { Rejection } from '@sofamesh/proxy/engine-api';

export type SocketKind = 'tcp' | 'udp';

/** Listens on an address that is ours alone and stops at once; gives the address with its real port. */
export type Probe = (address: Address, kind: SocketKind) => Promise<Address>;

interface Held {
  readonly kind: SocketKind;
  /** As configured; a port may be 0. */
  readonly asked: readonly string[];
  readonly bound: readonly Address[];
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
    const ours = new Set([...this.#held.values()].flatMap(keysOf));
    /** Address → listener, after this update. */
    const taken = new Map<string, string>();
    for (const [name, held] of this.#held) {
      if (!changing.has(name)) for (const key of keysOf(held)) taken.set(key, name);
    }

    const resolved: ListenerConfig[] = [];
    const rejections: Rejection[] = [];
    for (const listener of listeners) {
      if (!listener.bindToPort) {
        resolved.push(listener);
        continue;
      }
      const refuse = (address: Address, reason: string) => {
        const where = `address: ${formatAddress(address)}`;
        rejections.push({ kind: 'listener', name: listener.name, reason: `${where}: ${reason}` });
      };
      const bound: Address[] = [];
      for (const [at, asked] of addressesOf(listener).entries()) {
        const got = await this.#boundOf(listener, at, ours).catch((thrown: unknown) =>
          refuse(asked, messageOf(thrown)),
        );
        if (got === undefined) break;
        const other = taken.get(keyOf(kindOf(listener), got));
        if (other !== undefined) {
          refuse(asked, `listener ${other} has this address`);
          break;
        }
        bound.push(got);
      }
      if (bound.length < addressesOf(listener).length) continue;
      for (const each of bound) taken.set(keyOf(kindOf(listener), each), listener.name);
      const [address, ...additionalAddresses] = bound;
      resolved.push({ ...listener, address: address!, additionalAddresses, reusePort: address!.kind === 'ip' });
    }
    return { listeners: resolved, rejections };
  }

  async #boundOf(listener: ListenerConfig, at: number, ours: ReadonlySet<string>): Promise<Address> {
    const address = addressesOf(listener)[at]!;
    if (address.kind === 'pipe') return address;
    const kind = kindOf(listener);
    const held = this.#held.get(listener.name);
    if (held?.kind === kind && held.asked[at] === askedOf(address)) return held.bound[at]!;
    if (ours.has(keyOf(kind, address))) return address;
    const bound = await this.#probe(address, kind);
    // A socket does not tell that it takes IPv4 as well.
    return address.ipv4Compat && bound.kind === 'ip' ? { ...bound, ipv4Compat: true } : bound;
  }

  /** `asked` are the listeners as configured, `resolved` those of them that are in force now. */
  commit(asked: readonly ListenerConfig[], resolved: readonly ListenerConfig[], removed: readonly string[]): void {
    for (const name of removed) this.#held.delete(name);
    const wanted = new Map(asked.map((listener) => [listener.name, addressesOf(listener).map(askedOf)]));
    for (const listener of resolved) {
      if (!listener.bindToPort) this.#held.delete(listener.name);
      else {
        const held = { kind: kindOf(listener), asked: wanted.get(listener.name)!, bound: addressesOf(listener) };
        this.#held.set(listener.name, held);
      }
    }
  }
}

function addressesOf({ address, additionalAddresses }: ListenerConfig): readonly Address[] {
  return [address, ...additionalAddresses];
}

function askedOf(address: Address): string {
  return `${formatAddress(address)}${address.kind === 'ip' && address.ipv4Compat ? ', with IPv4' : ''}`;
}

function kindOf({ udp }: ListenerConfig): SocketKind {
  return udp === undefined ? 'tcp' : 'udp';
}

function keyOf(kind: SocketKind, address: Address): string {
  return `${kind} ${formatAddress(address)}`;
}

function keysOf({ kind, bound }: Held): readonly string[] {
  return bound.map((address) => keyOf(kind, address));
}
