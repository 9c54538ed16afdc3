import { checkServiceAnnotations } from '../../annotations/service.ts';
import type { Report } from '../../finding.ts';
import { ipFamily } from '../../ip.ts';
import type { RawObject, ValidationContext } from '../../kind.ts';
import { resolveServicePort } from '../../port-protocol.ts';
import { fqdn } from '../../rules/names.ts';
import { checkPortProtocol } from '../parts/port.ts';
import { checkUnique } from '../parts/validate.ts';
import type { ServiceSpec } from './types.ts';

/** As Kubernetes validates a service; `report` stands at `spec`. */
export function validate({ spec }: RawObject<ServiceSpec>, report: Report, { xProtocols }: ValidationContext): void {
  const ports = spec.ports ?? [];
  const clusterIP = spec.clusterIP ?? '';
  if (spec.type === 'ExternalName') {
    report.at('externalName').error(spec.externalName ? fqdn(spec.externalName) : 'is required with type ExternalName');
  } else if (ports.length === 0 && clusterIP !== 'None') {
    report.at('ports').error('must have at least 1 entry');
  }
  if (clusterIP !== '' && clusterIP !== 'None' && ipFamily(clusterIP) === 0) {
    report.at('clusterIP').error('must be an IP address or None');
  }
  for (const [index, address] of (spec.clusterIPs ?? []).entries()) {
    if (address !== 'None' && ipFamily(address) === 0)
      report.at('clusterIPs', index).error('must be an IP address or None');
  }
  checkUnique(ports, (port) => port.name || undefined, report.at('ports'), 'name');
  checkUnique(ports, (port) => `${port.protocol ?? 'TCP'} ${port.port}`, report.at('ports'), 'port');
  for (const [index, port] of ports.entries()) {
    if (!port.name && ports.length > 1)
      report.at('ports', index, 'name').error('is required where there are several ports');
    const description = { ...port, number: port.port };
    checkPortProtocol(
      resolveServicePort(description, xProtocols),
      report.at('ports', index, port.appProtocol ? 'appProtocol' : 'name'),
    );
  }
}

/** `report` stands at `metadata.annotations`. */
export function validateAnnotations(
  { metadata, spec }: RawObject<ServiceSpec>,
  report: Report,
  { xProtocols }: ValidationContext,
): void {
  const ports = (spec.ports ?? []).map((port) => ({
    name: port.name ?? '',
    resolved: resolveServicePort({ ...port, number: port.port }, xProtocols),
  }));
  checkServiceAnnotations(metadata.annotations, ports, report);
}
