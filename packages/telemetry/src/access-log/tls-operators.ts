import { X509Certificate } from 'node:crypto';
import type { LogRecord } from '@sofamesh/contract/access-log';
import type { CertificateFacts } from '@sofamesh/contract/transport';
import type { Operator } from './operators.ts';
import { compileTime, isoTime } from './time-format.ts';

type Tls = NonNullable<LogRecord['downstream']['tls']>;

/** Kinds of names of a certificate, as operators and as `subjectAltNames` call them. */
const nameKinds = { URI: 'URI:', DNS: 'DNS:', IP: 'IP:', EMAIL: 'EMAIL:', OTHERNAME: 'OTHERNAME:' } as const;

/** What is known of the client's TLS session, under Envoy's names. */
export const tlsOperators: Readonly<Record<string, Operator>> = {
  DOWNSTREAM_TLS_CIPHER: ({ downstream }) => downstream.tls?.cipher || undefined,
  DOWNSTREAM_TLS_VERSION: ({ downstream }) => downstream.tls?.version,
  REQUESTED_SERVER_NAME: ({ downstream }) => downstream.requestedServerName ?? downstream.tls?.serverName,
  DOWNSTREAM_PEER_SUBJECT: ofPeer(({ subject }) => subject),
  DOWNSTREAM_PEER_ISSUER: ofPeer(({ issuer }) => issuer),
  DOWNSTREAM_PEER_SERIAL: ofPeer(({ serialHex }) => serialHex),
  DOWNSTREAM_PEER_FINGERPRINT_256: ofPeer(({ sha256Hex }) => sha256Hex),
  DOWNSTREAM_PEER_FINGERPRINT_1: ofPeer(({ sha1Hex }) => sha1Hex),
  DOWNSTREAM_PEER_CERT: ofPeer((certificate) => encodeURIComponent(certificate.pem())),
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256: ofChain((each) => hex(each.fingerprint256)),
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1: ofChain((each) => hex(each.fingerprint)),
  DOWNSTREAM_PEER_CHAIN_SERIALS: ofChain((each) => each.serialNumber.toLowerCase()),
  DOWNSTREAM_LOCAL_SUBJECT: ({ downstream }) => downstream.tls?.localCertificate?.subject,
  ...names('PEER', ({ peerSubjectAltNames }) => peerSubjectAltNames),
  ...names('LOCAL', ({ localCertificate }) => localCertificate?.subjectAltNames),
};

/** `%DOWNSTREAM_PEER_CERT_V_START(FORMAT)%` and `…_END`; undefined: `name` is neither. Throws a CodedError. */
export function compileValidity(name: string, format: string | undefined, where: string): Operator | undefined {
  const time =
    name === 'DOWNSTREAM_PEER_CERT_V_START'
      ? ({ validFromMs }: CertificateFacts) => validFromMs
      : name === 'DOWNSTREAM_PEER_CERT_V_END'
        ? ({ validToMs }: CertificateFacts) => validToMs
        : undefined;
  if (time === undefined) return undefined;
  const print = format ? compileTime(format, where) : isoTime;
  return ofPeer((certificate) => print(time(certificate)));
}

function ofPeer(fact: (certificate: CertificateFacts) => string): Operator {
  return ({ downstream }) => {
    const certificate = downstream.tls?.peerCertificate;
    return certificate === undefined ? undefined : fact(certificate);
  };
}

/** Of the leaf and what the client sent above it. */
function ofChain(fact: (certificate: X509Certificate) => string): Operator {
  return ({ downstream }) =>
    downstream.tls?.peerCertificate
      ?.chainPem()
      .match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)
      ?.map((pem) => fact(new X509Certificate(pem)))
      .join(',');
}

function hex(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}

function names(whose: string, of: (tls: Tls) => readonly string[] | undefined): Record<string, Operator> {
  const operators = Object.entries(nameKinds).map(([kind, prefix]): [string, Operator] => [
    `DOWNSTREAM_${whose}_${kind}_SAN`,
    ({ downstream }) => {
      const found = (downstream.tls && of(downstream.tls))?.filter((name) => name.startsWith(prefix)) ?? [];
      return found.length > 0 ? found.map((name) => name.slice(prefix.length)).join(',') : undefined;
    },
  ]);
  return Object.fromEntries(operators);
}
