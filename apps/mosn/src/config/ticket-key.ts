import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { TlsSessionTicketKeys } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import { FieldError } from './fields.ts';
import { bytesOf } from './tls-certificate.ts';

/** What OpenSSL seals tickets with: a name, a key for authentication and one for encryption. */
const ticketKeyBytes = 48;
/** Of a key in Envoy's configuration. */
const configuredKeyBytes = 80;

/** Of this process; tickets are good for as long as it lives. Made when first needed: one in a start-up snapshot would be everybody's. */
let processSecret: Buffer | undefined;

/**
 * The key of a chain whose configuration has none: the same for equal `rules` in all versions of the configuration, so
 * that a new certificate costs no client its session.
 */
export function ticketKeyFor(rules: object): Uint8Array {
  const info = createHash('sha256').update(JSON.stringify(rules)).digest();
  processSecret ??= randomBytes(32);
  return new Uint8Array(hkdfSync('sha256', processSecret, '', info, ticketKeyBytes));
}

/** The first one seals tickets; all of them open tickets. */
export function readTicketKeys({ keys }: TlsSessionTicketKeys, path: string): readonly [Uint8Array, ...Uint8Array[]] {
  const [first, ...older] = keys.map((source, at) => {
    const bytes = bytesOf(source, `${path}.keys[${at}]`);
    if (bytes?.length !== configuredKeyBytes) {
      throw new FieldError(
        `${path}.keys[${at}]`,
        bytes && `${bytes.length} bytes`,
        `must have ${configuredKeyBytes} bytes`,
      );
    }
    return new Uint8Array(hkdfSync('sha256', bytes, '', 'session tickets', ticketKeyBytes));
  });
  if (first === undefined) throw new FieldError(`${path}.keys`, '[]', 'must have one');
  return [first, ...older];
}
