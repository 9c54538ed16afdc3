import { X509Certificate } from 'node:crypto';
import type { CertificateFacts, PeerCertificate } from '@sofamesh/contract/transport';
import { subjectAltNames } from './subject-alt-names.ts';

/**
 * A certificate, read where it is asked for. Until then only its bytes are kept: parsed it takes many kilobytes, which each
 * of thousands of idle connections would have.
 */
export class LazyCertificateFacts implements CertificateFacts {
  readonly #raw: Buffer;
  #parsed: X509Certificate | undefined = undefined;
  #names: readonly string[] | undefined = undefined;

  constructor(raw: Buffer) {
    this.#raw = raw;
  }

  get #certificate(): X509Certificate {
    this.#parsed ??= new X509Certificate(this.#raw);
    return this.#parsed;
  }

  get sha256Hex(): string {
    return this.#certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  }

  get sha1Hex(): string {
    return this.#certificate.fingerprint.replaceAll(':', '').toLowerCase();
  }

  get subject(): string {
    return distinguishedName(this.#certificate.subject);
  }

  get issuer(): string {
    return distinguishedName(this.#certificate.issuer);
  }

  get serialHex(): string {
    return this.#certificate.serialNumber.toLowerCase();
  }

  get subjectAltNames(): readonly string[] {
    this.#names ??= subjectAltNames(this.#raw);
    return this.#names;
  }

  get validFromMs(): number {
    return this.#certificate.validFromDate.getTime();
  }

  get validToMs(): number {
    return this.#certificate.validToDate.getTime();
  }

  pem(): string {
    return this.#certificate.toString();
  }
}

/** Certificates of a chain that are written out. */
const chainCertificatesMax = 16;

export class LazyPeerCertificate extends LazyCertificateFacts implements PeerCertificate {
  readonly verified: boolean;
  readonly #shown: () => X509Certificate | undefined;
  #chainPem: string | undefined = undefined;

  /** `shown`: the certificate with those above it, for as long as the connection knows them. */
  constructor(raw: Buffer, verified: boolean, shown: () => X509Certificate | undefined) {
    super(raw);
    this.verified = verified;
    this.#shown = shown;
  }

  chainPem(): string {
    const leaf = this.#shown();
    if (this.#chainPem === undefined && leaf !== undefined) this.#chainPem = chainOf(leaf);
    return this.#chainPem ?? this.pem();
  }
}

/** Without the root, which peers do not send; Node adds it where it knows it. */
function chainOf(leaf: X509Certificate): string {
  let pem = leaf.toString();
  let above = leaf.issuerCertificate;
  for (let count = 1; above !== undefined && count < chainCertificatesMax && !isRoot(above); count++) {
    pem += above.toString();
    above = above.issuerCertificate;
  }
  return pem;
}

function isRoot({ subject, issuer }: X509Certificate): boolean {
  return subject === issuer;
}

/**
 * A name in the form of RFC 2253, from Node's: an attribute a line, escaped as RFC 2253 has it but for what is not ASCII,
 * and in the order of the certificate. Several attributes of one level are joined by ` + `.
 */
function distinguishedName(lines: string): string {
  return lines
    .split('\n')
    .filter(Boolean)
    .reverse()
    .join(',')
    .replaceAll(' + ', '+')
    .replace(/[^\x20-\x7e]/gu, escaped);
}

function escaped(character: string): string {
  return [...Buffer.from(character)].map((byte) => `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}
