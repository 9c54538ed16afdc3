import {
  type PortDescription,
  type ResolvedPort,
  resolveIstioPort,
  resolveServicePort,
} from '@sofamesh/model/port-protocol';

/** `protocol` of a port of a ServiceEntry, in the words of contract/registry.ts: `http`, `tcp`, `x-bolt`, …. */
export function entryPortProtocol(port: PortDescription): string {
  return wordOf(resolveIstioPort(port));
}

/** The same for a port of a Kubernetes Service. */
export function servicePortProtocol({
  name,
  port,
  protocol,
  appProtocol,
}: {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly appProtocol?: string;
}): string {
  return wordOf(resolveServicePort({ name, number: port, protocol, appProtocol }));
}

/** What says nothing is carried as it is. */
function wordOf({ protocol, xProtocol }: ResolvedPort): string {
  if (protocol === 'X') return `x-${xProtocol}`;
  return protocol === 'unspecified' ? 'tcp' : protocol.toLowerCase();
}
