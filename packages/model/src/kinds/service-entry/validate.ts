import { checkServiceAnnotations } from '../../annotations/service.ts';
import type { Report } from '../../finding.ts';
import { isWildcardHost } from '../../host.ts';
import { ipFamily } from '../../ip.ts';
import type { Input, RawObject, ValidationContext } from '../../kind.ts';
import { resolveIstioPort } from '../../port-protocol.ts';
import { UNIX_PREFIX } from '../../rules/addresses.ts';
import { checkEndpoint } from '../parts/endpoint.ts';
import { checkPortProtocol } from '../parts/port.ts';
import { checkExportTo, checkUnique, checkWorkloadSelector } from '../parts/validate.ts';
import type { ServiceEntrySpec } from './types.ts';

type Spec = Input<ServiceEntrySpec>;

/** As Istio validates a service entry; `report` stands at `spec`. */
export function validate(
  { metadata, spec }: RawObject<ServiceEntrySpec>,
  report: Report,
  { xProtocols }: ValidationContext,
): void {
  const ports = spec.ports ?? [];
  checkUnique(spec.hosts ?? [], (host) => host, report.at('hosts'), 'host');
  checkUnique(ports, (port) => port.number, report.at('ports'), 'number');
  checkUnique(ports, (port) => port.name, report.at('ports'), 'name');
  if (ports.length === 0) report.warn('has no ports, so nobody can call it');
  for (const [index, port] of ports.entries()) {
    checkPortProtocol(resolveIstioPort(port, xProtocols), report.at('ports', index, 'name'));
  }
  checkInstances(spec, report);
  checkResolution(spec, report);
  checkExportTo(spec.exportTo, metadata.namespace, report.at('exportTo'), true);
  checkWorkloadSelector(spec.workloadSelector, report.at('workloadSelector'));
}

/** `report` stands at `metadata.annotations`. */
export function validateAnnotations(
  { metadata, spec }: RawObject<ServiceEntrySpec>,
  report: Report,
  { xProtocols }: ValidationContext,
): void {
  const ports = (spec.ports ?? []).map((port) => ({
    name: port.name ?? '',
    resolved: resolveIstioPort(port, xProtocols),
  }));
  checkServiceAnnotations(metadata.annotations, ports, report);
}

function checkInstances(spec: Spec, report: Report): void {
  const endpoints = spec.endpoints ?? [];
  const portNames = new Set((spec.ports ?? []).map((port) => port.name));
  if (endpoints.length > 0 && spec.workloadSelector !== undefined) {
    report.at('workloadSelector').error('must not stand beside endpoints');
  }
  for (const [index, endpoint] of endpoints.entries()) {
    const at = report.at('endpoints', index);
    checkEndpoint(endpoint, at);
    for (const name of Object.keys(endpoint.ports ?? {})) {
      if (!portNames.has(name)) at.at('ports', name).error('is not the name of a port of this service entry');
    }
    if ((endpoint.address ?? '').startsWith(UNIX_PREFIX) && portNames.size > 1) {
      at.at('address').error('may be a socket in the file system only if there is one port');
    }
  }
}

function checkResolution(spec: Spec, report: Report): void {
  const resolution = spec.resolution ?? 'NONE';
  const endpoints = spec.endpoints ?? [];
  const at = report.at('resolution');
  switch (resolution) {
    case 'NONE':
      if (endpoints.length > 0)
        report.at('endpoints').error('must be empty if resolution is NONE, which is the default');
      if (spec.workloadSelector !== undefined) {
        report
          .at('workloadSelector')
          .warn('does nothing if resolution is NONE, which is the default; is STATIC meant?');
      }
      return;
    case 'STATIC':
      if (endpoints.length === 0 && spec.workloadSelector === undefined) {
        at.warn('is STATIC, but there are neither endpoints nor a workloadSelector, so every call fails');
      }
      for (const [index, endpoint] of endpoints.entries()) {
        const address = endpoint.address ?? '';
        if (address === '' || ipFamily(address) > 0 || address.startsWith(UNIX_PREFIX)) continue;
        report.at('endpoints', index, 'address').error('must be an IP address or unix:///path if resolution is STATIC');
      }
      return;
    case 'DNS':
    case 'DNS_ROUND_ROBIN':
      if (resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1) {
        report.at('endpoints').error('may have one entry only if resolution is DNS_ROUND_ROBIN');
      }
      if (endpoints.length > 0 || spec.workloadSelector !== undefined) return;
      for (const [index, host] of (spec.hosts ?? []).entries()) {
        if (isWildcardHost(host))
          report.at('hosts', index).error('must be a full host name, for there are no endpoints to resolve');
      }
      return;
    case 'DYNAMIC_DNS':
      if (endpoints.length > 0) report.at('endpoints').error('must be empty if resolution is DYNAMIC_DNS');
      at.warn('has no effect yet: DYNAMIC_DNS is taken for NONE');
  }
}
