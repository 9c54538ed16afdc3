import { randomBytes } from 'node:crypto';
import type { Server } from 'node:tls';

/** What a context's ticket callback answers: whether the ticket is good, and with which keys. */
type TicketKeys = readonly [
  verdict: number,
  authentication: Uint8Array,
  encryption: Uint8Array,
  name: Uint8Array,
  iv: Buffer,
];

/** The part of Node's private handle of a server's TLS context that is used here. */
interface ContextHandle {
  setAllowPartialTrustChain(): void;
  enableTicketKeyCallback(): void;
  onticketkeycallback?: (name: Buffer, iv: Buffer, sealing: boolean) => TicketKeys;
}

const partBytes = 16;
const unknown = 0;
const good = 1;
const goodAndRenew = 2;

/**
 * A trusted authority need not be a root. Node's servers, unlike its clients, do not pass that option on to their context
 * (26.10 and before). Does nothing where this Node has it no more.
 */
export function allowPartialChains(server: Server): void {
  handleOf(server)?.setAllowPartialTrustChain?.();
}

/**
 * Tickets are sealed with the first key and opened with any; one that an older key opens is sealed anew. Each has 48 bytes:
 * name, key for authentication, key for encryption. Node's option knows one key; answers false where it is all there is.
 */
export function useTicketKeys(server: Server, keys: readonly Uint8Array[]): boolean {
  const handle = handleOf(server);
  const parts = keys.map((key) =>
    [0, 1, 2].map((part) => Buffer.from(key.subarray(part * partBytes, (part + 1) * partBytes))),
  ) as [Buffer, Buffer, Buffer][];
  const first = parts[0];
  if (handle?.enableTicketKeyCallback === undefined || first === undefined) return false;
  handle.onticketkeycallback = (ticketName, _iv, sealing) => {
    const at = parts.findIndex(([name]) => name.equals(ticketName));
    const [name, authentication, encryption] = sealing ? first : (parts[at] ?? first);
    const verdict = sealing || at === 0 ? good : at < 0 ? unknown : goodAndRenew;
    return [verdict, authentication, encryption, name, randomBytes(partBytes)];
  };
  handle.enableTicketKeyCallback();
  return true;
}

function handleOf(server: Server): Partial<ContextHandle> | undefined {
  const credentials: unknown = Reflect.get(server, '_sharedCreds');
  if (typeof credentials !== 'object' || credentials === null) return undefined;
  const handle: unknown = Reflect.get(credentials, 'context');
  return typeof handle === 'object' && handle !== null ? handle : undefined;
}
