import { X509Certificate } from 'node:crypto';
import {
  type CertificateValidationContext,
  CertificateValidationContext_TrustChainVerification as ChainVerification,
  SubjectAltNameMatcher_SanType as SanType,
  type SubjectAltNameMatcher,
} from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import type { StringMatcher } from '@sofamesh/api/gen/envoy/type/matcher/v3/string_pb';
import { messageOf } from '@sofamesh/base/errors';
import type { PeerVerification, SubjectAltNameMatch } from '@sofamesh/contract/transport';
import { checkNameMatch, systemAuthoritiesPem } from '@sofamesh/net/tls-check';
import { dataOf, FieldError, fileOf, mapAt, present, shown, snake } from './fields.ts';

/** What a peer would be let in without, were it ignored. */
const refused = ['caCertificateProviderInstance', 'customValidatorConfig'] as const;

/** Reads `CertificateValidationContext`. Throws a FieldError. */
export function readVerification(context: CertificateValidationContext, path: string): PeerVerification {
  for (const field of refused) {
    if (context[field] !== undefined) throw new FieldError(`${path}.${snake(field)}`, present, 'is not supported');
  }
  if (context.requireSignedCertificateTimestamp)
    throw new FieldError(`${path}.require_signed_certificate_timestamp`, true, 'is not supported');
  if (context.onlyVerifyLeafCertCrl)
    throw new FieldError(
      `${path}.only_verify_leaf_cert_crl`,
      true,
      'is not supported: give a revocation list for each authority',
    );
  const authorityPem = readAuthorities(context, path);
  const authorityPath = fileOf(context.trustedCa);
  const crlPem = dataOf(context.crl, `${path}.crl`);
  if (context.allowExpiredCertificate && crlPem !== undefined)
    throw new FieldError(
      `${path}.allow_expired_certificate`,
      true,
      'is not supported beside a crl: OpenSSL tells of one complaint alone',
    );
  const subjectAltNames = [
    ...mapAt(context.matchTypedSubjectAltNames, `${path}.match_typed_subject_alt_names`, readTypedName),
    ...mapAt(context.matchSubjectAltNames, `${path}.match_subject_alt_names`, readName),
  ];
  if (authorityPem === undefined) {
    // As Envoy: names in a certificate of which nobody knows who made it say nothing.
    if (subjectAltNames.length > 0)
      throw new FieldError(`${path}.trusted_ca`, undefined, 'is required where subject alternative names are matched');
    if (crlPem !== undefined) throw new FieldError(`${path}.trusted_ca`, undefined, 'is required where there is a crl');
  }
  const hashes = mapAt(context.verifyCertificateHash, `${path}.verify_certificate_hash`, readHash);
  const keys = mapAt(context.verifyCertificateSpki, `${path}.verify_certificate_spki`, readSpki);
  return {
    ...(authorityPem !== undefined && { authorityPem }),
    ...(authorityPath !== undefined && { authorityPath }),
    ...(crlPem !== undefined && { crlPem }),
    ...(context.trustChainVerification === ChainVerification.ACCEPT_UNTRUSTED && { acceptUntrusted: true }),
    ...(context.allowExpiredCertificate && { allowExpired: true }),
    ...(context.maxVerifyDepth !== undefined && { authoritiesMax: context.maxVerifyDepth }),
    ...(subjectAltNames.length > 0 && { subjectAltNames }),
    ...(hashes.length > 0 && { certificateSha256: hashes }),
    ...(keys.length > 0 && { spkiSha256: keys }),
  };
}

const pemPattern = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

function readAuthorities(context: CertificateValidationContext, path: string): string | undefined {
  const pem = dataOf(context.trustedCa, `${path}.trusted_ca`);
  if (pem === undefined) return context.systemRootCerts === undefined ? undefined : systemAuthoritiesPem();
  const certificates = pem.match(pemPattern) ?? [];
  if (certificates.length === 0) throw new FieldError(`${path}.trusted_ca`, shown('PEM'), 'holds no certificate');
  for (const [at, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate);
    } catch (thrown) {
      throw new FieldError(`${path}.trusted_ca`, shown(`certificate ${at + 1}`), messageOf(thrown), { cause: thrown });
    }
  }
  return pem;
}

const sanTypes: Readonly<Record<number, NonNullable<SubjectAltNameMatch['type']>>> = {
  [SanType.EMAIL]: 'EMAIL',
  [SanType.DNS]: 'DNS',
  [SanType.URI]: 'URI',
  [SanType.IP_ADDRESS]: 'IP',
};

function readTypedName({ sanType, matcher }: SubjectAltNameMatcher, path: string): SubjectAltNameMatch {
  const type = sanTypes[sanType];
  if (type === undefined) throw new FieldError(`${path}.san_type`, sanType, 'must be EMAIL, DNS, URI or IP_ADDRESS');
  return { type, ...readName(matcher, `${path}.matcher`) };
}

function readName(matcher: StringMatcher | undefined, path: string): SubjectAltNameMatch {
  const pattern = matcher?.matchPattern;
  switch (pattern?.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains':
      return { kind: pattern.case, value: pattern.value, ...(matcher?.ignoreCase && { ignoreCase: true }) };
    case 'safeRegex': {
      const match: SubjectAltNameMatch = { kind: 'regex', value: pattern.value.regex };
      try {
        checkNameMatch(match);
      } catch (thrown) {
        throw new FieldError(`${path}.safe_regex`, match.value, messageOf(thrown), { cause: thrown });
      }
      return match;
    }
    default:
      throw new FieldError(path, pattern?.case, 'must be exact, prefix, suffix, contains or safe_regex');
  }
}

/** 64 hexadecimal digits, with or without colons between the bytes. */
function readHash(hash: string, path: string): string {
  const digits = hash.replaceAll(':', '').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digits)) throw new FieldError(path, hash, 'must be a SHA-256 in hexadecimal digits');
  return digits;
}

function readSpki(hash: string, path: string): string {
  const bytes = Buffer.from(hash, 'base64');
  if (bytes.length !== 32) throw new FieldError(path, hash, 'must be a SHA-256 in base64');
  return bytes.toString('base64');
}
