import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { TlsSessionTicketKeys } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import { FieldError } from './fields.ts';
import { bytesOf } from './tls-certificate.ts';

/** What OpenSSL seals tickets with: a name, a key for authentication and one for encryption. */
const ticketKeyBytes = 48;
/** Of a key in Envoy's configuration. */
const configuredKeyBytes = 80;

/** Of this process; tickets are good for as long as it lives. */
const processSecret = randomBytes(32);

/**
 * The key of a chain whose configuration has none: the same for equal `rules` in all versions of the configuration, so
 * that a new certificate costs no client its session.
 */
export function ticketKeyFor(rules: object): Uint8Array {
  const info = createHash('sha256').update(JSON.stringify(rules)).digest();
  return new Uint8Array(hkdfSync('sha256', processSecret, '', info, ticketKeyBytes));
}

/** The first one seals and opens tickets. Those after it, which in Envoy only open, have no effect. */
export function readTicketKeys(
  { keys }: TlsSessionTicketKeys,
  path: string,
  ignored: (path: string) => void,
): Uint8Array {
  const [first, ...older] = keys.map((source, at) => bytesOf(source, `${path}.keys[${at}]`));
  if (first?.length !== configuredKeyBytes) {
    throw new FieldError(`${path}.keys[0]`, first && `${first.length} bytes`, `must have ${configuredKeyBytes} bytes`);
  }
  for (const at of older.keys()) ignored(`${path}.keys[${at + 1}]`);
  return new Uint8Array(hkdfSync('sha256', first, '', 'session tickets', ticketKeyBytes));
}
