import type { Report } from '../../finding.ts';
import { isWildcardHost } from '../../host.ts';
import type { Input, RawObject } from '../../kind.ts';
import { checkExportTo, checkUnique, checkWorkloadSelector } from '../parts/validate.ts';
import type { ClientTls, ConnectionPool, DestinationRuleSpec, PortPolicy, TrafficPolicy } from './types.ts';

/** As Istio validates a destination rule; `report` stands at `spec`. */
export function validate({ metadata, spec }: RawObject<DestinationRuleSpec>, report: Report): void {
  const subsets = spec.subsets ?? [];
  checkTrafficPolicy(spec.trafficPolicy, report.at('trafficPolicy'));
  checkUnique(subsets, (subset) => subset.name, report.at('subsets'), 'name');
  for (const [index, subset] of subsets.entries()) {
    checkTrafficPolicy(subset.trafficPolicy, report.at('subsets', index, 'trafficPolicy'));
  }
  if (subsets.length > 0 && isWildcardHost(spec.host ?? '')) {
    report.at('subsets').warn('belong to a wildcard host; a route can name only subsets of the host that it names');
  }
  checkExportTo(spec.exportTo, metadata.namespace, report.at('exportTo'), false);
  checkWorkloadSelector(spec.workloadSelector, report.at('workloadSelector'));
}

function checkTrafficPolicy(policy: Input<TrafficPolicy> | undefined, report: Report): void {
  if (policy === undefined) return;
  if (Object.keys(policy).length === 0) report.error('must say something; it is empty');
  checkPortPolicy(policy, report);
  const settings = policy.portLevelSettings ?? [];
  checkUnique(settings, (setting) => setting.port?.number, report.at('portLevelSettings'), 'port');
  for (const [index, setting] of settings.entries()) {
    const at = report.at('portLevelSettings', index);
    if (Object.keys(setting).length === 1) at.error('must say something beside its port');
    checkPortPolicy(setting, at);
  }
}

function checkPortPolicy(policy: Input<PortPolicy>, report: Report): void {
  if ((policy.loadBalancer?.simple as string | undefined) === 'LEAST_CONN') {
    report.at('loadBalancer', 'simple').warn('is an old word; write LEAST_REQUEST');
  }
  checkConnectionPool(policy.connectionPool, report.at('connectionPool'));
  checkTls(policy.tls, report.at('tls'));
}

function checkConnectionPool(pool: Input<ConnectionPool> | undefined, report: Report): void {
  if (pool === undefined) return;
  if (pool.tcp === undefined && pool.http === undefined) report.error('must have tcp or http');
  if (pool.http?.h2UpgradePolicy === 'UPGRADE' && pool.http.useClientProtocol === true) {
    report.at('http', 'useClientProtocol').error('contradicts h2UpgradePolicy, which is UPGRADE');
  }
}

const FILES = ['clientCertificate', 'privateKey', 'caCertificates'] as const;

function checkTls(tls: Input<ClientTls> | undefined, report: Report): void {
  if (tls === undefined) return;
  const mode = tls.mode ?? 'DISABLE';
  if (mode === 'ISTIO_MUTUAL') {
    for (const field of [...FILES, 'credentialName'] as const) {
      if (tls[field]) report.at(field).error('must be empty: with ISTIO_MUTUAL the mesh gives the certificates');
    }
    return;
  }
  if (tls.insecureSkipVerify === true) {
    for (const field of ['caCertificates', 'credentialName', 'subjectAltNames'] as const) {
      if (tls[field]?.length) report.at(field).error('contradicts insecureSkipVerify');
    }
  }
  if (mode !== 'SIMPLE' && mode !== 'MUTUAL') return;
  if (tls.credentialName) {
    for (const field of FILES) if (tls[field]) report.at(field).error('must be empty beside credentialName');
  } else if (mode === 'MUTUAL') {
    for (const field of ['clientCertificate', 'privateKey'] as const) {
      if (!tls[field]) report.at(field).error('is required with MUTUAL');
    }
  }
}
