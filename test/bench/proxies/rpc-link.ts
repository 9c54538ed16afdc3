import type { Certificate } from '../certificate.ts';
import { type Additions, typed } from './bootstrap.ts';
import type { Link } from './proxy.ts';

const upstreamTls = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
const downstreamTls = 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
const rpcOptions = 'mosn.extensions.upstreams.rpc.v1.RpcProtocolOptions';

/** What the first of two mosns says of its cluster so that calls reach the second one over the link. */
export function nearSide(link: Link, certificate: Certificate): Additions {
  if (link === 'mtls') {
    const config = typed(upstreamTls, { ...common(certificate), sni: 'localhost' });
    return { cluster: { transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: config } } };
  }
  if (link === 'http2') {
    const options = { [rpcOptions]: typed(rpcOptions, { carrier: 'HTTP2' }) };
    return { cluster: { typed_extension_protocol_options: options } };
  }
  return {};
}

/** What the second one says of its listener, which takes calls inside HTTP/2 anyway. */
export function farSide(link: Link, certificate: Certificate): Additions {
  if (link !== 'mtls') return {};
  const config = typed(downstreamTls, { ...common(certificate), require_client_certificate: true });
  return { filterChain: { transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: config } } };
}

/** Both show the run's one certificate and check that of the other. */
function common({ certificateFile, keyFile, authorityFile }: Certificate): object {
  return {
    common_tls_context: {
      tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
      tls_certificates: [{ certificate_chain: { filename: certificateFile }, private_key: { filename: keyFile } }],
      validation_context: { trusted_ca: { filename: authorityFile } },
    },
  };
}
