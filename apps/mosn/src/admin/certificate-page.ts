import { X509Certificate } from 'node:crypto';
import type { CertificatePair, ClientTls, PeerVerification, ServerTls } from '@sofamesh/contract/transport';
import type { ClusterConfig } from '@sofamesh/proxy/config/cluster';
import type { FilterChainConfig, ListenerConfig } from '@sofamesh/proxy/config/listener';
import { type AdminPage, json } from './page.ts';

const dayMs = 24 * 3600 * 1000;

/** `/certs`: what certificates are in use and until when. Never a key. */
export function certificatePage(
  config: () => {
    readonly clusters: ReadonlyMap<string, ClusterConfig>;
    readonly listeners: ReadonlyMap<string, ListenerConfig>;
  },
  wallMs: () => number,
): AdminPage {
  return {
    path: '/certs',
    help: 'certificates in use',
    answer: () => {
      const { clusters, listeners } = config();
      const contexts = [
        ...[...listeners.values()]
          .flatMap(chainsOf)
          .flatMap(({ tls }) => (tls === undefined ? [] : [serverContext(tls)])),
        ...[...clusters.values()].flatMap(({ tls }) => (tls === undefined ? [] : [clientContext(tls)])),
      ];
      // Listeners mostly share theirs.
      const distinct = new Map(contexts.map((context) => [JSON.stringify(context), context]));
      const nowMs = wallMs();
      return json({
        certificates: [...distinct.values()].map(({ authority, chains }) => ({
          ca_cert: describeAll(authority, nowMs),
          cert_chain: chains.flatMap((chain) => describeAll(chain, nowMs)),
        })),
      });
    },
  };
}

interface Pem {
  readonly pem: string | undefined;
  readonly path: string | undefined;
}

interface Context {
  readonly authority: Pem;
  readonly chains: readonly Pem[];
}

function chainsOf({ filterChains, defaultFilterChain }: ListenerConfig): FilterChainConfig[] {
  return defaultFilterChain === undefined ? [...filterChains] : [...filterChains, defaultFilterChain];
}

function serverContext({ verification, certificates }: ServerTls): Context {
  return { authority: authorityOf(verification), chains: certificates.map(chainOf) };
}

function clientContext({ verification, certificate }: ClientTls): Context {
  return { authority: authorityOf(verification), chains: certificate === undefined ? [] : [chainOf(certificate)] };
}

function authorityOf(verification: PeerVerification | undefined): Pem {
  return { pem: verification?.authorityPem, path: verification?.authorityPath };
}

function chainOf({ chainPem, chainPath }: CertificatePair): Pem {
  return { pem: chainPem, path: chainPath };
}

const pemPattern = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

function describeAll({ pem = '', path = '<inline>' }: Pem, nowMs: number): object[] {
  return certificatesOf(pem).map((one) => ({ path, ...describe(one, nowMs) }));
}

function certificatesOf(pem: string): X509Certificate[] {
  return (pem.match(pemPattern) ?? []).flatMap((one) => {
    try {
      return [new X509Certificate(one)];
    } catch {
      // The engine took it, so somebody will have been told what is wrong with it there.
      return [];
    }
  });
}

function describe(certificate: X509Certificate, nowMs: number): object {
  const { serialNumber, subjectAltName = '', validFromDate, validToDate } = certificate;
  return {
    serial_number: serialNumber.toLowerCase(),
    subject_alt_names: subjectAltName.split(', ').flatMap(altName),
    days_until_expiration: String(Math.max(0, Math.floor((validToDate.getTime() - nowMs) / dayMs))),
    valid_from: timestamp(validFromDate),
    expiration_time: timestamp(validToDate),
  };
}

/** As protobuf writes it: certificates have whole seconds. */
function timestamp(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z');
}

function altName(entry: string): object[] {
  const at = entry.indexOf(':');
  const [kind, value] = [entry.slice(0, at), entry.slice(at + 1)];
  if (kind === 'DNS') return [{ dns: value }];
  if (kind === 'URI') return [{ uri: value }];
  if (kind === 'IP Address') return [{ ip_address: value }];
  return [];
}
