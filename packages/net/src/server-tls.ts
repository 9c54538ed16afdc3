import { constants, createHash, X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import type { ClientHello } from '@sofamesh/base/client-hello';
import { CodedError } from '@sofamesh/base/errors';
import type { ServerCertificate, ServerTls } from '@sofamesh/contract/transport';
import { allowPartialChains, useTicketKeys } from './context-handle.ts';
import { carrierOf } from './descriptor.ts';
import { KeyLogger } from './key-log.ts';
import { type OcspStatus, readOcspStatus } from './ocsp-staple.ts';
import { PeerVerifier } from './peer-verifier.ts';
import { ContentCache, contextOptions, tlsProblem } from './secure-context.ts';
import { ServerNames } from './server-names.ts';
import { codeOf } from './system-error.ts';

const handshakeTimeoutMsDefault = 10_000;
const sessionTimeoutSDefault = 300;

/** What a handshake is told by Node's TLS: one of the two, once. */
export interface HandshakeOutcome {
  secured(socket: TLSSocket): void;
  failed(reason: string, socket: TLSSocket): void;
  keys(line: Buffer): void;
}

/** Who waits for what becomes of a socket that was handed to Node's TLS. */
const outcomes = new WeakMap<Socket, HandshakeOutcome>();

/** Hands a socket to one of {@link ServerContexts.serverFor}; its unread bytes are those of the client's hello. */
export function shakeHands(server: Server, carrier: Socket, outcome: HandshakeOutcome): void {
  outcomes.set(carrier, outcome);
  server.emit('connection', carrier);
}

/** A certificate that can be shown, or several of different kinds of keys of which OpenSSL picks one. */
interface Showable {
  readonly certificates: readonly ServerCertificate[];
  readonly isElliptic: boolean;
  readonly staple: { readonly response: Buffer; readonly status: OcspStatus } | undefined;
}

const compiled = new WeakMap<ServerTls, ServerContexts>();
const servers = new ContentCache<Server>();

/** The server's side of TLS, ready for handshakes. */
export class ServerContexts {
  readonly handshakeTimeoutMs: number;
  readonly verifier: PeerVerifier;
  readonly requiresCertificate: boolean;
  readonly keyLogger: KeyLogger | undefined;
  readonly #tls: ServerTls;
  readonly #names: ServerNames<readonly Showable[]>;
  readonly #servers = new Map<Showable, { readonly plain?: Server; readonly alpn?: Server }>();

  /** Throws a CodedError where a certificate, key or name cannot be used. */
  static of(tls: ServerTls): ServerContexts {
    let contexts = compiled.get(tls);
    if (contexts === undefined) {
      contexts = new ServerContexts(tls);
      compiled.set(tls, contexts);
    }
    return contexts;
  }

  private constructor(tls: ServerTls) {
    if (tls.secretsMissing) throw new CodedError('secrets_not_ready', 'its secrets have not come yet');
    if (tls.certificates.length === 0) throw new CodedError('EINVAL', 'a TLS server needs a certificate');
    this.#tls = tls;
    this.handshakeTimeoutMs = tls.handshakeTimeoutMs ?? handshakeTimeoutMsDefault;
    this.verifier = new PeerVerifier(tls.verification ?? {}, 'client');
    this.requiresCertificate = tls.requireClientCertificate === true;
    this.keyLogger = tls.keyLog === undefined ? undefined : new KeyLogger(tls.keyLog);
    this.#names = new ServerNames(tls.certificates, showables);
    // A key that does not fit its certificate is told now and not to the first client.
    const withAlpn = (tls.alpn?.length ?? 0) > 0;
    for (const group of this.#names.groups) for (const showable of group) this.#serverOf(showable, withAlpn);
  }

  /** The server for this client, or why there is none. */
  serverFor(hello: ClientHello): Server | string {
    const { requireServerName = false, ocspPolicy = 'lenient', alpn = [] } = this.#tls;
    if (requireServerName && hello.serverName === '') return 'the client names no server';
    const group = this.#names.select(hello.serverName);
    const showable = group.find(({ isElliptic }) => !isElliptic || acceptsElliptic(hello)) ?? group[0]!;
    if (hello.wantsStaple && ocspPolicy !== 'lenient' && !hasValidStaple(showable)) {
      if (ocspPolicy === 'must' || showable.staple !== undefined) return 'the certificate has no valid OCSP staple';
    }
    // A client none of whose protocols is ours goes on without one, as with Envoy; OpenSSL would refuse it.
    return this.#serverOf(
      showable,
      alpn.some((protocol) => hello.alpn.includes(protocol)),
    );
  }

  #serverOf(showable: Showable, withAlpn: boolean): Server {
    const known = this.#servers.get(showable) ?? {};
    const kind = withAlpn ? 'alpn' : 'plain';
    const found = known[kind];
    if (found !== undefined) return found;
    const options = this.#options(showable, withAlpn);
    const { keyLog, olderTicketKeys } = this.#tls;
    const content = { options, staple: showable.staple?.response, keyLog: keyLog !== undefined, olderTicketKeys };
    const server = servers.get(content, () => this.#createServer(options, showable));
    this.#servers.set(showable, { ...known, [kind]: server });
    return server;
  }

  #options({ certificates }: Showable, withAlpn: boolean): TlsOptions {
    const tls = this.#tls;
    const { verification, alpn = [] } = tls;
    const ticketKey = usesTickets(tls) ? tls.ticketKey : undefined;
    const requireClientCertificate = this.requiresCertificate;
    const shared = contextOptions(tls, certificates);
    return {
      ...shared,
      honorCipherOrder: true,
      // As Envoy: without anything that it could be judged by, nobody's certificate is asked for.
      requestCert: this.verifier.hasRules || requireClientCertificate,
      // Where OpenSSL may refuse a client by itself, the client is told why by an alert.
      rejectUnauthorized:
        requireClientCertificate &&
        verification?.authorityPem !== undefined &&
        verification.acceptUntrusted !== true &&
        verification.allowExpired !== true,
      ...(withAlpn && { ALPNProtocols: [...alpn] }),
      ...(ticketKey !== undefined && { ticketKeys: Buffer.from(ticketKey) }),
      sessionTimeout: tls.sessionTimeoutS ?? sessionTimeoutSDefault,
      // A session is bound to the rules under which its client was let in, and to who the server was.
      sessionIdContext: digest({ verification, requireClientCertificate, names: certificates.map(namesOf) }),
      secureOptions: (shared.secureOptions ?? 0) | (ticketKey === undefined ? constants.SSL_OP_NO_TICKET : 0),
      // Ours goes before it.
      handshakeTimeout: 2 * this.handshakeTimeoutMs + 1000,
      allowHalfOpen: true,
    };
  }

  #createServer(options: TlsOptions, { staple }: Showable): Server {
    let server: Server;
    try {
      server = createServer(options);
    } catch (thrown) {
      throw new CodedError('bad_certificate', tlsProblem(thrown), { cause: thrown });
    }
    allowPartialChains(server);
    const { ticketKey, olderTicketKeys = [] } = this.#tls;
    if (ticketKey !== undefined && olderTicketKeys.length > 0) useTicketKeys(server, [ticketKey, ...olderTicketKeys]);
    server.on('secureConnection', (socket) => {
      const carrier = carrierOf(socket);
      const outcome = outcomes.get(carrier);
      outcomes.delete(carrier);
      outcome?.secured(socket);
    });
    server.on('tlsClientError', (error, socket) => {
      outcomes.get(carrierOf(socket))?.failed(codeOf(error), socket);
    });
    if (this.keyLogger !== undefined) {
      server.on('keylog', (line, socket) => outcomes.get(carrierOf(socket))?.keys(line));
    }
    if (staple !== undefined) {
      server.on('OCSPRequest', (_certificate, _issuer, answer) => {
        answer(null, Date.now() < staple.status.validToMs ? staple.response : Buffer.alloc(0));
      });
    }
    return server;
  }
}

/** Dates that do not matter are a matter of the whole chain, which a resumed session does not show again. */
function usesTickets({ verification }: ServerTls): boolean {
  return verification?.allowExpired !== true;
}

function hasValidStaple({ staple }: Showable): boolean {
  return staple !== undefined && Date.now() < staple.status.validToMs;
}

/** ECDSA and EdDSA schemes (RFC 8446 §4.2.3). */
const ellipticSchemes: ReadonlySet<number> = new Set([0x0403, 0x0503, 0x0603, 0x0807, 0x0808]);

function acceptsElliptic({ signatureSchemes }: ClientHello): boolean {
  return signatureSchemes.some((scheme) => ellipticSchemes.has(scheme));
}

/**
 * What can be shown for one name: the first certificate of each kind of key. Those without OCSP staples go together and
 * OpenSSL picks; with one, who picks must know which it is.
 */
function showables(certificates: readonly ServerCertificate[]): readonly Showable[] {
  const firsts = new Map<string, ServerCertificate>();
  for (const certificate of certificates) {
    const kind = leafOf(certificate).publicKey.asymmetricKeyType ?? '';
    if (!firsts.has(kind)) firsts.set(kind, certificate);
  }
  const list = [...firsts].map(([kind, certificate]) => ({
    certificates: [certificate],
    isElliptic: kind !== 'rsa' && kind !== 'rsa-pss',
    staple: stapleOf(certificate),
  }));
  if (list.every(({ staple }) => staple === undefined)) {
    return [{ certificates: [...firsts.values()], isElliptic: false, staple: undefined }];
  }
  // As Envoy, a client that can is shown an elliptic key.
  return list.sort((a, b) => Number(b.isElliptic) - Number(a.isElliptic));
}

function stapleOf(certificate: ServerCertificate): Showable['staple'] {
  if (certificate.ocspStaple === undefined) return undefined;
  const response = Buffer.from(certificate.ocspStaple);
  const status = readOcspStatus(response);
  if (status === undefined) throw new CodedError('bad_staple', 'the OCSP staple is no response for one certificate');
  if (
    status.serialHex !==
    leafOf(certificate)
      .serialNumber.toLowerCase()
      .replace(/^(?:00)+/, '')
  ) {
    throw new CodedError('bad_staple', 'the OCSP staple is for another certificate');
  }
  return { response, status };
}

function leafOf({ chainPem }: ServerCertificate): X509Certificate {
  try {
    return new X509Certificate(chainPem);
  } catch (thrown) {
    throw new CodedError('bad_certificate', tlsProblem(thrown), { cause: thrown });
  }
}

function namesOf(certificate: ServerCertificate): readonly (string | undefined)[] {
  const { subject, subjectAltName } = leafOf(certificate);
  return [subject, subjectAltName];
}

/** OpenSSL takes no more than 32 characters. */
function digest(content: object): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32);
}
