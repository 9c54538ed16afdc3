import { constants, X509Certificate } from 'node:crypto';
import { createSecureContext, createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls';
import { CodedError } from '@sofamesh/base/errors';
import type { CertificatePair, ServerTls } from '@sofamesh/contract/transport';
import { subjectAltNames } from './subject-alt-names.ts';
import { cipherSuites } from './tls-session.ts';

const handshakeTimeoutMsDefault = 10_000;

/**
 * A TLS server that does not listen: it is handed raw sockets by `emit('connection', socket)`. Throws where a certificate
 * or key cannot be used. A client whose protocols (ALPN) have nothing in common with ours is refused, as RFC 7301 §3.2 has
 * it; Envoy would go on without one, which Node does not offer.
 */
export function createTlsServer(tls: ServerTls): Server {
  const [defaultCertificate] = tls.certificates;
  if (defaultCertificate === undefined) throw new CodedError('EINVAL', 'a TLS listener needs a certificate');
  const wantsClientCertificate = tls.clientAuthorityPem !== undefined || tls.requireClientCertificate === true;
  const contexts = new ServerContexts(tls, wantsClientCertificate);
  return createServer({
    ...contextOptions(tls, defaultCertificate, wantsClientCertificate),
    ...(tls.alpn !== undefined && tls.alpn.length > 0 ? { ALPNProtocols: [...tls.alpn] } : {}),
    SNICallback: (serverName, callback) => callback(null, contexts.select(serverName)),
    requestCert: wantsClientCertificate,
    rejectUnauthorized: tls.requireClientCertificate === true && tls.clientAuthorityPem !== undefined,
    handshakeTimeout: tls.handshakeTimeoutMs ?? handshakeTimeoutMsDefault,
    allowHalfOpen: true,
  });
}

/**
 * Why a client whose handshake went through is not let in, or undefined. Node checks a certificate only where one is
 * required; one that is offered must be good too (Envoy's `require_client_certificate: false`).
 */
export function clientRefusal(tls: ServerTls, socket: TLSSocket): string | undefined {
  const offered = socket.getPeerX509Certificate() !== undefined;
  if (!offered) return tls.requireClientCertificate ? 'the client sent no certificate' : undefined;
  if (tls.clientAuthorityPem === undefined || socket.authorized) return undefined;
  return String(socket.authorizationError ?? 'the client certificate was not verified');
}

function contextOptions(tls: ServerTls, certificate: CertificatePair, wantsClientCertificate: boolean) {
  return {
    cert: certificate.chainPem,
    key: certificate.privateKeyPem,
    ...(tls.clientAuthorityPem === undefined ? {} : { ca: tls.clientAuthorityPem }),
    minVersion: tls.minVersion ?? 'TLSv1.2',
    maxVersion: tls.maxVersion ?? 'TLSv1.3',
    ciphers: cipherSuites,
    honorCipherOrder: true,
    // A resumed session would bring back a client that today's authorities may not accept any more.
    secureOptions: wantsClientCertificate ? constants.SSL_OP_NO_TICKET : 0,
  } as const;
}

/** The certificates of a listener by the names they are for. */
class ServerContexts {
  readonly #byName = new Map<string, SecureContext>();

  constructor(tls: ServerTls, wantsClientCertificate: boolean) {
    if (tls.certificates.length < 2) return;
    for (const certificate of tls.certificates) {
      const context = createSecureContext(contextOptions(tls, certificate, wantsClientCertificate));
      for (const entry of subjectAltNames(new X509Certificate(certificate.chainPem).raw)) {
        if (!entry.startsWith('DNS:')) continue;
        const name = entry.slice(4).toLowerCase();
        if (!this.#byName.has(name)) this.#byName.set(name, context);
      }
    }
  }

  /** The exact name goes before a wildcard of one label. Undefined: the first certificate. */
  select(serverName: string): SecureContext | undefined {
    const name = serverName.toLowerCase();
    const dot = name.indexOf('.');
    return this.#byName.get(name) ?? (dot > 0 ? this.#byName.get(`*${name.slice(dot)}`) : undefined);
  }
}
