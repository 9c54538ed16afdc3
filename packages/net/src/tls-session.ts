import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { CertificateFacts, PeerCertificate, TlsSession } from '@sofamesh/contract/transport';
import { LazyCertificateFacts, LazyPeerCertificate } from './certificate-facts.ts';

/** An established session. Holds no more than what a closed socket does not tell any longer. */
export class NodeTlsSession implements TlsSession {
  readonly alpn: string | undefined;
  readonly serverName: string | undefined;
  readonly version: string;
  readonly cipher: string;
  readonly resumed: boolean;
  readonly peerCertificate?: PeerCertificate;
  readonly #socket: TLSSocket;
  #local: CertificateFacts | undefined = undefined;
  #curve: string | undefined = undefined;

  /** `serverName` is the client's wish. `verified`: the peer's chain leads to a trusted authority. */
  constructor(
    socket: TLSSocket,
    serverName: string | undefined,
    certificate: X509Certificate | undefined,
    verified: boolean,
  ) {
    this.#socket = socket;
    this.alpn = socket.alpnProtocol || undefined;
    this.serverName = serverName?.toLowerCase();
    this.version = socket.getProtocol() ?? '';
    this.cipher = socket.getCipher()?.name ?? '';
    this.resumed = socket.isSessionReused();
    if (certificate !== undefined) {
      this.peerCertificate = new LazyPeerCertificate(certificate.raw, verified, () => socket.getPeerX509Certificate());
    }
  }

  get peerSubjectAltNames(): readonly string[] {
    return this.peerCertificate?.subjectAltNames ?? [];
  }

  get curve(): string | undefined {
    if (this.#curve === undefined) {
      const info: { readonly name?: unknown } | null = this.#socket.getEphemeralKeyInfo();
      if (typeof info?.name === 'string') this.#curve = info.name;
    }
    return this.#curve;
  }

  get localCertificate(): CertificateFacts | undefined {
    const certificate = this.#local === undefined ? this.#socket.getX509Certificate() : undefined;
    if (certificate !== undefined) this.#local = new LazyCertificateFacts(certificate.raw);
    return this.#local;
  }
}
