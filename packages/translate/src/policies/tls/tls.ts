import { isIP } from 'node:net';
import { create } from '@bufbuild/protobuf';
import { type TransportSocket, TransportSocketSchema } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { SubjectAltNameMatcher_SanType as SanType } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import { UpstreamTlsContextSchema } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import type { ClientTls } from '@sofamesh/model/kinds/destination-rule/types';
import type { ClusterDraft, HttpDraft } from '../../core/cluster-draft.ts';
import { typedConfig } from '../../core/protobuf.ts';

const alpn: Readonly<Record<HttpDraft['codec'], readonly string[]>> = {
  http1: ['http/1.1'],
  http2: ['h2'],
  'as-downstream': ['h2', 'http/1.1'],
};

/** Where a proxy finds the authorities that its system trusts. */
const systemAuthorities = '/etc/ssl/certs/ca-certificates.crt';

/** TLS towards a service: `trafficPolicy.tls`. Files are the proxy's own. */
export function applyTls(draft: ClusterDraft, tls: ClientTls | undefined): void {
  if (tls === undefined || tls.mode === 'DISABLE') return;
  if (tls.mode === 'ISTIO_MUTUAL') {
    draft.notes.push({
      object: `Service ${draft.host}`,
      reason: 'tls mode ISTIO_MUTUAL needs identities, which are not issued yet: connections are plaintext',
    });
    return;
  }
  draft.cluster.transportSocket = upstreamTls(draft, tls);
}

function upstreamTls({ host, port, http }: ClusterDraft, tls: ClientTls): TransportSocket {
  const isMutual = tls.mode === 'MUTUAL' && tls.clientCertificate !== undefined && tls.privateKey !== undefined;
  return create(TransportSocketSchema, {
    name: 'envoy.transport_sockets.tls',
    configType: {
      case: 'typedConfig',
      value: typedConfig(UpstreamTlsContextSchema, {
        sni: tls.sni ?? (host.startsWith('*') ? '' : host),
        commonTlsContext: {
          ...(port.kind === 'http' && { alpnProtocols: [...alpn[http.codec]] }),
          ...(isMutual && {
            tlsCertificates: [{ certificateChain: file(tls.clientCertificate!), privateKey: file(tls.privateKey!) }],
          }),
          ...(!tls.insecureSkipVerify && {
            validationContextType: {
              case: 'validationContext',
              value: {
                trustedCa: file(tls.caCertificates ?? systemAuthorities),
                matchTypedSubjectAltNames: tls.subjectAltNames.map((name) => ({
                  sanType: sanType(name),
                  matcher: { matchPattern: { case: 'exact' as const, value: name } },
                })),
              },
            },
          }),
        },
      }),
    },
  });
}

function file(filename: string) {
  return { specifier: { case: 'filename' as const, value: filename } };
}

function sanType(name: string): SanType {
  if (name.includes('://')) return SanType.URI;
  return isIP(name) > 0 ? SanType.IP_ADDRESS : SanType.DNS;
}
