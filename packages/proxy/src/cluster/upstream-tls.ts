import { isIP } from 'node:net';
import type { RequestHead } from '@sofamesh/contract/message';
import type { ClientTls, PeerVerification } from '@sofamesh/contract/tls';
import type { AutoServerNameConfig, ClusterConfig } from '../config/cluster.ts';
import type { UpstreamProtocol } from './upstream.ts';

/** Longer ones do not fit into a ClientHello's name (RFC 1035 §2.3.4). */
const serverNameLengthMax = 255;

/**
 * TLS of the connections of one pool. Where the configuration names no ALPN protocols, those are offered that the pool
 * can speak; TCP sessions and RPC offer none. `serverName`: see {@link serverNameOf}.
 */
export function upstreamTls(
  { tls, autoServerName }: ClusterConfig,
  protocol: UpstreamProtocol | undefined,
  serverName: string | undefined,
): ClientTls | undefined {
  if (tls === undefined) return undefined;
  const alpn = tls.alpn === undefined || tls.alpn.length === 0 ? alpnOf(protocol) : undefined;
  const auto = serverName === undefined ? undefined : autoServerName;
  if (alpn === undefined && auto === undefined) return tls;
  return {
    ...tls,
    ...(alpn !== undefined && { alpn }),
    ...(auto?.sni && isSendable(serverName!) && { serverName: serverName! }),
    ...(auto?.verify && { verification: withName(tls.verification, serverName!) }),
  };
}

function alpnOf(protocol: UpstreamProtocol | undefined): readonly string[] | undefined {
  if (protocol === undefined) return undefined;
  if (!('pooling' in protocol)) return ['h2', 'http/1.1'];
  return protocol.alpn?.slice(0, 1);
}

/** The certificate must be for this name, whatever names were configured. */
function withName(verification: PeerVerification | undefined, name: string): PeerVerification {
  const type = isIP(name) === 0 ? 'DNS' : 'IP';
  return { ...verification, subjectAltNames: [{ type, kind: 'exact', value: name }] };
}

/**
 * The name that a request gives its host: from the configured header, else its authority. Undefined: none that changes
 * anything, for an IP address is not sent as SNI. With `verify` every request has one, if only the empty one that no
 * certificate is for.
 */
export function serverNameOf(config: AutoServerNameConfig, request: RequestHead): string | undefined {
  const source = (config.header === '' ? undefined : request.get(config.header)) || request.authority;
  const name = hostOf(source).toLowerCase();
  return config.verify || isSendable(name) ? name : undefined;
}

function isSendable(name: string): boolean {
  return name !== '' && name.length <= serverNameLengthMax && isIP(name) === 0;
}

/** Of an authority, without its port and the brackets of an IPv6 address. */
function hostOf(authority: string): string {
  if (authority.startsWith('[')) return authority.slice(1, Math.max(1, authority.indexOf(']')));
  const colon = authority.indexOf(':');
  return colon < 0 ? authority : authority.slice(0, colon);
}
