import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { Node } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { CodedError } from '@sofamesh/base/errors';
import { ipAddress as ipAddressRule } from '@sofamesh/model/rules/addresses';
import type { ProxyNode } from '@sofamesh/translate/input';

const interceptionModes = ['REDIRECT', 'TPROXY', 'NONE'] as const;
const types = ['sidecar', 'router'] as const;

/**
 * A connected proxy from its xDS node: id and metadata as Istio's agents write them
 * (`sidecar~10.0.0.1~web-0.shop~shop.svc.cluster.local`). Throws a CodedError that says what is wrong with the id.
 */
export function proxyNodeOf(node: Node): ProxyNode {
  const [typeText = '', address = '', name = '', domain = '', ...more] = node.id.split('~');
  const bad = (reason: string) =>
    new CodedError('bad_node', `node id ${JSON.stringify(node.id.slice(0, 200))}: ${reason}`);
  const type = types.find((known) => known === typeText);
  if (domain === '' || more.length > 0) throw bad('must be TYPE~IP~NAME.NAMESPACE~DOMAIN');
  if (type === undefined) throw bad(`type must be one of ${types.join(', ')}`);
  if (!isIpAddress(address)) throw bad(`${JSON.stringify(address)} is not an IP address`);
  const metadata = node.metadata ?? {};
  const mode = textOf(metadata['INTERCEPTION_MODE']);
  const listed = textOf(metadata['INSTANCE_IPS']).split(',').filter(isIpAddress);
  return {
    id: node.id,
    type,
    address,
    addresses: [...new Set([address, ...listed])],
    name: name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : name,
    namespace:
      textOf(metadata['NAMESPACE']) ||
      (name.includes('.') ? name.slice(name.lastIndexOf('.') + 1) : domain.split('.')[0]!),
    labels: labelsOf(metadata['LABELS']),
    interceptionMode: interceptionModes.find((known) => known === mode) ?? 'REDIRECT',
    userAgent: userAgentOf(node),
    typeUrls: new Set(node.extensions.flatMap(({ typeUrls }) => typeUrls.map(typeUrlOf))),
  };
}

/** Envoy declares bare message names. */
function typeUrlOf(name: string): string {
  return name.includes('/') ? name : `type.googleapis.com/${name}`;
}

function userAgentOf({ userAgentName, userAgentVersionType }: Node): string {
  if (userAgentVersionType.case === 'userAgentVersion') return `${userAgentName} ${userAgentVersionType.value}`.trim();
  const number = userAgentVersionType.value?.version;
  if (number === undefined) return userAgentName;
  return `${userAgentName} ${number.majorNumber}.${number.minorNumber}.${number.patch}`.trim();
}

function isIpAddress(text: string): boolean {
  return ipAddressRule(text) === undefined;
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function labelsOf(value: JsonValue | undefined): Record<string, string> {
  const labels: Record<string, string> = {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return labels;
  for (const [key, label] of Object.entries(value as JsonObject)) if (typeof label === 'string') labels[key] = label;
  return labels;
}
