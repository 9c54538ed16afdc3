import type { TLSSocket } from 'node:tls';
import type { TlsSession } from '@sofamesh/contract/transport';
import { subjectAltNames } from './subject-alt-names.ts';

/**
 * TLS 1.2 suites with forward secrecy and authenticated encryption, as Envoy's defaults, and those of TLS 1.3. The older
 * ones that Node adds can be attacked through their padding.
 */
export const cipherSuites = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
].join(':');

/** What an established session tells. `serverName` is the client's wish, in lower case. */
export function sessionOf(socket: TLSSocket, serverName: string | undefined): TlsSession {
  const certificate = socket.getPeerX509Certificate();
  return {
    alpn: socket.alpnProtocol || undefined,
    serverName: serverName?.toLowerCase(),
    version: socket.getProtocol() ?? '',
    peerSubjectAltNames: certificate === undefined ? [] : subjectAltNames(certificate.raw),
  };
}
