import type { TransportSocket } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import {
  type TlsParameters,
  TlsParameters_TlsProtocol as TlsProtocol,
} from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import {
  type CommonTlsContext,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import type { CertificatePair, ClientTls, ServerTls } from '@sofamesh/contract/transport';
import { decodeAny, typeNameOf } from './extensions.ts';
import { dataOf, FieldError, mapAt, present, snake } from './fields.ts';

const rawBuffer = 'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer';

/** TLS of a listener's filter chain; undefined for plaintext. */
export function readServerTls(socket: TransportSocket | undefined, path: string): ServerTls | undefined {
  const config = configOf(socket, path);
  if (config === undefined) return undefined;
  const at = `${path}.typed_config`;
  if (typeNameOf(config) !== DownstreamTlsContextSchema.typeName)
    throw new FieldError(at, config.typeUrl, 'is not supported');
  const message = decodeAny(DownstreamTlsContextSchema, config, at);
  const common = readCommon(message.commonTlsContext, `${at}.common_tls_context`);
  if (common.certificates.length === 0)
    throw new FieldError(`${at}.common_tls_context.tls_certificates`, '[]', 'a listener needs one');
  return {
    certificates: common.certificates,
    ...(common.alpn.length > 0 && { alpn: common.alpn }),
    ...(common.authorityPem !== undefined && { clientAuthorityPem: common.authorityPem }),
    requireClientCertificate: message.requireClientCertificate ?? false,
    ...common.versions,
  };
}

/** TLS towards a cluster's hosts; undefined for plaintext. */
export function readClientTls(socket: TransportSocket | undefined, path: string): ClientTls | undefined {
  const config = configOf(socket, path);
  if (config === undefined) return undefined;
  const at = `${path}.typed_config`;
  if (typeNameOf(config) !== UpstreamTlsContextSchema.typeName)
    throw new FieldError(at, config.typeUrl, 'is not supported');
  const message = decodeAny(UpstreamTlsContextSchema, config, at);
  const common = readCommon(message.commonTlsContext, `${at}.common_tls_context`);
  const [certificate] = common.certificates;
  return {
    ...(message.sni !== '' && { serverName: message.sni }),
    ...(common.alpn.length > 0 && { alpn: common.alpn }),
    ...(common.authorityPem !== undefined && { authorityPem: common.authorityPem }),
    ...(common.subjectAltNames.length > 0 && { subjectAltNames: common.subjectAltNames }),
    ...(certificate !== undefined && { certificate }),
    ...common.versions,
  };
}

function configOf(socket: TransportSocket | undefined, path: string) {
  if (socket === undefined || socket.name === 'envoy.transport_sockets.raw_buffer') return undefined;
  if (socket.configType.case !== 'typedConfig') throw new FieldError(`${path}.typed_config`, undefined, 'is required');
  return typeNameOf(socket.configType.value) === rawBuffer ? undefined : socket.configType.value;
}

function readCommon(common: CommonTlsContext | undefined, path: string) {
  if ((common?.tlsCertificateSdsSecretConfigs.length ?? 0) > 0)
    throw new FieldError(`${path}.tls_certificate_sds_secret_configs`, present, 'secrets by SDS are not supported');
  const validation = common?.validationContextType;
  if (validation?.case !== undefined && validation.case !== 'validationContext')
    throw new FieldError(`${path}.${snake(validation.case)}`, present, 'is not supported');
  const context = validation?.case === 'validationContext' ? validation.value : undefined;
  return {
    alpn: common?.alpnProtocols ?? [],
    certificates: mapAt(
      common?.tlsCertificates ?? [],
      `${path}.tls_certificates`,
      (certificate, at): CertificatePair => {
        const chainPem = dataOf(certificate.certificateChain, `${at}.certificate_chain`);
        const privateKeyPem = dataOf(certificate.privateKey, `${at}.private_key`);
        if (chainPem === undefined) throw new FieldError(`${at}.certificate_chain`, undefined, 'is required');
        if (privateKeyPem === undefined) throw new FieldError(`${at}.private_key`, undefined, 'is required');
        return { chainPem, privateKeyPem };
      },
    ),
    authorityPem: dataOf(context?.trustedCa, `${path}.validation_context.trusted_ca`),
    subjectAltNames: mapAt(
      context?.matchTypedSubjectAltNames ?? [],
      `${path}.validation_context.match_typed_subject_alt_names`,
      ({ matcher }, at) => {
        if (matcher?.matchPattern.case !== 'exact')
          throw new FieldError(`${at}.matcher`, matcher?.matchPattern.case, 'only exact is supported');
        return matcher.matchPattern.value;
      },
    ),
    versions: readVersions(common?.tlsParams, `${path}.tls_params`),
  };
}

const versionNames: Readonly<Record<number, 'TLSv1.2' | 'TLSv1.3'>> = {
  [TlsProtocol.TLSv1_2]: 'TLSv1.2',
  [TlsProtocol.TLSv1_3]: 'TLSv1.3',
};

function readVersions(params: TlsParameters | undefined, path: string) {
  const read = (version: TlsProtocol, field: string) => {
    if (version === TlsProtocol.TLS_AUTO) return undefined;
    const name = versionNames[version];
    if (name === undefined) throw new FieldError(`${path}.${field}`, version, 'must be TLSv1_2 or TLSv1_3');
    return name;
  };
  const minVersion = params && read(params.tlsMinimumProtocolVersion, 'tls_minimum_protocol_version');
  const maxVersion = params && read(params.tlsMaximumProtocolVersion, 'tls_maximum_protocol_version');
  return { ...(minVersion && { minVersion }), ...(maxVersion && { maxVersion }) };
}
