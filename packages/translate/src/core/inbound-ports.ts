import type { SidecarIngress } from '@sofamesh/model/kinds/sidecar/types';
import { resolveIstioPort } from '@sofamesh/model/port-protocol';
import type { ProxyNode } from '../input.ts';
import type { Notes } from '../notes.ts';
import type { MeshIndex, Sidecar } from './mesh-index.ts';
import { type PortKind, resolvedPortKind } from './port-kind.ts';

/** A port on which a sidecar takes in what is for its application. */
export interface InboundPort {
  readonly address: string;
  readonly port: number;
  readonly kind: Exclude<PortKind, { kind: 'udp' }>;
  readonly target: Target;
}

/** Where the application listens; a path (`unix:///…`) has port 0. */
export interface Target {
  readonly address: string;
  readonly port: number;
}

/**
 * What a Sidecar's `ingress` lists. Without interception nothing else can be taken in. How much is read of calls is said by the
 * service that the proxy is an instance of.
 */
export function inboundPorts(
  proxy: ProxyNode,
  sidecar: Sidecar | undefined,
  { serviceLevels }: Pick<MeshIndex, 'serviceLevels'>,
  notes: Notes,
): readonly InboundPort[] {
  const ports = new Map<string, InboundPort>();
  for (const ingress of sidecar?.spec.ingress ?? []) {
    const declared = resolvedPortKind(resolveIstioPort(ingress.port));
    const { number } = ingress.port;
    const leftOut = (reason: string) => notes.add(sidecar!, `ingress port ${number} is left out: ${reason}`);
    const address = ingress.bind === '' ? proxy.address : ingress.bind;
    const target = targetOf(ingress, proxy.address, address);
    const key = `${address} ${number}`;
    const level = [address, ...proxy.addresses].map((own) => serviceLevels.get(`${own} ${number}`)).find(Boolean);
    const kind = declared.kind === 'rpc' && level !== undefined ? { ...declared, level } : declared;
    if (kind.kind === 'udp') leftOut('UDP is not supported');
    else if (ports.has(key)) leftOut('it is listed twice');
    else if (target === undefined) leftOut(`defaultEndpoint ${ingress.defaultEndpoint} cannot be used`);
    else if (overlap(target.address, address) && target.port === number) leftOut('it would forward to itself');
    else ports.set(key, { address, port: number, kind, target });
  }
  return [...ports.values()];
}

function targetOf({ defaultEndpoint, port }: SidecarIngress, own: string, listens: string): Target | undefined {
  // The sidecar has the address itself, so that the application can only be on the loopback.
  if (defaultEndpoint === '') return { address: listens === own ? '127.0.0.1' : own, port: port.number };
  if (defaultEndpoint.startsWith('unix:')) return { address: defaultEndpoint, port: 0 };
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(defaultEndpoint);
  if (match === null) return undefined;
  const host = match[1] ?? match[2]!;
  return { address: host === '0.0.0.0' || host === '::' ? own : host, port: Number(match[3]) };
}

/** Whether a port of one address is taken by the other: both are equal, or one of them is every address. */
export function overlap(a: string, b: string): boolean {
  const every = ['0.0.0.0', '::'];
  return a === b || every.includes(a) || every.includes(b);
}
