import type { Report } from '../../finding.ts';
import type { Input, RawObject, ValidationContext } from '../../kind.ts';
import { resolveIstioPort } from '../../port-protocol.ts';
import { checkPortProtocol } from '../parts/port.ts';
import { checkUnique, checkWorkloadSelector } from '../parts/validate.ts';
import type { SidecarEgress, SidecarSpec } from './types.ts';

/** As Istio validates a sidecar; `report` stands at `spec`. */
export function validate({ spec }: RawObject<SidecarSpec>, report: Report, { xProtocols }: ValidationContext): void {
  const ingress = spec.ingress ?? [];
  const egress = spec.egress ?? [];
  const policies = spec.outboundTrafficPolicy ?? spec.inboundConnectionPool;
  if (ingress.length === 0 && egress.length === 0 && policies === undefined)
    report.error('must have ingress, egress or outboundTrafficPolicy');
  checkWorkloadSelector(spec.workloadSelector, report.at('workloadSelector'));
  checkUnique(ingress, (entry) => `${entry.bind ?? ''} ${entry.port?.number}`, report.at('ingress'), 'port');
  for (const [index, { port }] of ingress.entries()) {
    if (port !== undefined)
      checkPortProtocol(resolveIstioPort(port, xProtocols), report.at('ingress', index, 'port', 'name'));
  }
  checkEgress(egress, report.at('egress'));
}

function checkEgress(egress: readonly Input<SidecarEgress>[], report: Report): void {
  checkUnique(
    egress,
    (entry) => (entry.port === undefined ? undefined : `${entry.bind ?? ''} ${entry.port.number}`),
    report,
    'port',
  );
  for (const [index, entry] of egress.entries()) {
    if (entry.port !== undefined) continue;
    const at = report.at(index);
    if (entry.bind) at.at('bind').error('needs a port beside it');
    if (entry.captureMode === 'NONE') at.at('captureMode').error('may be NONE only beside a port');
    if (index < egress.length - 1) at.error('has no port and so stands for all of them; it must be the last entry');
  }
}
