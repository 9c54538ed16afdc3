import { isIP } from 'node:net';
import type { JsonObject } from '@bufbuild/protobuf';
import { extension, optional, pemSource } from './envoy-json.ts';
import type { JsonFields } from './json-fields.ts';
import { readTlsParameters } from './tls-parameters.ts';

const tlsTypes = 'envoy.extensions.transport_sockets.tls.v3';
const systemAuthorities: JsonObject = { system_root_certs: {} };

/** One `tls_context`, its parts apart so that several can be joined. */
interface TlsContext {
  readonly fields: JsonFields;
  readonly certificate: JsonObject | undefined;
  readonly authority: JsonObject;
  readonly params: JsonObject;
  readonly alpn: readonly string[];
  readonly serverName: string | undefined;
  readonly verifyClient: boolean;
  readonly requireClient: boolean;
  readonly skipsVerification: boolean;
}

/** Undefined when TLS is off. */
function readContext(tls: JsonFields): TlsContext | undefined {
  const on = tls.flag('status');
  const chain = tls.text('cert_chain');
  const key = tls.text('private_key');
  const authority = tls.text('ca_cert');
  const alpn = (tls.text('alpn') ?? '').split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
  const context: TlsContext = {
    fields: tls,
    certificate:
      chain === undefined || key === undefined
        ? undefined
        : { certificate_chain: pemSource(chain), private_key: pemSource(key) },
    authority: authority === undefined ? systemAuthorities : { trusted_ca: pemSource(authority) },
    params: readTlsParameters(tls),
    alpn,
    serverName: tls.text('server_name'),
    verifyClient: tls.flag('verify_client'),
    requireClient: tls.flag('require_client_cert'),
    skipsVerification: tls.flag('insecure_skip'),
  };
  if (on) refuseUnsupported(tls, chain, key);
  // Read and not looked at: the session key is made here, and is the same in all workers.
  for (const name of ['ticket', 'type', 'extend_verify', 'callbacks', 'sds_source', 'fall_back']) tls.value(name);
  tls.end('a TLS context');
  return on ? context : undefined;
}

function refuseUnsupported(tls: JsonFields, chain: string | undefined, key: string | undefined): void {
  tls.refuseGiven('sds_source', 'secrets by SDS are not supported: name files');
  tls.refuseGiven('type', 'extensions of TLS are not supported');
  tls.refuseGiven('extend_verify', 'extensions of TLS are not supported');
  if (chain !== undefined && key === undefined) tls.refuse('private_key', 'is required beside cert_chain');
  if (key !== undefined && chain === undefined) tls.refuse('cert_chain', 'is required beside private_key');
  tls.ignore('callbacks', 'there is nothing to call');
  tls.ignore('fall_back', 'this proxy never goes on in plain text where TLS fails');
}

/** Transport socket of a cluster; empty for plain text. */
export function clientTransport(tls: JsonFields | undefined): JsonObject {
  const context = tls && readContext(tls);
  if (context === undefined) return {};
  const { certificate, authority, serverName, skipsVerification } = context;
  if (serverName === undefined && !skipsVerification) {
    context.fields.refuse('server_name', 'is required unless insecure_skip: what else should a certificate be for?');
  }
  const validation = skipsVerification
    ? undefined
    : { ...authority, match_typed_subject_alt_names: [subjectOf(serverName ?? '')] };
  return {
    transport_socket: extension('envoy.transport_sockets.tls', `${tlsTypes}.UpstreamTlsContext`, {
      // An address is no server name (RFC 6066).
      ...optional('sni', serverName !== undefined && isIP(serverName) === 0 ? serverName : undefined),
      common_tls_context: {
        ...context.params,
        ...optional('tls_certificates', certificate && [certificate]),
        ...optional('validation_context', validation),
        ...optional('alpn_protocols', [...context.alpn]),
      },
    }),
  };
}

function subjectOf(name: string): JsonObject {
  return { san_type: isIP(name) === 0 ? 'DNS' : 'IP_ADDRESS', matcher: { exact: name } };
}

/**
 * Transport socket of a filter chain, `tls_context` or all of `tls_context_set`; undefined for plain text. Several contexts
 * are one with several certificates, between which the client's server name chooses.
 */
export function serverTransport(chain: JsonFields): JsonObject | undefined {
  const single = chain.object('tls_context');
  const set = chain.objects('tls_context_set');
  if (single !== undefined && set.length > 0 && chain.given('tls_context')) {
    chain.refuse('tls_context', 'cannot stand beside tls_context_set');
  }
  const contexts = [...(single === undefined ? [] : [single]), ...set].flatMap((each) => readContext(each) ?? []);
  const [first, ...rest] = contexts;
  if (first === undefined) return undefined;
  const settings = serverSettings(first);
  for (const other of rest) {
    if (JSON.stringify(serverSettings(other)) === JSON.stringify(settings)) continue;
    chain.refuse('tls_context_set', 'may differ in certificates and server names only');
    break;
  }
  const certificates = contexts.flatMap(({ fields, certificate }) => {
    if (certificate === undefined) fields.refuse('cert_chain', 'is required for a listener');
    return certificate ?? [];
  });
  const { requireClient, ...common } = settings;
  return extension('envoy.transport_sockets.tls', `${tlsTypes}.DownstreamTlsContext`, {
    ...(requireClient && { require_client_certificate: true }),
    common_tls_context: { ...common, tls_certificates: certificates },
  });
}

function serverSettings(context: TlsContext): JsonObject & { readonly requireClient: boolean } {
  const { fields, authority, alpn, params, verifyClient, requireClient } = context;
  if (requireClient && !verifyClient) {
    fields.warn(
      'require_client_cert',
      'has no effect without verify_client: a certificate that nobody checks proves nothing',
    );
  }
  return {
    requireClient: verifyClient && requireClient,
    ...params,
    ...(verifyClient && { validation_context: authority }),
    ...optional('alpn_protocols', [...alpn]),
  };
}
