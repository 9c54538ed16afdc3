import { X509Certificate } from 'node:crypto';
import type { ClientTls, ServerTls } from '@sofamesh/contract/transport';
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
      const distinct = new Map(contexts.map((context) => [context.join('\n--\n'), context]));
      return json({
        certificates: [...distinct.values()].map(([authority, chains]) => ({
          ca_cert: certificatesOf(authority).map((one) => describe(one, wallMs())),
          cert_chain: certificatesOf(chains).map((one) => describe(one, wallMs())),
        })),
      });
    },
  };
}

type Context = readonly [authorityPem: string, chainsPem: string];

function chainsOf({ filterChains, defaultFilterChain }: ListenerConfig): FilterChainConfig[] {
  return defaultFilterChain === undefined ? [...filterChains] : [...filterChains, defaultFilterChain];
}

function serverContext({ verification, certificates }: ServerTls): Context {
  return [verification?.authorityPem ?? '', certificates.map(({ chainPem }) => chainPem).join('\n')];
}

function clientContext({ verification, certificate }: ClientTls): Context {
  return [verification?.authorityPem ?? '', certificate?.chainPem ?? ''];
}

const pemPattern = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

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
    path: '<inline>',
    serial_number: serialNumber.toLowerCase(),
    subject_alt_names: subjectAltName.split(', ').flatMap(altName),
    days_until_expiration: String(Math.max(0, Math.floor((validToDate.getTime() - nowMs) / dayMs))),
    valid_from: validFromDate.toISOString(),
    expiration_time: validToDate.toISOString(),
  };
}

function altName(entry: string): object[] {
  const at = entry.indexOf(':');
  const [kind, value] = [entry.slice(0, at), entry.slice(at + 1)];
  if (kind === 'DNS') return [{ dns: value }];
  if (kind === 'URI') return [{ uri: value }];
  if (kind === 'IP Address') return [{ ip_address: value }];
  return [];
}
