import type { TranslationCache } from '../cache.ts';
import type { NamedResource, ProxyNode } from '../input.ts';
import type { Notes } from '../notes.ts';
import { type InboundPort, overlap } from './inbound-ports.ts';
import { encodeListener, httpManager, tcpProxy, X_PROXY_TYPE_URL, xProxy } from './listener-filters.ts';
import { outboundClusterName, statPrefix } from './names.ts';
import { type OutboundGroup, outboundGroups } from './outbound-groups.ts';
import type { Scope } from './scope.ts';
import { tcpIdleTimeout, tcpTargets } from './tcp-targets.ts';

export interface OutboundListeners {
  readonly listeners: readonly NamedResource[];
  /** Names of the route configurations that they ask for. */
  readonly routeNames: readonly string[];
}

/** One listener for each port of the services in sight, on an address of the proxy's own machine. */
export function outboundListeners(
  proxy: ProxyNode,
  scope: Scope,
  inbound: readonly InboundPort[],
  cache: TranslationCache,
  notes: Notes,
): OutboundListeners {
  const listeners: NamedResource[] = [];
  const routeNames: string[] = [];
  const taken = new Set<string>();
  const { groups, notes: groupNotes } = outboundGroups(scope, cache);
  notes.addAll(groupNotes);
  for (const group of groups) {
    const address = group.bind === '' ? outboundAddress(proxy) : group.bind;
    const key = `${address} ${group.port}`;
    if (taken.has(key) || isInbound(address, group, inbound)) {
      if (!isOwn(group, proxy))
        notes.add(hostsOf(group), `${address}:${group.port} is taken already: no listener for it`);
      continue;
    }
    taken.add(key);
    const speaksRpc = proxy.typeUrls.has(X_PROXY_TYPE_URL);
    listeners.push(outboundListener(group, address, speaksRpc, scope, cache, notes));
    if (group.routeName !== undefined && (group.kind.kind === 'http' || speaksRpc)) routeNames.push(group.routeName);
  }
  return { listeners, routeNames };
}

/** Several sidecars may live on one machine, each on its own address of the loopback network. */
function outboundAddress({ address }: ProxyNode): string {
  return /^127\.\d+\.\d+\.\d+$/.test(address) ? address : '127.0.0.1';
}

/** Both what the sidecar takes in and the application behind it come first. */
function isInbound(address: string, { port }: OutboundGroup, inbound: readonly InboundPort[]): boolean {
  return inbound.some(
    (one) =>
      (one.port === port && overlap(one.address, address)) ||
      (one.target.port === port && overlap(one.target.address, address)),
  );
}

/** A workload's own service: that calls to it do not go through its sidecar is no surprise. */
function isOwn({ members }: OutboundGroup, { addresses, address }: ProxyNode): boolean {
  return members.every(({ entry }) =>
    entry.instances.some((instance) => instance.address === address || addresses.includes(instance.address)),
  );
}

function hostsOf({ members }: OutboundGroup): string {
  return `Service ${members.map(({ entry }) => entry.service.host).join(', ')}`;
}

function outboundListener(
  group: OutboundGroup,
  address: string,
  speaksRpc: boolean,
  scope: Scope,
  cache: TranslationCache,
  notes: Notes,
): NamedResource {
  const { port, kind, routeName, members } = group;
  const { mesh } = scope;
  const prefix = statPrefix('outbound', address, port);
  const log = `${mesh.accessLogFile}\n${mesh.accessLogFormat}`;
  if (kind.kind === 'http') {
    return cache.memoText(`outbound http ${address} ${port} ${routeName}\n${log}`, () =>
      encodeListener('outbound', address, port, httpManager('outbound', prefix, routeName!, mesh)),
    );
  }
  if (kind.kind === 'rpc' && speaksRpc) {
    return cache.memoText(`outbound ${kind.protocol} ${kind.level} ${address} ${port} ${routeName}\n${log}`, () =>
      encodeListener('outbound', address, port, xProxy('outbound', kind, prefix, routeName!, mesh)),
    );
  }
  const [first, ...others] = members;
  for (const { entry } of others) {
    notes.add(
      `Service ${entry.service.host}`,
      `port ${port} goes to ${first!.entry.service.host}: as TCP it cannot be shared`,
    );
  }
  const targets = tcpTargets(first!, scope, kind.kind === 'rpc', notes);
  const idleTimeoutMs = tcpIdleTimeout(first!);
  const name = targets.length === 1 ? targets[0]!.cluster : outboundClusterName(port, '', first!.entry.service.host);
  const key = `outbound tcp ${address} ${port} ${name} ${JSON.stringify(targets)} ${idleTimeoutMs}\n${log}`;
  return cache.memoText(key, () =>
    encodeListener('outbound', address, port, tcpProxy(name, targets, idleTimeoutMs, mesh)),
  );
}
