import { createHash } from 'node:crypto';
import type {
  CertificatePair,
  ClientTls,
  CloseCause,
  PeerCertificate,
  PeerCheck,
  PeerVerification,
  ServerTls,
  SubjectAltNameMatch,
  TlsSession,
} from '@sofamesh/contract/transport';

const authorityLine = 'authority: ';

/**
 * A certificate of the simulated world, where PEM is replaced by readable text and keys need no hiding. `names` as in
 * `TlsSession.peerSubjectAltNames`: `DNS:…`, `URI:…`.
 */
export function simCertificate(authority: string, names: readonly string[]): CertificatePair {
  return { chainPem: [authorityLine + authority, ...names].join('\n'), privateKeyPem: 'simulated' };
}

/** What goes into `authorityPem`: these authorities are trusted. */
export function simAuthorities(...authorities: readonly string[]): string {
  return authorities.map((authority) => authorityLine + authority).join('\n');
}

function namesIn(chainPem: string): string[] {
  return chainPem.split('\n').filter((line) => line.startsWith('DNS:') || line.startsWith('URI:'));
}

function trusted(chainPem: string, authorityPem: string): boolean {
  const authorities = authorityPem.split('\n');
  return chainPem.split('\n').some((line) => line.startsWith(authorityLine) && authorities.includes(line));
}

export interface Refusal {
  readonly refusal: string;
  readonly check?: PeerCheck;
}

/** How a connection ends for it. */
export function tlsFailed({ refusal, check }: Refusal): CloseCause {
  return { kind: 'tls-failed', reason: refusal, ...(check !== undefined && { check }) };
}

export type ServerAnswer =
  | Refusal
  | {
      readonly refusal?: undefined;
      readonly server: TlsSession;
      readonly client: TlsSession;
      readonly chainPem: string;
    };

/** The server's half of a handshake: both sessions, or why it does not go on. */
export function answerHello(server: ServerTls, client: ClientTls): ServerAnswer {
  const { verification, requireClientCertificate = false } = server;
  const asksCertificate = requireClientCertificate || verification !== undefined;
  const offered = asksCertificate ? client.certificate?.chainPem : undefined;
  if (offered === undefined && requireClientCertificate) {
    return { refusal: 'the client sent no certificate', check: 'no-certificate' };
  }
  const refusal = offered === undefined ? undefined : judge(verification ?? {}, offered);
  if (refusal !== undefined) return refusal;
  const version = [server.maxVersion, client.maxVersion].includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3';
  if (version === 'TLSv1.2' && [server.minVersion, client.minVersion].includes('TLSv1.3')) {
    return { refusal: 'ERR_SSL_UNSUPPORTED_PROTOCOL' };
  }
  const serverName = client.serverName?.toLowerCase();
  const { chainPem } = select(server, serverName);
  const common = { alpn: server.alpn?.find((name) => client.alpn?.includes(name)), serverName, version };
  return {
    server: { ...common, ...peer(offered, verification) },
    client: { ...common, ...peer(chainPem, client.verification) },
    chainPem,
  };
}

/** Why the client does not accept the server, or undefined. */
export function judgeServer({ verification }: ClientTls, chainPem: string): Refusal | undefined {
  return verification === undefined ? undefined : judge(verification, chainPem);
}

function judge(rules: PeerVerification, chainPem: string): Refusal | undefined {
  const { authorityPem, acceptUntrusted = false, subjectAltNames = [] } = rules;
  if (authorityPem !== undefined && !acceptUntrusted && !trusted(chainPem, authorityPem)) {
    return { refusal: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', check: 'chain' };
  }
  const names = namesIn(chainPem);
  if (subjectAltNames.length === 0 || names.some((name) => subjectAltNames.some((match) => matches(match, name)))) {
    return undefined;
  }
  return { refusal: "none of the peer's names is wanted", check: 'name' };
}

/** Exact names and the like; the simulated world has no regular expressions. */
function matches({ type, kind, value }: SubjectAltNameMatch, entry: string): boolean {
  const name = entry.slice(4);
  if (type !== undefined && !entry.startsWith(`${type}:`)) return false;
  if (kind === 'prefix') return name.startsWith(value);
  if (kind === 'suffix') return name.endsWith(value);
  return kind === 'contains' ? name.includes(value) : name === value;
}

function peer(
  chainPem: string | undefined,
  rules: PeerVerification | undefined,
): Pick<TlsSession, 'peerSubjectAltNames' | 'peerCertificate'> {
  if (chainPem === undefined) return { peerSubjectAltNames: [] };
  const verified = rules?.authorityPem !== undefined && trusted(chainPem, rules.authorityPem);
  const peerCertificate: PeerCertificate = {
    verified,
    sha256Hex: createHash('sha256').update(chainPem).digest('hex'),
    sha1Hex: createHash('sha1').update(chainPem).digest('hex'),
    subject: 'CN=simulated',
    issuer: `CN=${chainPem.split('\n')[0]?.slice(authorityLine.length) ?? ''}`,
    serialHex: '01',
    subjectAltNames: namesIn(chainPem),
    validFromMs: 0,
    validToMs: Number.MAX_SAFE_INTEGER,
    pem: () => chainPem,
    chainPem: () => chainPem,
  };
  return { peerSubjectAltNames: peerCertificate.subjectAltNames, peerCertificate };
}

function select({ certificates }: ServerTls, serverName: string | undefined): CertificatePair {
  const wildcard = `*${serverName?.slice(serverName.indexOf('.'))}`;
  const holds = (name: string) => certificates.find(({ chainPem }) => namesIn(chainPem).includes(`DNS:${name}`));
  return holds(serverName ?? '') ?? holds(wildcard) ?? certificates[0]!;
}
