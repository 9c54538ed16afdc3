import type { Report } from '../../finding.ts';
import type { ResolvedPort } from '../../port-protocol.ts';

/** Warns of a port `x-PROTOCOL` whose protocol nobody here speaks: it works, as a TCP port. */
export function checkPortProtocol({ unknownXProtocol }: ResolvedPort, report: Report): void {
  if (unknownXProtocol === undefined) return;
  report.warn(`names the RPC protocol ${unknownXProtocol}, which is not known here; the port is taken for TCP`);
}
