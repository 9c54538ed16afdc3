import { ProxyProtocolPassThroughTLVs_PassTLVsMatchType as PassTlvs } from '@sofamesh/api/gen/envoy/config/core/v3/proxy_protocol_pb';
import type {
  ListenerFilter,
  ListenerFilterChainMatchPredicate,
} from '@sofamesh/api/gen/envoy/config/listener/v3/listener_components_pb';
import { HttpInspectorSchema } from '@sofamesh/api/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb';
import { OriginalDstSchema } from '@sofamesh/api/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb';
import { OriginalSrcSchema } from '@sofamesh/api/gen/envoy/extensions/filters/listener/original_src/v3/original_src_pb';
import {
  type ProxyProtocol,
  ProxyProtocolSchema,
} from '@sofamesh/api/gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb';
import { TlsInspectorSchema } from '@sofamesh/api/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb';
import { ProtocolInspectorSchema } from '@sofamesh/api/gen/mosn/extensions/filters/listener/protocol_inspector/v1/protocol_inspector_pb';
import type { ListenerFilterConfig, PortPredicate, ProxyProtocolFilterConfig } from '@sofamesh/proxy/config/listener';
import type { ReadContext } from './context.ts';
import { decodeAny, typeNameOf } from './extensions.ts';
import { FieldError, mapAt, snake } from './fields.ts';

export const listenerFilterSchemas = [
  TlsInspectorSchema,
  HttpInspectorSchema,
  OriginalDstSchema,
  OriginalSrcSchema,
  ProxyProtocolSchema,
  ProtocolInspectorSchema,
];

/** Namespace of extensions whose rule names none. */
const defaultNamespace = 'envoy.filters.listener.proxy_protocol';

/** Of a TCP listener. */
export function readListenerFilter(filter: ListenerFilter, path: string, context: ReadContext): ListenerFilterConfig {
  const { configType } = filter;
  const at = `${path}.typed_config`;
  if (configType.case !== 'typedConfig')
    throw new FieldError(at, configType.case && snake(configType.case), 'is required');
  const disabled = filter.filterDisabled && readPredicate(filter.filterDisabled, `${path}.filter_disabled`);
  const any = configType.value;
  switch (typeNameOf(any)) {
    case TlsInspectorSchema.typeName: {
      const message = decodeAny(TlsInspectorSchema, any, at);
      if (message.enableJa3Fingerprinting === true) context.ignored(`${at}.enable_ja3_fingerprinting`);
      return { kind: 'tls-inspector', disabled };
    }
    case HttpInspectorSchema.typeName:
      return { kind: 'http-inspector', disabled };
    case ProtocolInspectorSchema.typeName: {
      const { protocols } = decodeAny(ProtocolInspectorSchema, any, at);
      return { kind: 'protocol-inspector', protocols, disabled };
    }
    case OriginalDstSchema.typeName:
      return { kind: 'original-dst', disabled };
    case ProxyProtocolSchema.typeName:
      return { ...readProxyProtocol(decodeAny(ProxyProtocolSchema, any, at), at), disabled };
    case OriginalSrcSchema.typeName:
      throw new FieldError(
        at,
        any.typeUrl,
        'is not supported: upstream connections come from the own address of the proxy',
      );
    default:
      throw new FieldError(at, any.typeUrl, `no listener filter of this proxy reads this (${filter.name})`);
  }
}

/** What the deprecated `use_proxy_proto` of a filter chain stands for. */
export const plainProxyProtocol: ListenerFilterConfig = {
  kind: 'proxy-protocol',
  versions: [1, 2],
  allowWithout: false,
  rules: [],
  passTlvs: [],
  statPrefix: '',
  disabled: undefined,
};

function readProxyProtocol(message: ProxyProtocol, path: string): ProxyProtocolFilterConfig {
  const disallowed = message.disallowedVersions.map((version) => version + 1);
  const versions = ([1, 2] as const).filter((version) => !disallowed.includes(version));
  if (versions.length === 0) {
    throw new FieldError(`${path}.disallowed_versions`, '[V1, V2]', 'leaves no version to read');
  }
  const pass = message.passThroughTlvs;
  return {
    kind: 'proxy-protocol',
    versions,
    allowWithout: message.allowRequestsWithoutProxyProtocol,
    rules: mapAt(message.rules, `${path}.rules`, ({ tlvType, onTlvPresent }, at) => {
      if (onTlvPresent === undefined || onTlvPresent.key === '')
        throw new FieldError(`${at}.on_tlv_present.key`, '', 'must not be empty');
      return {
        tlvType: readTlvType(tlvType, `${at}.tlv_type`),
        namespace: onTlvPresent.metadataNamespace || defaultNamespace,
        key: onTlvPresent.key,
      };
    }),
    passTlvs:
      pass?.matchType === PassTlvs.INCLUDE_ALL
        ? 'all'
        : mapAt(pass?.tlvType ?? [], `${path}.pass_through_tlvs.tlv_type`, readTlvType),
    statPrefix: message.statPrefix,
  };
}

export function readTlvType(type: number, path: string): number {
  if (type > 255) throw new FieldError(path, type, 'must be below 256');
  return type;
}

/** Lists inside each other that a predicate may have. */
const predicateDepthMax = 16;

function readPredicate(message: ListenerFilterChainMatchPredicate, path: string, depth = 0): PortPredicate {
  const { rule } = message;
  if (depth > predicateDepthMax) throw new FieldError(path, undefined, `is nested more than ${predicateDepthMax} deep`);
  switch (rule.case) {
    case 'anyMatch':
      return { kind: 'any' };
    case 'destinationPortRange':
      return { kind: 'range', from: rule.value.start, to: rule.value.end };
    case 'notMatch':
      return { kind: 'not', rule: readPredicate(rule.value, `${path}.not_match`, depth + 1) };
    case 'andMatch':
    case 'orMatch': {
      const at = `${path}.${snake(rule.case)}.rules`;
      const rules = mapAt(rule.value.rules, at, (each, where) => readPredicate(each, where, depth + 1));
      if (rules.length < 2) throw new FieldError(at, `${rules.length} rules`, 'must have at least 2');
      return { kind: rule.case === 'andMatch' ? 'and' : 'or', rules };
    }
    case undefined:
      throw new FieldError(path, undefined, 'must have a rule');
  }
}
