import * as addresses from '../rules/addresses.ts';
import * as names from '../rules/names.ts';
import type { Rule } from '../rules/rule.ts';
import * as texts from '../rules/texts.ts';

/** The rules that a schema can name. */
export const SYNTAXES = {
  base64: texts.base64,
  bindAddress: addresses.bindAddress,
  corsHeaderName: texts.corsHeaderName,
  defaultEndpoint: addresses.defaultEndpoint,
  destinationHost: names.destinationHost,
  dnsLabel: names.dnsLabel,
  duration: texts.duration,
  durationOrZero: texts.durationOrZero,
  egressHost: names.egressHost,
  endpointAddress: addresses.endpointAddress,
  exportToEntry: names.exportToEntry,
  fqdn: names.fqdn,
  gatewayName: names.gatewayName,
  grpcStatus: texts.grpcStatus,
  headerValue: texts.headerValue,
  hostPort: addresses.hostPort,
  ipAddress: addresses.ipAddress,
  labelKey: names.labelKey,
  labelValue: names.labelValue,
  matchHeaderName: texts.matchHeaderName,
  namespaceName: names.namespaceName,
  objectName: names.objectName,
  ordinaryHeaderName: texts.ordinaryHeaderName,
  portName: names.portName,
  portProtocol: texts.portProtocol,
  regex: texts.regex,
  requestHeaderName: texts.requestHeaderName,
  retryOn: texts.retryOn,
  serviceHost: names.serviceHost,
  subnet: addresses.subnet,
  trustDomain: names.trustDomain,
  virtualHost: names.virtualHost,
  wildcardDomain: names.wildcardDomain,
} satisfies Record<string, Rule>;

export type SyntaxName = keyof typeof SYNTAXES;
