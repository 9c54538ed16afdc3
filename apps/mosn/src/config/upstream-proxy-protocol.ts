import type { TransportSocket } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import {
  ProxyProtocolPassThroughTLVs_PassTLVsMatchType as PassTlvs,
  ProxyProtocolConfig_Version as Version,
} from '@sofamesh/api/gen/envoy/config/core/v3/proxy_protocol_pb';
import { ProxyProtocolUpstreamTransportSchema } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb';
import type { UpstreamProxyConfig } from '@sofamesh/proxy/config/cluster';
import { decodeAny, typeNameOf } from './extensions.ts';
import { FieldError, mapAt } from './fields.ts';
import { readTlvType } from './listener-filters.ts';

export const upstreamProxySchemas = [ProxyProtocolUpstreamTransportSchema];

export interface UnwrappedSocket {
  /** The transport socket inside, and where it stands. */
  readonly inner: TransportSocket | undefined;
  readonly path: string;
  readonly proxyProtocol: UpstreamProxyConfig | undefined;
}

/** Takes `envoy.transport_sockets.upstream_proxy_protocol` off a cluster's transport socket, if it is one. */
export function unwrapProxyProtocol(socket: TransportSocket | undefined, path: string): UnwrappedSocket {
  const any = socket?.configType.case === 'typedConfig' ? socket.configType.value : undefined;
  if (any === undefined || typeNameOf(any) !== ProxyProtocolUpstreamTransportSchema.typeName) {
    return { inner: socket, path, proxyProtocol: undefined };
  }
  const at = `${path}.typed_config`;
  const message = decodeAny(ProxyProtocolUpstreamTransportSchema, any, at);
  if (message.transportSocket === undefined) throw new FieldError(`${at}.transport_socket`, undefined, 'is required');
  const pass = message.config?.passThroughTlvs;
  const passTlvs =
    pass?.matchType === PassTlvs.INCLUDE_ALL
      ? 'all'
      : mapAt(pass?.tlvType ?? [], `${at}.config.pass_through_tlvs.tlv_type`, readTlvType);
  return {
    inner: message.transportSocket,
    path: `${at}.transport_socket`,
    proxyProtocol: { version: message.config?.version === Version.V2 ? 2 : 1, passTlvs },
  };
}
