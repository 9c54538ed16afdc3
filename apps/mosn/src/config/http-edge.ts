import type { TypedExtensionConfig } from '@sofamesh/api/gen/envoy/config/core/v3/extension_pb';
import type { SubstitutionFormatString } from '@sofamesh/api/gen/envoy/config/core/v3/substitution_format_string_pb';
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  HttpConnectionManager_ForwardClientCertDetails as ForwardClientCert,
  type HttpConnectionManager,
  type LocalReplyConfig,
} from '@sofamesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { CustomHeaderConfigSchema } from '@sofamesh/api/gen/envoy/extensions/http/original_ip_detection/custom_header/v3/custom_header_pb';
import { XffConfigSchema } from '@sofamesh/api/gen/envoy/extensions/http/original_ip_detection/xff/v3/xff_pb';
import type {
  BodyFormatConfig,
  ClientCertificateConfig,
  ClientDetectionConfig,
  LocalRepliesConfig,
  ProxyStatusConfig,
} from '@sofamesh/proxy/config/http-edge';
import type { HttpProxyConfig } from '@sofamesh/proxy/config/listener';
import { readSubstitution } from './access-log.ts';
import { decodeAny, typeNameOf } from './extensions.ts';
import { dataOf, FieldError, mapAt, prefixOf } from './fields.ts';
import { readAdditions } from './header-mutation.ts';
import { readLogFilter } from './log-filter.ts';

/** Extensions that find a client's address; their messages belong in the JSON registry. */
export const clientDetectionSchemas = [XffConfigSchema, CustomHeaderConfigSchema];

type Identity = Pick<
  HttpProxyConfig,
  | 'useRemoteAddress'
  | 'skipXffAppend'
  | 'xffTrustedHops'
  | 'clientDetection'
  | 'internalPrefixes'
  | 'unixSocketsInternal'
  | 'appendForwardedPort'
  | 'clientCertificate'
>;

/** Whom a connection manager believes who the client is. */
export function readIdentity(message: HttpConnectionManager, path: string): Identity {
  const extensions = message.originalIpDetectionExtensions;
  const useRemoteAddress = message.useRemoteAddress ?? false;
  const at = `${path}.original_ip_detection_extensions`;
  if (extensions.length > 0) {
    if (useRemoteAddress) throw new FieldError(at, 'present', 'cannot stand beside use_remote_address');
    if (message.xffNumTrustedHops > 0) throw new FieldError(at, 'present', 'cannot stand beside xff_num_trusted_hops');
  }
  const internal = message.internalAddressConfig;
  return {
    useRemoteAddress,
    skipXffAppend: message.skipXffAppend,
    xffTrustedHops: message.xffNumTrustedHops,
    clientDetection: mapAt(extensions, at, readDetection),
    internalPrefixes: mapAt(internal?.cidrRanges ?? [], `${path}.internal_address_config.cidr_ranges`, prefixOf),
    unixSocketsInternal: internal?.unixSockets ?? false,
    appendForwardedPort: message.appendXForwardedPort,
    clientCertificate: readClientCertificate(message, path),
  };
}

/** Envoy: a status below that cannot refuse anything, and means this. */
const rejectStatusDefault = 403;

function readDetection({ name, typedConfig: any }: TypedExtensionConfig, path: string): ClientDetectionConfig {
  if (any === undefined) throw new FieldError(`${path}.typed_config`, undefined, 'is required');
  switch (typeNameOf(any)) {
    case XffConfigSchema.typeName:
      return { kind: 'xff', trustedHops: decodeAny(XffConfigSchema, any, path).xffNumTrustedHops };
    case CustomHeaderConfigSchema.typeName: {
      const message = decodeAny(CustomHeaderConfigSchema, any, path);
      if (message.headerName === '') throw new FieldError(`${path}.typed_config.header_name`, '', 'must not be empty');
      const status = message.rejectWithStatus?.code;
      return {
        kind: 'header',
        header: message.headerName.toLowerCase(),
        trusted: message.allowExtensionToSetAddressAsTrusted,
        rejectStatus: status === undefined || status >= 400 ? status : rejectStatusDefault,
      };
    }
    default:
      throw new FieldError(`${path}.typed_config`, any.typeUrl, `is not supported (${name})`);
  }
}

const certificateModes: Readonly<Record<number, ClientCertificateConfig['mode']>> = {
  [ForwardClientCert.SANITIZE]: 'sanitize',
  [ForwardClientCert.FORWARD_ONLY]: 'forward-only',
  [ForwardClientCert.APPEND_FORWARD]: 'append-forward',
  [ForwardClientCert.SANITIZE_SET]: 'sanitize-set',
  [ForwardClientCert.ALWAYS_FORWARD_ONLY]: 'always-forward-only',
};

function readClientCertificate(message: HttpConnectionManager, path: string): ClientCertificateConfig {
  const mode = certificateModes[message.forwardClientCertDetails];
  if (mode === undefined) {
    throw new FieldError(`${path}.forward_client_cert_details`, message.forwardClientCertDetails, 'is not known');
  }
  const details = message.setCurrentClientCertDetails;
  return {
    mode,
    subject: details?.subject ?? false,
    certificate: details?.cert ?? false,
    chain: details?.chain ?? false,
    dns: details?.dns ?? false,
    uri: details?.uri ?? false,
  };
}

const escapedSlashes: Readonly<Record<number, HttpProxyConfig['escapedSlashes']>> = {
  [EscapedSlashes.IMPLEMENTATION_SPECIFIC_DEFAULT]: 'keep',
  [EscapedSlashes.KEEP_UNCHANGED]: 'keep',
  [EscapedSlashes.REJECT_REQUEST]: 'reject',
  [EscapedSlashes.UNESCAPE_AND_REDIRECT]: 'redirect',
  [EscapedSlashes.UNESCAPE_AND_FORWARD]: 'forward',
};

type TargetForm = Pick<
  HttpProxyConfig,
  'normalizePath' | 'mergeSlashes' | 'escapedSlashes' | 'stripHostPort' | 'stripTrailingHostDot'
>;

/** The form that paths and hosts are brought to before routes see them. */
export function readTargetForm(message: HttpConnectionManager, path: string): TargetForm {
  const action = escapedSlashes[message.pathWithEscapedSlashesAction];
  if (action === undefined) {
    const given = message.pathWithEscapedSlashesAction;
    throw new FieldError(`${path}.path_with_escaped_slashes_action`, given, 'is not known');
  }
  const any = message.stripPortMode.case === 'stripAnyHostPort' && message.stripPortMode.value;
  if (any && message.stripMatchingHostPort) {
    throw new FieldError(`${path}.strip_any_host_port`, 'true', 'cannot stand beside strip_matching_host_port');
  }
  return {
    normalizePath: message.normalizePath ?? false,
    mergeSlashes: message.mergeSlashes,
    escapedSlashes: action,
    stripHostPort: any ? 'any' : message.stripMatchingHostPort ? 'matching' : undefined,
    stripTrailingHostDot: message.stripTrailingHostDot,
  };
}

/** Reads `envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig`. */
export function readLocalReplies(config: LocalReplyConfig, path: string): LocalRepliesConfig {
  return {
    mappers: mapAt(config.mappers, `${path}.mappers`, (mapper, at) => {
      if (mapper.filter === undefined) throw new FieldError(`${at}.filter`, undefined, 'is required');
      const status = mapper.statusCode;
      if (status !== undefined && (status < 200 || status > 599)) {
        throw new FieldError(`${at}.status_code`, status, 'must be 200 to 599');
      }
      return {
        filter: readLogFilter(mapper.filter, `${at}.filter`),
        status,
        body: dataOf(mapper.body, `${at}.body`),
        format: mapper.bodyFormatOverride && readBodyFormat(mapper.bodyFormatOverride, `${at}.body_format_override`),
        headers: readAdditions(mapper.headersToAdd, `${at}.headers_to_add`),
      };
    }),
    body: config.bodyFormat && readBodyFormat(config.bodyFormat, `${path}.body_format`),
  };
}

/** Reads `envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ProxyStatusConfig`. */
export function readProxyStatus(
  { proxyStatusConfig: config, serverName }: HttpConnectionManager,
  path: string,
): ProxyStatusConfig | undefined {
  if (config === undefined) return undefined;
  const { proxyName } = config;
  if (proxyName.case === 'useNodeId' && proxyName.value) {
    throw new FieldError(`${path}.use_node_id`, 'true', 'is not supported');
  }
  const name = proxyName.case === 'literalProxyName' ? proxyName.value : serverName || 'mosn';
  if (!/^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*$/.test(name)) {
    throw new FieldError(`${path}.literal_proxy_name`, name, 'must be a token that begins with a letter');
  }
  return {
    name,
    showsDetails: !config.removeDetails,
    showsFlags: !config.removeDetails && !config.removeResponseFlags,
    setsStatus: config.setRecommendedResponseCode,
  };
}

function readBodyFormat(format: SubstitutionFormatString, path: string): BodyFormatConfig {
  return { format: readSubstitution(format, path), contentType: format.contentType };
}
