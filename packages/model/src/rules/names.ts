import { ipFamily } from '../ip.ts';
import type { Rule } from './rule.ts';

/** RFC 1123, with capitals, as Istio's validation takes it. */
const LABEL = /^[A-Za-z0-9](?:[-A-Za-z0-9]*[A-Za-z0-9])?$/;
const FIRST_LABEL = /^(?:\*|(?:\*-?)?[A-Za-z0-9](?:[-A-Za-z0-9]*[A-Za-z0-9])?)$/;
/** Names of Kubernetes' objects are lower case. */
const KUBERNETES_LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const LABEL_KEY_NAME = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

const LABEL_CHARACTERS_MAX = 63;
const DOMAIN_CHARACTERS_MAX = 255;
const KUBERNETES_NAME_CHARACTERS_MAX = 253;

export const dnsLabel: Rule = (value) =>
  value.length <= LABEL_CHARACTERS_MAX && LABEL.test(value)
    ? undefined
    : 'must be a DNS label: up to 63 letters, digits and dashes, with no dash at an end';

function labelsReason(domain: string): string | undefined {
  const labels = domain.split('.');
  const last = labels.at(-1)!;
  if (/^[+-]?\d+$/.test(last)) return 'must be a host name; one cannot end in a number';
  for (const [index, label] of labels.entries()) {
    // A dot at the end marks a name that is complete.
    if (label === '' && index === labels.length - 1 && index > 0) return undefined;
    if (dnsLabel(label) !== undefined) return `must be a host name; its part ${JSON.stringify(label)} is no DNS label`;
  }
  return undefined;
}

function lengthReason(domain: string): string | undefined {
  if (domain === '') return 'must be a host name; it is empty';
  return domain.length > DOMAIN_CHARACTERS_MAX ? `must have at most ${DOMAIN_CHARACTERS_MAX} characters` : undefined;
}

/** A full host name without wildcards. */
export const fqdn: Rule = (value) => lengthReason(value) ?? labelsReason(value);

/** A host name whose first label may be `*`, `*-foo` or `*foo`. */
export const wildcardDomain: Rule = (value) => {
  const reason = lengthReason(value);
  if (reason !== undefined) return reason;
  const dot = value.indexOf('.');
  const first = dot < 0 ? value : value.slice(0, dot);
  if (first.length > LABEL_CHARACTERS_MAX || !FIRST_LABEL.test(first)) {
    return `must be a host name; its part ${JSON.stringify(first)} is no DNS label`;
  }
  return dot < 0 ? undefined : labelsReason(value.slice(dot + 1));
};

/** As `wildcardDomain`, and not `*` alone. */
export const destinationHost: Rule = (value) =>
  value === '*' ? 'must name a host; * names all of them' : wildcardDomain(value);

/** Hosts of a virtual service: a host name, a wildcard or an IP address. */
export const virtualHost: Rule = (value) => (ipFamily(value) > 0 ? undefined : wildcardDomain(value));

/**
 * Hosts of a service entry. Beside host names these may be interface names of RPC services, which have the letters that
 * names in programs have.
 */
export const serviceHost: Rule = (value) => destinationHost(value.replace(/(?<=[\w$])[_$](?=[\w$])/g, '-'));

/** Kubernetes: names of most objects. */
export const objectName: Rule = (value) =>
  value.length <= KUBERNETES_NAME_CHARACTERS_MAX && value.split('.').every((label) => KUBERNETES_LABEL.test(label))
    ? undefined
    : 'must be a name of lower case letters, digits, dashes and dots';

/** Kubernetes: names of namespaces. */
export const namespaceName: Rule = (value) =>
  value.length <= LABEL_CHARACTERS_MAX && KUBERNETES_LABEL.test(value)
    ? undefined
    : 'must be a namespace: up to 63 lower case letters, digits and dashes';

/** Kubernetes: `[PREFIX/]NAME`. */
export const labelKey: Rule = (value) => {
  const slash = value.indexOf('/');
  const prefix = slash < 0 ? undefined : value.slice(0, slash);
  const name = value.slice(slash + 1);
  const good =
    (prefix === undefined ||
      (prefix.length <= KUBERNETES_NAME_CHARACTERS_MAX && prefix.split('.').every((label) => LABEL.test(label)))) &&
    name.length <= LABEL_CHARACTERS_MAX &&
    LABEL_KEY_NAME.test(name);
  return good ? undefined : 'must be a label key: [DOMAIN/]NAME, the name up to 63 letters, digits, -, _ and .';
};

export const labelValue: Rule = (value) =>
  value === '' || (value.length <= LABEL_CHARACTERS_MAX && LABEL_KEY_NAME.test(value))
    ? undefined
    : 'must be a label value: up to 63 letters, digits, -, _ and ., a letter or digit at both ends';

/** `NAMESPACE/NAME`, `mesh`, a name, or the old form of a full host name. */
export const gatewayName: Rule = (value) => {
  const slash = value.indexOf('/');
  if (slash < 0) return fqdn(value) === undefined ? undefined : 'must be mesh, NAME or NAMESPACE/NAME of a gateway';
  const good = dnsLabel(value.slice(0, slash)) === undefined && dnsLabel(value.slice(slash + 1)) === undefined;
  return good ? undefined : 'must be mesh, NAME or NAMESPACE/NAME of a gateway';
};

/** `NAMESPACE/HOST` of a sidecar's egress: `./*`, `shop/reviews.shop.svc.cluster.local`, `shop/*.example.com`, `~/*`. */
export const egressHost: Rule = (value) => {
  const slash = value.indexOf('/');
  if (slash < 0) return 'must be NAMESPACE/HOST, for example ./* or */reviews.shop.svc.cluster.local';
  const namespace = value.slice(0, slash).replace(/^~/, '');
  if (slash === 0) return 'must be NAMESPACE/HOST; the namespace is empty';
  if (namespace !== '' && namespace !== '*' && namespace !== '.' && dnsLabel(namespace) !== undefined) {
    return 'must be NAMESPACE/HOST; the namespace is neither a name nor ., * or ~';
  }
  const host = value.slice(slash + 1);
  if (host === '*') return undefined;
  if (!host.includes('.')) return 'must be NAMESPACE/HOST; the host has to be a full name';
  if (host.includes('*') && !host.startsWith('*.'))
    return 'must be NAMESPACE/HOST; a wildcard has to be *. at the front';
  return serviceHost(host);
};

/** An entry of `exportTo`. */
export const exportToEntry: Rule = (value) =>
  value === '*' || value === '.' || value === '~' || dnsLabel(value) === undefined
    ? undefined
    : 'must be *, ., ~ or a namespace';

export const portName: Rule = (value) =>
  dnsLabel(value) === undefined ? undefined : 'must be a port name: up to 63 letters, digits and dashes';

export const trustDomain: Rule = (value) =>
  value !== '' &&
  value.split('.').every((label, index, all) => (label === '' && index === all.length - 1) || !dnsLabel(label))
    ? undefined
    : 'must be a trust domain: DNS labels with dots between';
