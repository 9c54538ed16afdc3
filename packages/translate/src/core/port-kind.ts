import type { ServicePort } from '@sofamesh/contract/registry';
import { parsePortProtocol, parseXProtocol, type ResolvedPort } from '@sofamesh/model/port-protocol';
import type { ServiceLevel } from './service-levels.ts';

/** How a proxy treats what a port carries. */
export type PortKind =
  | { readonly kind: 'http'; readonly http2: boolean }
  | { readonly kind: 'rpc'; readonly protocol: string; readonly level: ServiceLevel }
  | { readonly kind: 'tcp' }
  /** Nothing is made for such a port. */
  | { readonly kind: 'udp' };

const tcp: PortKind = { kind: 'tcp' };
const udp: PortKind = { kind: 'udp' };
const http1: PortKind = { kind: 'http', http2: false };
const http2: PortKind = { kind: 'http', http2: true };

export function portKind(port: ServicePort): PortKind {
  const xProtocol = parseXProtocol(port.protocol);
  if (xProtocol !== undefined) return { kind: 'rpc', protocol: xProtocol, level: port.serviceLevel ?? 'full' };
  const protocol = parsePortProtocol(port.protocol);
  return protocol === undefined ? tcp : resolvedPortKind({ protocol });
}

export function resolvedPortKind({ protocol, xProtocol }: ResolvedPort): PortKind {
  switch (protocol) {
    case 'X':
      return xProtocol === undefined ? tcp : { kind: 'rpc', protocol: xProtocol, level: 'full' };
    case 'HTTP':
    case 'HTTP_PROXY':
      return http1;
    case 'HTTP2':
    case 'GRPC':
    case 'GRPC-Web':
      return http2;
    case 'UDP':
      return udp;
    default:
      return tcp;
  }
}
