import type { ServicePort } from '@sofamesh/contract/registry';
import type { TranslationCache } from '../cache.ts';
import type { TranslationNote } from '../input.ts';
import { Notes } from '../notes.ts';
import { httpRouteName, rpcRouteName } from './names.ts';
import { type PortKind, portKind } from './port-kind.ts';
import type { Scope, ScopedService } from './scope.ts';

/** What is behind one outbound listener: all services with the same port number and listener address. */
export interface OutboundGroup {
  /** Empty: the proxy's usual one. */
  readonly bind: string;
  readonly port: number;
  /** The service level is that of the listener: services that share it can be told apart at level full only. */
  readonly kind: Exclude<PortKind, { kind: 'udp' }>;
  readonly members: readonly Member[];
  /** Of its route configuration; undefined for TCP, which has none. */
  readonly routeName: string | undefined;
}

export interface OutboundGroups {
  readonly groups: readonly OutboundGroup[];
  readonly notes: readonly TranslationNote[];
}

export interface Member {
  readonly entry: ScopedService;
  readonly port: ServicePort;
}

/**
 * Services that share a port share its listener if their protocol tells them apart: HTTP by its hosts, one RPC protocol by
 * its interfaces. Otherwise the first one has the port.
 */
export function outboundGroups(scope: Scope, cache: TranslationCache): OutboundGroups {
  return cache.memo('outbound-groups', [scope], () => {
    const notes = new Notes();
    const open = new Map<string, OpenGroup>();
    for (const entry of scope.services) {
      for (const { port, bind } of entry.listens) add(open, notes, { entry, port }, bind);
    }
    const groups = [...open.values()]
      .sort((a, b) => a.port - b.port || (a.bind < b.bind ? -1 : 1))
      .map((group) => ({ ...group, kind: kindOf(group, notes), routeName: routeNameOf(group) }));
    return { groups, notes: notes.list() };
  });
}

type OpenGroup = Omit<OutboundGroup, 'routeName' | 'members'> & { readonly members: Member[] };

function add(groups: Map<string, OpenGroup>, notes: Notes, member: Member, bind: string): void {
  const { service } = member.entry;
  const { number } = member.port;
  const kind = portKind(member.port);
  const name = `Service ${service.namespace}/${service.host}`;
  if (kind.kind === 'udp') return;
  if (service.resolution === 'passthrough') {
    notes.add(name, `port ${number} has no listener: without interception its original destinations are not known`);
    return;
  }
  const key = `${number} ${bind}`;
  const group = groups.get(key);
  if (group === undefined) groups.set(key, { bind, port: number, kind, members: [member] });
  else if (canShare(group.kind, kind)) group.members.push(member);
  else {
    const first = group.members[0]!.entry.service.host;
    notes.add(
      name,
      `port ${number} has no listener: ${first} has it, and its ${describe(group.kind)} cannot be shared`,
    );
  }
}

function kindOf({ kind, port, members }: OpenGroup, notes: Notes): OutboundGroup['kind'] {
  if (kind.kind !== 'rpc' || members.length === 1) return kind;
  for (const { entry, port: own } of members) {
    if (own.serviceLevel === undefined || own.serviceLevel === 'full') continue;
    const { namespace, host } = entry.service;
    notes.add(
      `Service ${namespace}/${host}`,
      `callers have its port ${port} at service level full, not ${own.serviceLevel}: they share it with other services`,
    );
  }
  return { ...kind, level: 'full' };
}

function canShare(a: PortKind, b: PortKind): boolean {
  if (a.kind === 'http') return b.kind === 'http';
  return a.kind === 'rpc' && b.kind === 'rpc' && a.protocol === b.protocol;
}

function describe(kind: PortKind): string {
  return kind.kind === 'rpc' ? `${kind.protocol} port` : `${kind.kind === 'http' ? 'HTTP' : 'TCP'} port`;
}

function routeNameOf({ kind, bind, port, members }: OpenGroup): string | undefined {
  if (kind.kind === 'http') return httpRouteName(port, bind);
  if (kind.kind === 'tcp') return undefined;
  return rpcRouteName(port, bind, members.length === 1 ? members[0]!.entry.service.host : undefined);
}
