import { constants, createHash } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import { messageOf } from '@sofamesh/base/errors';
import type { CertificatePair, ClientTls, ServerTls } from '@sofamesh/contract/transport';

/**
 * TLS 1.2 suites with forward secrecy and authenticated encryption, as Envoy's defaults. The older ones that Node adds can
 * be attacked through their padding.
 */
const suitesDefault = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
];
/** Those of TLS 1.3, which is not to be configured otherwise. */
const modernSuites = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
const curvesDefault = ['X25519', 'P-256'];

/** One by one: Node 24 reads no more than the first of a text. */
function listsIn(crlPem: string): string[] {
  return crlPem.match(/-----BEGIN X509 CRL-----[\s\S]*?-----END X509 CRL-----/g) ?? [crlPem];
}

/** The part of Node's options that both sides and all certificates share. */
export function contextOptions(
  tls: ServerTls | ClientTls,
  certificates: readonly CertificatePair[],
): SecureContextOptions {
  const { verification, cipherSuites, curves, signatureAlgorithms } = tls;
  return {
    ...(certificates.length > 0 && {
      cert: certificates.map(({ chainPem }) => chainPem),
      key: certificates.map(({ privateKeyPem }) => privateKeyPem),
    }),
    ...(verification?.authorityPem !== undefined && { ca: verification.authorityPem }),
    ...(verification?.crlPem !== undefined && { crl: listsIn(verification.crlPem) }),
    // A trusted authority need not be a root, as in Envoy.
    allowPartialTrustChain: true,
    minVersion: tls.minVersion ?? 'TLSv1.2',
    maxVersion: tls.maxVersion ?? 'TLSv1.3',
    ciphers: [...modernSuites, ...(cipherSuites ?? suitesDefault)].join(':'),
    ecdhCurve: (curves ?? curvesDefault).join(':'),
    ...(signatureAlgorithms !== undefined && { sigalgs: signatureAlgorithms.join(':') }),
    // As in Envoy, unless it is told otherwise.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}

/**
 * Things made of plain data, kept by its content while somebody uses them: configuration arrives as new objects with every
 * update, and hundreds of clusters have the same certificate and authorities, which take milliseconds to read.
 */
export class ContentCache<Made extends object> {
  readonly #made = new Map<string, WeakRef<Made>>();
  readonly #forget = new FinalizationRegistry<string>((key) => {
    if (this.#made.get(key)?.deref() === undefined) this.#made.delete(key);
  });

  get(content: object, make: () => Made): Made {
    const key = createHash('sha256').update(JSON.stringify(content, bytesAsHex)).digest('base64');
    const found = this.#made.get(key)?.deref();
    if (found !== undefined) return found;
    const made = make();
    this.#made.set(key, new WeakRef(made));
    this.#forget.register(made, key);
    return made;
  }
}

function bytesAsHex(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}

/** The message of an error of Node's TLS, without the text that it could not read. */
export function tlsProblem(thrown: unknown): string {
  return messageOf(thrown).split('\n')[0] ?? '';
}
