import { isIP, type Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { ClientTls } from '@sofamesh/contract/transport';
import { subjectAltNames, subjectAltNameValue } from './subject-alt-names.ts';
import { cipherSuites } from './tls-session.ts';

/** Reading authorities takes milliseconds, and a cluster dials with the same object again and again. */
const contexts = new WeakMap<ClientTls, SecureContext>();

function contextOf(tls: ClientTls): SecureContext {
  let context = contexts.get(tls);
  if (context === undefined) {
    context = createSecureContext({
      ...(tls.authorityPem === undefined ? {} : { ca: tls.authorityPem }),
      ...(tls.certificate === undefined ? {} : { cert: tls.certificate.chainPem, key: tls.certificate.privateKeyPem }),
      minVersion: tls.minVersion ?? 'TLSv1.2',
      maxVersion: tls.maxVersion ?? 'TLSv1.3',
      ciphers: cipherSuites,
    });
    contexts.set(tls, context);
  }
  return context;
}

/**
 * Starts the handshake on a connected socket; a session is never resumed, for it would skip the check of the peer's
 * identity. Throws where authorities, certificate or key cannot be used.
 */
export function startClientTls(carrier: Socket, tls: ClientTls): TLSSocket {
  const { serverName } = tls;
  return connect({
    socket: carrier,
    secureContext: contextOf(tls),
    // The extension holds names only (RFC 6066 §3).
    ...(serverName !== undefined && serverName !== '' && isIP(serverName) === 0 ? { servername: serverName } : {}),
    ...(tls.alpn !== undefined && tls.alpn.length > 0 ? { ALPNProtocols: [...tls.alpn] } : {}),
    rejectUnauthorized: tls.authorityPem !== undefined,
    // As in Envoy the authorities and the listed names decide, and the name that was dialled does not.
    checkServerIdentity: () => undefined,
  });
}

/** Why the server is not who it should be, or undefined. */
export function serverRefusal(tls: ClientTls, socket: TLSSocket): string | undefined {
  const wanted = tls.subjectAltNames;
  if (wanted === undefined || wanted.length === 0) return undefined;
  const certificate = socket.getPeerX509Certificate();
  const names = certificate === undefined ? [] : subjectAltNames(certificate.raw);
  if (names.some((entry) => wanted.includes(subjectAltNameValue(entry)))) return undefined;
  return `none of the server's names is wanted: ${names.join(', ') || 'it has none'}`;
}
