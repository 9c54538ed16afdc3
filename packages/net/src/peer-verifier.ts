import { createHash, type X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { PeerCheck, PeerVerification } from '@sofamesh/contract/transport';
import { certificatesIn, isTrustedButForDates, type PeerRole } from './dateless-chain.ts';
import { certificateKey } from './der.ts';
import { compileNameMatch, type NameMatch } from './name-match.ts';
import { subjectAltNames } from './subject-alt-names.ts';

/** Why a peer is not let in. */
export interface PeerRefusal {
  readonly check: PeerCheck;
  readonly reason: string;
}

/** What a handshake told of the peer. */
export interface PeerEvidence {
  readonly certificate: X509Certificate | undefined;
  /** OpenSSL's complaint about the chain, by its code; undefined: none. Of a resumed session that of its first handshake. */
  readonly chainError: string | undefined;
  /** The chain was not shown again. */
  readonly resumed: boolean;
  /** Authorities of the chain, the trusted one included; 0 where the rules do not count them. */
  readonly authorities: number;
}

/** Judges peers by one set of rules. */
export class PeerVerifier {
  readonly #rules: PeerVerification;
  readonly #names: readonly NameMatch[];
  readonly #hashes: ReadonlySet<string>;
  readonly #keys: ReadonlySet<string>;
  readonly #role: PeerRole;
  #authorities: readonly X509Certificate[] | undefined = undefined;

  /** `role`: of the peer. Throws a CodedError where a name's regular expression cannot be used. */
  constructor(rules: PeerVerification, role: PeerRole) {
    this.#rules = rules;
    this.#role = role;
    this.#names = (rules.subjectAltNames ?? []).map(compileNameMatch);
    this.#hashes = new Set(rules.certificateSha256);
    this.#keys = new Set(rules.spkiSha256);
  }

  /** Whether the length of a chain matters. */
  get countsAuthorities(): boolean {
    return this.#rules.authoritiesMax !== undefined;
  }

  /** Whether there is anything that a certificate could be judged by. */
  get hasRules(): boolean {
    return this.#rules.authorityPem !== undefined || this.#hashes.size > 0 || this.#keys.size > 0;
  }

  /** Undefined: the peer may be let in. A peer without a certificate is refused. */
  refusal(evidence: PeerEvidence): PeerRefusal | undefined {
    const { certificate } = evidence;
    if (certificate === undefined) return { check: 'no-certificate', reason: 'the peer sent no certificate' };
    return this.#rules.acceptUntrusted ? undefined : this.#badCertificate(certificate, evidence);
  }

  /** Whether a certificate that was let in has kept all rules, with an authority among them. */
  verified(evidence: PeerEvidence): boolean {
    const { certificate } = evidence;
    if (this.#rules.authorityPem === undefined || certificate === undefined) return false;
    return !this.#rules.acceptUntrusted || this.#badCertificate(certificate, evidence) === undefined;
  }

  #badCertificate(certificate: X509Certificate, evidence: PeerEvidence): PeerRefusal | undefined {
    return this.#badChain(certificate, evidence) ?? this.#badName(certificate) ?? this.#badHash(certificate);
  }

  #badChain(certificate: X509Certificate, evidence: PeerEvidence): PeerRefusal | undefined {
    const { authorityPem, authoritiesMax, allowExpired } = this.#rules;
    if (authorityPem === undefined) return undefined;
    const { chainError, resumed } = evidence;
    const ofDates = chainError === 'CERT_HAS_EXPIRED' || chainError === 'CERT_NOT_YET_VALID';
    const passed = allowExpired && ofDates && this.#isTrustedButForDates(authorityPem, certificate);
    if (chainError !== undefined && !passed) return { check: 'chain', reason: chainError };
    if (resumed) {
      const expired = Date.now() > certificate.validToDate.getTime();
      return expired ? { check: 'chain', reason: 'CERT_HAS_EXPIRED' } : undefined;
    }
    const tooLong = authoritiesMax !== undefined && evidence.authorities > authoritiesMax;
    return tooLong ? { check: 'chain', reason: 'CERT_CHAIN_TOO_LONG' } : undefined;
  }

  #isTrustedButForDates(authorityPem: string, certificate: X509Certificate): boolean {
    this.#authorities ??= certificatesIn(authorityPem);
    return isTrustedButForDates(certificate, this.#authorities, this.#role);
  }

  #badName({ raw }: X509Certificate): PeerRefusal | undefined {
    if (this.#names.length === 0) return undefined;
    const names = subjectAltNames(raw);
    if (names.some((name) => this.#names.some((matches) => matches(name)))) return undefined;
    return { check: 'name', reason: `none of the peer's names is wanted: ${names.join(', ') || 'it has none'}` };
  }

  #badHash({ raw }: X509Certificate): PeerRefusal | undefined {
    if (this.#hashes.size === 0 && this.#keys.size === 0) return undefined;
    if (this.#hashes.size > 0 && this.#hashes.has(createHash('sha256').update(raw).digest('hex'))) return undefined;
    const key = certificateKey(raw);
    const keyHash = createHash('sha256').update(key).digest('base64');
    if (key.length > 0 && this.#keys.has(keyHash)) return undefined;
    return { check: 'hash', reason: 'neither the certificate nor its key is one of those that are pinned' };
  }
}

/** What a socket tells after a handshake of its peer's certificate, as far as `verifier` wants to know. */
export function evidenceOf(socket: TLSSocket, verifier: PeerVerifier | undefined): PeerEvidence {
  // Asked first: Node 24 forgets the chain with the first look at the certificate alone.
  const authorities = verifier?.countsAuthorities ? authoritiesOf(socket.getPeerCertificate(true)) : 0;
  return {
    certificate: socket.getPeerX509Certificate(),
    chainError: socket.authorized ? undefined : String(socket.authorizationError ?? 'not verified'),
    resumed: socket.isSessionReused(),
    authorities,
  };
}

/** Of a chain that was verified, so it ends: OpenSSL follows no more than a hundred. A root is its own issuer. */
function authoritiesOf(leaf: DetailedPeerCertificate): number {
  let count = 0;
  for (let at = leaf; at.issuerCertificate !== undefined && at.issuerCertificate !== at; at = at.issuerCertificate) {
    count++;
  }
  return count;
}
