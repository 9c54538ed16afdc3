import { isDeepStrictEqual } from 'node:util';
import { CodedError } from '@sofamesh/base/errors';
import type { ServerTls } from '@sofamesh/contract/transport';
import type { FilterChainConfig } from '../config/listener.ts';

/**
 * One TLS configuration for a socket whose chains have several: the certificates of all of them, from which the client's
 * server name picks. The rest must be equal, for it is settled before a chain is chosen. Undefined: no TLS. Throws a
 * CodedError with the field that differs.
 */
export function mergeServerTls(chains: readonly FilterChainConfig[]): ServerTls | undefined {
  const secure = chains.flatMap(({ tls }, at) => (tls === undefined ? [] : [{ tls, at }]));
  const [first] = secure;
  if (first === undefined) return undefined;
  const plain = chains.findIndex((chain) => chain.tls === undefined);
  if (plain >= 0) {
    throw new CodedError(
      'mixed_tls',
      `filter_chains[${plain}].transport_socket: missing, but filter_chains[${first.at}] has TLS; chains with and without TLS on one listener are not supported`,
    );
  }
  for (const { tls, at } of secure) {
    for (const field of ['clientAuthorityPem', 'requireClientCertificate', 'minVersion', 'maxVersion'] as const) {
      if (tls[field] === first.tls[field]) continue;
      throw new CodedError(
        'different_tls',
        `filter_chains[${at}].transport_socket: ${field}: must be that of filter_chains[${first.at}] on the same listener`,
      );
    }
  }
  const certificates = secure.flatMap(({ tls }) => tls.certificates);
  const distinct = certificates.filter(
    (pair, at) => certificates.findIndex((each) => isDeepStrictEqual(each, pair)) === at,
  );
  const alpn = [...new Set(secure.flatMap(({ tls }) => tls.alpn ?? []))];
  return { ...first.tls, certificates: distinct, ...(alpn.length > 0 ? { alpn } : undefined) };
}
