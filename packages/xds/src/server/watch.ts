import { isWildcardType } from '../type-urls.ts';
import type { NamedBytes } from './encode-response.ts';
import type { TypeStatus } from './proxy-status.ts';

/** One proxy's subscription to one type. */
export class Watch {
  readonly typeUrl: string;
  /** Undefined: all. */
  names: ReadonlySet<string> | undefined;
  /** Something may have to be sent. */
  dirty = true;
  /** Send although the version is the one that the proxy has: it asked for other names, or must see them again. */
  forced = true;
  /** A response was sent and neither accepted nor refused. */
  inFlight = false;
  nonce = '';
  sentVersion: string | undefined;
  sentAtMs = 0;
  ackedVersion = '';
  nackedVersion = '';
  error = '';
  /** The resources that the proxy was sent last, by name. Their bytes are those of the cache, not copies. */
  #sent: ReadonlyMap<string, Uint8Array> = new Map();

  constructor(typeUrl: string, names: readonly string[]) {
    this.typeUrl = typeUrl;
    this.names = namesOf(typeUrl, names);
  }

  /** True when the new names hold one that the old did not. */
  replaceNames(names: readonly string[]): boolean {
    const before = this.names;
    this.names = namesOf(this.typeUrl, names);
    // What a proxy no longer asks for it forgets; when it asks again it has to be told again.
    const now = this.names;
    if (now !== undefined) this.#sent = new Map([...this.#sent].filter(([name]) => now.has(name)));
    if (before === undefined) return false;
    return this.names === undefined || [...this.names].some((name) => !before.has(name));
  }

  /**
   * Of the resources that exist now, those that the proxy was not sent or that differ from what it was sent; they count as
   * sent from now on.
   */
  takeChanged(resources: readonly NamedBytes[]): readonly NamedBytes[] {
    const before = this.#sent;
    this.#sent = new Map(resources.map(({ name, bytes }) => [name, bytes]));
    return resources.filter(({ name, bytes }) => {
      const known = before.get(name);
      return known !== bytes && (known === undefined || Buffer.compare(known, bytes) !== 0);
    });
  }

  /** The proxy must see these again (all, when undefined), changed or not. */
  sendAgain(names?: readonly string[]): void {
    const gone = new Set(names ?? this.#sent.keys());
    const left = new Map([...this.#sent].filter(([name]) => !gone.has(name)));
    if (left.size < this.#sent.size) this.dirty = this.forced = true;
    this.#sent = left;
  }

  status(): TypeStatus {
    return {
      typeUrl: this.typeUrl,
      names: this.names && [...this.names],
      state: this.#state(),
      sentVersion: this.sentVersion ?? '',
      sentAtMs: this.sentAtMs,
      ackedVersion: this.ackedVersion,
      nackedVersion: this.nackedVersion,
      error: this.error,
    };
  }

  #state(): TypeStatus['state'] {
    if (this.sentVersion === undefined) return 'not sent';
    if (this.inFlight) return 'stale';
    return this.error === '' ? 'synced' : 'rejected';
  }
}

function namesOf(typeUrl: string, names: readonly string[]): ReadonlySet<string> | undefined {
  const wildcard = names.includes('*') || (names.length === 0 && isWildcardType(typeUrl));
  return wildcard ? undefined : new Set(names);
}
