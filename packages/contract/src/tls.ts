/** What both ends of TLS can be told; plain data, so that it can be posted to a worker. */
interface TlsParameters {
  readonly alpn?: readonly string[];
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL's names, of TLS 1.2; those of TLS 1.3 are fixed. Default: forward secrecy and AEAD only. */
  readonly cipherSuites?: readonly string[];
  /** The preferred one first. Default X25519, P-256, as Envoy's. */
  readonly curves?: readonly string[];
  readonly signatureAlgorithms?: readonly string[];
  /** Undefined: a peer's certificate is not verified. */
  readonly verification?: PeerVerification;
  /** Writes the secrets of sessions to a file. */
  readonly keyLog?: KeyLog;
  /** Certificates or rules that were to come from elsewhere have not come: every handshake fails (`secrets_not_ready`). */
  readonly secretsMissing?: true;
}

/** The server's side of TLS. The same object for many connections is compiled once. */
export interface ServerTls extends TlsParameters {
  /** The server name, then the client's key types pick one; the first is for clients that no name fits. */
  readonly certificates: readonly ServerCertificate[];
  /** A certificate that is offered is verified in any case. */
  readonly requireClientCertificate?: boolean;
  /** A client without a server name is refused. */
  readonly requireServerName?: boolean;
  /** From the first byte on. Default 10 s. */
  readonly handshakeTimeoutMs?: number;
  /**
   * 48 bytes that session tickets are sealed with; the same in every worker. A ticket is only good under the
   * verification rules that it was made under. Undefined: no session is resumed.
   */
  readonly ticketKey?: Uint8Array;
  /** Keys that tickets are still opened with. */
  readonly olderTicketKeys?: readonly Uint8Array[];
  /** Age at which a session is resumed no more. Default 300 s. */
  readonly sessionTimeoutS?: number;
  /**
   * What becomes of a certificate without a valid OCSP staple (Envoy's `ocsp_staple_policy`): `lenient` goes on without,
   * `strict` refuses one whose staple has expired, `must` every one without a valid staple. Default `lenient`.
   */
  readonly ocspPolicy?: 'lenient' | 'strict' | 'must';
}

/** The client's side of TLS. */
export interface ClientTls extends TlsParameters {
  /** Sent as SNI. */
  readonly serverName?: string;
  readonly certificate?: CertificatePair;
  /** Sessions that are kept to be resumed. Default 1, Envoy's `max_session_keys`; 0: none is resumed. */
  readonly sessionsMax?: number;
}

export interface CertificatePair {
  /** The certificate itself, then intermediate ones. */
  readonly chainPem: string;
  readonly privateKeyPem: string;
  /** File of the chain, for administration; absent: it came otherwise. */
  readonly chainPath?: string;
  /** Of the secret, for metrics and administration. */
  readonly name?: string;
  /** Milliseconds since 1970 at which the certificate expires. */
  readonly expiresMs?: number;
}

export interface ServerCertificate extends CertificatePair {
  /** An OCSP response (DER) for the certificate. */
  readonly ocspStaple?: Uint8Array;
}

/** Who a peer must be; every rule that is given must hold. A resumed session is judged by today's rules, too. */
export interface PeerVerification {
  /** PEM of the authorities that are trusted. Undefined: the chain is not verified. */
  readonly authorityPem?: string;
  /** Its file, for administration; absent: it came otherwise. */
  readonly authorityPath?: string;
  /** PEM of revocation lists: one for each authority in a peer's chain. */
  readonly crlPem?: string;
  /** A peer whose certificate fails one of these rules is let in all the same, as not verified. */
  readonly acceptUntrusted?: boolean;
  /** Certificates of a chain may have expired, or not be valid yet. Not with `crlPem`; no session is resumed. */
  readonly allowExpired?: boolean;
  /** Authorities that a peer's chain may have, the trusted one included. Default 100, as Envoy's `max_verify_depth`. */
  readonly authoritiesMax?: number;
  /** One of them must match one name of the peer's certificate. */
  readonly subjectAltNames?: readonly SubjectAltNameMatch[];
  /**
   * SHA-256 of the peer's certificate (hex, lower case) or of its public key (`spkiSha256`, base64): one of all that are
   * given must be the peer's.
   */
  readonly certificateSha256?: readonly string[];
  readonly spkiSha256?: readonly string[];
}

export interface SubjectAltNameMatch {
  /** Undefined: a name of any kind. */
  readonly type?: 'DNS' | 'URI' | 'EMAIL' | 'IP';
  /**
   * `regex` matches the whole name by RE2's rules. An `exact` match of type `DNS` is met by a certificate's wildcard
   * (`*.example.com` for `a.example.com`).
   */
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains' | 'regex';
  readonly value: string;
  readonly ignoreCase?: boolean;
}

/** NSS key log format; whoever has the file can read all that was said. */
export interface KeyLog {
  readonly path: string;
  /** Ranges (`10.0.0.0/8`) that the connection's addresses must be in; empty: any. */
  readonly localRanges: readonly string[];
  readonly remoteRanges: readonly string[];
}

/** What is known of a TLS session. */
export interface TlsSession {
  readonly alpn: string | undefined;
  readonly serverName: string | undefined;
  readonly version: string;
  /** `URI:…`, `DNS:…` entries of the peer's certificate; empty without one. */
  readonly peerSubjectAltNames: readonly string[];
  /** OpenSSL's name of the cipher suite; absent where the transport does not tell, as all that follows. */
  readonly cipher?: string;
  /** Of the key exchange; only the client's end knows. */
  readonly curve?: string | undefined;
  /** The handshake went on with an earlier session. */
  readonly resumed?: boolean;
  /** Absent, too, where the peer sent none. */
  readonly peerCertificate?: PeerCertificate;
  /** What this end showed; undefined without one, or when the connection is gone and nobody has asked before. */
  readonly localCertificate?: CertificateFacts | undefined;
}

/** Of a certificate. Everything is worked out when it is asked for. */
export interface CertificateFacts {
  /** SHA-256 of the certificate, lower case. */
  readonly sha256Hex: string;
  readonly sha1Hex: string;
  /** As RFC 2253 writes names: `CN=client,OU=mesh`. */
  readonly subject: string;
  readonly issuer: string;
  readonly serialHex: string;
  /** As `TlsSession.peerSubjectAltNames`. */
  readonly subjectAltNames: readonly string[];
  readonly validFromMs: number;
  readonly validToMs: number;
  pem(): string;
}

export interface PeerCertificate extends CertificateFacts {
  /** Its chain leads to a trusted authority, and it has kept the other rules. */
  readonly verified: boolean;
  /** It and the intermediate ones that the peer sent; it alone when the connection is gone and nobody has asked before. */
  chainPem(): string;
}

/** Which check of a peer's certificate failed. */
export type PeerCheck = 'no-certificate' | 'chain' | 'name' | 'hash';
