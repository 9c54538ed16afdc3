import type { Duration } from '@bufbuild/protobuf/wkt';
import type { TransportSocket } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import {
  type TlsParameters,
  TlsParameters_TlsProtocol as TlsProtocol,
} from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import {
  type CommonTlsContext,
  type DownstreamTlsContext,
  DownstreamTlsContextSchema,
  DownstreamTlsContext_OcspStaplePolicy as StaplePolicy,
  type TlsKeyLog,
  UpstreamTlsContextSchema,
} from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { messageOf } from '@sofamesh/base/errors';
import type { ClientTls, KeyLog, PeerVerification, ServerCertificate, ServerTls } from '@sofamesh/contract/transport';
import { checkClientTls, checkServerTls, checkTlsName } from '@sofamesh/net/tls-check';
import type { ReadContext } from './context.ts';
import { decodeAny, typeNameOf } from './extensions.ts';
import { durationMs, FieldError, mapAt, prefixOf, present, snake } from './fields.ts';
import { readVerification } from './peer-verification.ts';
import { mergeValidation, noSecrets, notYet } from './secrets.ts';
import { readTicketKeys, ticketKeyFor } from './ticket-key.ts';
import { readCertificate } from './tls-certificate.ts';

type TlsContext = Pick<ReadContext, 'secrets' | 'ignored'>;

const rawBuffer = 'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer';

/** TLS of a listener's filter chain; undefined for plaintext. `timeout`: the chain's `transport_socket_connect_timeout`. */
export function readServerTls(
  socket: TransportSocket | undefined,
  timeout: Duration | undefined,
  path: string,
  context: TlsContext,
): ServerTls | undefined {
  const config = configOf(socket, path);
  if (config === undefined) return undefined;
  const at = `${path}.typed_config`;
  if (typeNameOf(config) !== DownstreamTlsContextSchema.typeName)
    throw new FieldError(at, config.typeUrl, 'is not supported');
  const message = decodeAny(DownstreamTlsContextSchema, config, at);
  const { certificates, ...common } = readCommon(message.commonTlsContext, `${at}.common_tls_context`, context);
  if (certificates.length === 0 && !common.secretsMissing)
    throw new FieldError(`${at}.common_tls_context.tls_certificates`, '[]', 'a listener needs one');
  const requireClientCertificate = message.requireClientCertificate || asksIdentity(common.verification);
  const rules = { requireClientCertificate, verification: common.verification };
  const ticketKeys = readTickets(message, rules, at, context);
  const [ticketKey, ...olderTicketKeys] = ticketKeys === notYet ? [] : ticketKeys;
  const timeoutMs = durationMs(timeout, 0, `${path}_connect_timeout`);
  const sessionTimeoutMs = durationMs(message.sessionTimeout, 0, `${at}.session_timeout`);
  const tls: ServerTls = {
    certificates,
    ...common,
    requireClientCertificate,
    ...(message.requireSni && { requireServerName: true }),
    ...(timeoutMs > 0 && { handshakeTimeoutMs: timeoutMs }),
    ...(ticketKey !== undefined && { ticketKey }),
    ...(olderTicketKeys.length > 0 && { olderTicketKeys }),
    ...(sessionTimeoutMs >= 1000 && { sessionTimeoutS: Math.floor(sessionTimeoutMs / 1000) }),
    ocspPolicy: readStaplePolicy(message, at),
    ...(ticketKeys === notYet && { secretsMissing: true }),
  };
  if (!tls.secretsMissing) check(() => checkServerTls(tls), `${at}.common_tls_context`);
  return tls;
}

/** As in Envoy, names or hashes that must match cannot be had without a certificate. */
function asksIdentity(verification: PeerVerification | undefined): boolean {
  if (verification === undefined || verification.acceptUntrusted) return false;
  const { subjectAltNames, certificateSha256, spkiSha256 } = verification;
  return [subjectAltNames, certificateSha256, spkiSha256].some((rule) => rule !== undefined);
}

/** TLS towards a cluster's hosts; undefined for plaintext. */
export function readClientTls(
  socket: TransportSocket | undefined,
  path: string,
  context: TlsContext,
): ClientTls | undefined {
  const config = configOf(socket, path);
  if (config === undefined) return undefined;
  const at = `${path}.typed_config`;
  if (typeNameOf(config) !== UpstreamTlsContextSchema.typeName)
    throw new FieldError(at, config.typeUrl, 'is not supported');
  const message = decodeAny(UpstreamTlsContextSchema, config, at);
  if (message.allowRenegotiation) context.ignored(`${at}.allow_renegotiation`);
  if (message.enforceRsaKeyUsage !== undefined) context.ignored(`${at}.enforce_rsa_key_usage`);
  const { certificates, ...common } = readCommon(message.commonTlsContext, `${at}.common_tls_context`, context);
  const [certificate, ...others] = certificates;
  if (others.length > 0)
    throw new FieldError(`${at}.common_tls_context.tls_certificates[1]`, present, 'a client has one certificate');
  const tls: ClientTls = {
    ...(message.sni !== '' && { serverName: message.sni }),
    ...common,
    ...(certificate !== undefined && { certificate }),
    ...(message.maxSessionKeys !== undefined && { sessionsMax: message.maxSessionKeys }),
  };
  if (!tls.secretsMissing) check(() => checkClientTls(tls), `${at}.common_tls_context`);
  return tls;
}

/** What only OpenSSL can tell. */
function check(compile: () => void, path: string): void {
  try {
    compile();
  } catch (thrown) {
    throw new FieldError(path, present, `cannot be used: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function configOf(socket: TransportSocket | undefined, path: string) {
  if (socket === undefined || socket.name === 'envoy.transport_sockets.raw_buffer') return undefined;
  if (socket.configType.case !== 'typedConfig') throw new FieldError(`${path}.typed_config`, undefined, 'is required');
  return typeNameOf(socket.configType.value) === rawBuffer ? undefined : socket.configType.value;
}

const refused = [
  'tlsCertificateProviderInstance',
  'tlsCertificateCertificateProvider',
  'tlsCertificateCertificateProviderInstance',
  'customHandshaker',
] as const;

interface CommonTls
  extends Pick<
    ServerTls,
    | 'alpn'
    | 'minVersion'
    | 'maxVersion'
    | 'cipherSuites'
    | 'curves'
    | 'signatureAlgorithms'
    | 'keyLog'
    | 'secretsMissing'
  > {
  readonly certificates: readonly ServerCertificate[];
  readonly verification?: PeerVerification;
}

function readCommon(common: CommonTlsContext | undefined, path: string, context: TlsContext): CommonTls {
  if (common === undefined) return { certificates: [] };
  for (const field of refused) {
    if (common[field] !== undefined) throw new FieldError(`${path}.${snake(field)}`, present, 'is not supported');
  }
  const verification = readValidation(common, path, context);
  const keyLog = common.keyLog && readKeyLog(common.keyLog, `${path}.key_log`);
  const certificates = readCertificates(common, path, context);
  const secretsMissing = verification === notYet || certificates.includes(notYet);
  return {
    certificates: certificates.filter((each) => each !== notYet),
    ...(secretsMissing && { secretsMissing }),
    ...(common.alpnProtocols.length > 0 && { alpn: common.alpnProtocols }),
    ...(verification !== undefined && verification !== notYet && { verification }),
    ...(keyLog !== undefined && { keyLog }),
    ...(common.tlsParams && readParameters(common.tlsParams, `${path}.tls_params`)),
  };
}

/** As in Envoy, certificates that are written out go before those that are named. */
function readCertificates(
  common: CommonTlsContext,
  path: string,
  context: TlsContext,
): (ServerCertificate | typeof notYet)[] {
  const { secrets = noSecrets, ignored } = context;
  if (common.tlsCertificates.length > 0) {
    return mapAt(common.tlsCertificates, `${path}.tls_certificates`, (each, at) =>
      readCertificate(each, '', at, ignored),
    );
  }
  return mapAt(common.tlsCertificateSdsSecretConfigs, `${path}.tls_certificate_sds_secret_configs`, (each, at) => {
    const secret = secrets.get('tlsCertificate', each, at);
    return secret === notYet ? notYet : readCertificate(secret, each.name, `${at}: ${each.name}`, ignored);
  });
}

function readValidation(
  common: CommonTlsContext,
  path: string,
  context: TlsContext,
): PeerVerification | undefined | typeof notYet {
  const { secrets = noSecrets } = context;
  const validation = common.validationContextType;
  switch (validation.case) {
    case undefined:
      return undefined;
    case 'validationContext':
      return readVerification(validation.value, `${path}.validation_context`);
    case 'validationContextSdsSecretConfig': {
      const at = `${path}.validation_context_sds_secret_config`;
      const secret = secrets.get('validationContext', validation.value, at);
      return secret === notYet ? notYet : readVerification(secret, `${at}: ${validation.value.name}`);
    }
    case 'combinedValidationContext': {
      const at = `${path}.combined_validation_context`;
      const { defaultValidationContext, validationContextSdsSecretConfig: named } = validation.value;
      if (named === undefined)
        throw new FieldError(`${at}.validation_context_sds_secret_config`, undefined, 'is required');
      const secret = secrets.get('validationContext', named, `${at}.validation_context_sds_secret_config`);
      return secret === notYet ? notYet : readVerification(mergeValidation(defaultValidationContext, secret), at);
    }
    default:
      throw new FieldError(`${path}.${snake(validation.case)}`, present, 'is not supported');
  }
}

function readTickets(
  message: DownstreamTlsContext,
  rules: object,
  path: string,
  { secrets = noSecrets }: TlsContext,
): readonly Uint8Array[] | typeof notYet {
  const tickets = message.sessionTicketKeysType;
  switch (tickets.case) {
    case 'sessionTicketKeys':
      return readTicketKeys(tickets.value, `${path}.session_ticket_keys`);
    case 'sessionTicketKeysSdsSecretConfig': {
      const at = `${path}.session_ticket_keys_sds_secret_config`;
      const secret = secrets.get('sessionTicketKeys', tickets.value, at);
      return secret === notYet ? notYet : readTicketKeys(secret, `${at}: ${tickets.value.name}`);
    }
    default:
      // There is no cache of sessions on this side, so `disable_stateful_session_resumption` is always so.
      return tickets.value ? [] : [ticketKeyFor(rules)];
  }
}

function readStaplePolicy({ ocspStaplePolicy }: DownstreamTlsContext, path: string): 'lenient' | 'strict' | 'must' {
  switch (ocspStaplePolicy) {
    case StaplePolicy.LENIENT_STAPLING:
      return 'lenient';
    case StaplePolicy.STRICT_STAPLING:
      return 'strict';
    case StaplePolicy.MUST_STAPLE:
      return 'must';
    default:
      throw new FieldError(`${path}.ocsp_staple_policy`, ocspStaplePolicy, 'is not known');
  }
}

function readKeyLog({ path: file, localAddressRange, remoteAddressRange }: TlsKeyLog, path: string): KeyLog {
  if (file === '') throw new FieldError(`${path}.path`, '', 'must not be empty');
  return {
    path: file,
    localRanges: mapAt(localAddressRange, `${path}.local_address_range`, prefixOf),
    remoteRanges: mapAt(remoteAddressRange, `${path}.remote_address_range`, prefixOf),
  };
}

function readParameters(params: TlsParameters, path: string): Omit<CommonTls, 'certificates'> {
  const minVersion = readVersion(params.tlsMinimumProtocolVersion, `${path}.tls_minimum_protocol_version`);
  const maxVersion = readVersion(params.tlsMaximumProtocolVersion, `${path}.tls_maximum_protocol_version`);
  if (minVersion === 'TLSv1.3' && maxVersion === 'TLSv1.2')
    throw new FieldError(`${path}.tls_minimum_protocol_version`, 'TLSv1_3', 'is above the maximum');
  // BoringSSL's groups of suites between which it chooses by hardware.
  const suites = params.cipherSuites.flatMap((entry) => entry.replace(/^\[(.*)\]$/, '$1').split('|'));
  const cipherSuites = mapAt(suites, `${path}.cipher_suites`, named('cipher suite'));
  const curves = mapAt(params.ecdhCurves, `${path}.ecdh_curves`, named('curve'));
  const signatureAlgorithms = mapAt(
    params.signatureAlgorithms,
    `${path}.signature_algorithms`,
    named('signature algorithm'),
  );
  return {
    ...(minVersion && { minVersion }),
    ...(maxVersion && { maxVersion }),
    ...(cipherSuites.length > 0 && { cipherSuites }),
    ...(curves.length > 0 && { curves }),
    ...(signatureAlgorithms.length > 0 && { signatureAlgorithms }),
  };
}

function named(kind: Parameters<typeof checkTlsName>[0]): (name: string, path: string) => string {
  return (name, path) => {
    try {
      checkTlsName(kind, name);
    } catch (thrown) {
      throw new FieldError(path, name, messageOf(thrown), { cause: thrown });
    }
    return name;
  };
}

function readVersion(version: TlsProtocol, path: string): 'TLSv1.2' | 'TLSv1.3' | undefined {
  switch (version) {
    case TlsProtocol.TLS_AUTO:
      return undefined;
    case TlsProtocol.TLSv1_2:
      return 'TLSv1.2';
    case TlsProtocol.TLSv1_3:
      return 'TLSv1.3';
    default:
      throw new FieldError(path, version, 'must be TLSv1_2 or TLSv1_3: older versions are broken (RFC 8996)');
  }
}
