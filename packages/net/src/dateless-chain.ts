import { X509Certificate } from 'node:crypto';
import {
  certificateExtension,
  certificateExtensions,
  derElements,
  firstDer,
  objectIdentifierTag,
  sequenceTag,
} from './der.ts';

/** What the peer is: its certificate must be good for that. */
export type PeerRole = 'client' | 'server';

/** Certificates above the leaf that are looked at; a real chain has three. */
const issuersMax = 10;

const extendedUses: Readonly<Record<PeerRole, string>> = {
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
};
/** Of the extension's first byte: digital signature and key agreement; for servers key encipherment, too. */
const keyUses: Readonly<Record<PeerRole, number>> = { client: 0x88, server: 0xa8 };

const integerTag = 0x02;
const bitStringTag = 0x03;
const booleanTag = 0x01;
/** 2.5.29, under which X.509 has its extensions. */
const standardExtensions = Buffer.from([0x55, 0x1d]);
const basicConstraints = Buffer.from([0x55, 0x1d, 0x13]);
const keyUsage = Buffer.from([0x55, 0x1d, 0x0f]);
/** Critical extensions that are looked at, here or by OpenSSL after dates: key usages, names, constraints, policies. */
const knownExtensions: ReadonlySet<number> = new Set([15, 17, 19, 30, 32, 33, 36, 37, 54]);
/** Signatures with MD5 and SHA-1, which nobody should trust. */
const brokenSignatures: ReadonlySet<string> = new Set([
  '2a864886f70d010104',
  '2a864886f70d010105',
  '2a8648ce3d0401',
  '2a8648ce380403',
]);
const rsaBitsMin = 2048;
const ellipticBitsMin = 224;

/**
 * Whether a chain leads to one of the authorities when dates are left aside. OpenSSL tells one complaint alone, its last, and
 * dates come after signatures, uses and constraints (not names): so those are looked at here (RFC 5280 §6.1). Revocation
 * is not.
 */
export function isTrustedButForDates(
  leaf: X509Certificate,
  authorities: readonly X509Certificate[],
  role: PeerRole,
): boolean {
  let certificate = leaf;
  if (!isFitLeaf(leaf, role)) return false;
  for (let below = 0; below < issuersMax; below++) {
    if (!isSound(certificate, role)) return false;
    const anchor = authorities.find((each) => each.raw.equals(certificate.raw) || hasIssued(each, certificate, below));
    if (anchor !== undefined) return isSound(anchor, role);
    const issuer = certificate.issuerCertificate;
    if (issuer === undefined || !hasIssued(issuer, certificate, below)) return false;
    certificate = issuer;
  }
  return false;
}

const authorityPattern =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

export function certificatesIn(pem: string): X509Certificate[] {
  return (pem.match(authorityPattern) ?? []).map((each) => new X509Certificate(each));
}

/** `below`: certificates between the issuer and the leaf. */
function hasIssued(issuer: X509Certificate, certificate: X509Certificate, below: number): boolean {
  if (!issuer.ca || !certificate.checkIssued(issuer)) return false;
  const constraints = firstDer(certificateExtension(issuer.raw, basicConstraints) ?? Buffer.alloc(0), sequenceTag);
  const length = firstDer(constraints, integerTag);
  if (length.length > 0 && below > length.readUIntBE(0, Math.min(length.length, 6))) return false;
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

function isFitLeaf({ raw }: X509Certificate, role: PeerRole): boolean {
  const usage = certificateExtension(raw, keyUsage);
  if (usage === undefined) return true;
  // After the number of bits that are not used.
  const bits = firstDer(usage, bitStringTag)[1] ?? 0;
  return (bits & keyUses[role]) !== 0;
}

/** What holds for each certificate of a chain. */
function isSound(certificate: X509Certificate, role: PeerRole): boolean {
  const uses: readonly string[] | undefined = certificate.keyUsage;
  if (uses !== undefined && !uses.includes(extendedUses[role])) return false;
  return hasStrongKey(certificate) && !hasBrokenSignature(certificate) && !hasUnknownDemands(certificate);
}

function hasStrongKey({ publicKey }: X509Certificate): boolean {
  const { modulusLength, namedCurve } = publicKey.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined) return modulusLength >= rsaBitsMin;
  if (namedCurve === undefined) return true;
  const bits = /(\d{3})/.exec(namedCurve)?.[1];
  return bits === undefined || Number(bits) >= ellipticBitsMin;
}

/** Nobody verifies a root's own signature. */
function hasBrokenSignature({ raw, subject, issuer }: X509Certificate): boolean {
  const [, algorithm] = [...derElements(firstDer(raw, sequenceTag))];
  const id = firstDer(algorithm?.content ?? Buffer.alloc(0), objectIdentifierTag).toString('hex');
  return subject !== issuer && brokenSignatures.has(id);
}

/** A critical extension that nobody here understands. */
function hasUnknownDemands({ raw }: X509Certificate): boolean {
  for (const extension of certificateExtensions(raw)) {
    const id = firstDer(extension, objectIdentifierTag);
    const critical = [...derElements(extension)].some(({ tag, content }) => tag === booleanTag && content[0] !== 0);
    if (!critical) continue;
    const isStandard = id.length === 3 && id.subarray(0, 2).equals(standardExtensions);
    if (!isStandard || !knownExtensions.has(id[2]!)) return true;
  }
  return false;
}
