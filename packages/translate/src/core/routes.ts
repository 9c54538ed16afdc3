import { create, toBinary } from '@bufbuild/protobuf';
import {
  type Route,
  RouteSchema,
  VirtualHostSchema,
} from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import type { TranslationCache } from '../cache.ts';
import type { NamedResource, TranslationNote } from '../input.ts';
import { Notes } from '../notes.ts';
import { serviceOf } from './destinations.ts';
import { domainsOf, listenerNames, serviceNames, shareDomains } from './domains.ts';
import { defaultRoute, type RouteContext, routesOf } from './http-routes.ts';
import type { VirtualService } from './mesh-index.ts';
import { outboundClusterName } from './names.ts';
import { type Member, type OutboundGroup, outboundGroups } from './outbound-groups.ts';
import { appendEncoded } from './protobuf.ts';
import { matchesEverything, routeMatch } from './route-match.ts';
import type { Scope } from './scope.ts';

/** Where virtual services give names that no service has, Istio serves them on this port. */
const portOfVirtualHosts = 80;
/** Envoy's own limit is 4 KiB; validation allows this much. */
const directResponseBytesMax = 1024 * 1024;

/** The route configurations of a scope, by the names that its listeners ask for. */
export function outboundRoutes(scope: Scope, cache: TranslationCache): OutboundRoutes {
  return cache.memo('outbound-routes', [scope], () => {
    const byName = new Map<string, NamedResource>();
    const notes = new Notes();
    for (const group of outboundGroups(scope, cache).groups) {
      const name = group.routeName;
      if (name !== undefined) byName.set(name, routeConfiguration(name, group, { scope, cache, notes }));
    }
    return { byName, notes: notes.list() };
  });
}

export interface OutboundRoutes {
  readonly byName: ReadonlyMap<string, NamedResource>;
  readonly notes: readonly TranslationNote[];
}

interface Making {
  readonly scope: Scope;
  readonly cache: TranslationCache;
  readonly notes: Notes;
}

/** What becomes a virtual host, once it is known which domains it may have. */
interface Source {
  readonly domains: readonly string[];
  readonly encode: (domains: readonly string[]) => Uint8Array;
}

function routeConfiguration(name: string, group: OutboundGroup, making: Making): NamedResource {
  const { scope, cache } = making;
  const sources: Source[] = group.members.map((member) => ofService(member, group, making));
  if (group.kind.kind === 'http' && group.port === portOfVirtualHosts) {
    for (const { host, virtualService } of scope.virtualHosts)
      sources.push(...ofRuleAlone(host, virtualService, making));
  }
  const domains = shareDomains(sources.map((source) => source.domains));
  const hosts: Uint8Array[] = [];
  for (const [at, source] of sources.entries()) {
    const own = domains[at]!;
    if (own.length > 0) hosts.push(source.encode(own));
  }
  const isCaught = domains.some((list) => list.includes('*'));
  if (group.kind.kind === 'http' && scope.outboundPolicy === 'REGISTRY_ONLY' && !isCaught) hosts.push(blockAll(cache));
  const head = create(RouteConfigurationSchema, {
    name,
    validateClusters: false,
    maxDirectResponseBodySizeBytes: directResponseBytesMax,
  });
  return {
    name,
    bytes: appendEncoded(
      toBinary(RouteConfigurationSchema, head),
      RouteConfigurationSchema.field.virtualHosts.number,
      hosts,
    ),
  };
}

function ofService({ entry, port }: Member, group: OutboundGroup, { scope, cache, notes: all }: Making): Source {
  const { service, virtualService } = entry;
  const rpc = group.kind.kind === 'rpc';
  const level = group.kind.kind === 'rpc' ? group.kind.level : 'full';
  const isAlone = group.members.length === 1;
  const names = [...serviceNames(service, scope.namespace, scope.mesh.domain)];
  if (isAlone) names.push(...(rpc ? ['*'] : listenerNames(group.bind)));
  const wanted = domainsOf(names, port.number);
  return {
    domains: wanted,
    encode: (domains) => {
      const { bytes, notes } = cache.memo(
        'virtual-host',
        [
          service,
          `${port.number} ${rpc ? `rpc ${level}` : 'http'} ${domains.length === wanted.length ? group.bind : domains.join(' ')}`,
          `${scope.namespace} ${scope.mesh.domain} ${isAlone ? 'alone' : ''}`,
          ...(virtualService === undefined ? [] : dependencies(virtualService, scope)),
        ],
        () => {
          const notes = new Notes();
          const routes = serviceRoutes(entry, { scope, port: port.number, rpc, notes });
          if (level !== 'full' && routes.some(({ match }) => !matchesEverything(match!))) {
            const where = `port ${port.number} of ${service.host} is at service level ${level}`;
            notes.add(virtualService!, `${where}: conditions on calls, which are not read there, do not hold`);
          }
          return { bytes: virtualHost(`${service.host}:${port.number}`, domains, routes), notes: notes.list() };
        },
      );
      all.addAll(notes);
      return bytes;
    },
  };
}

function serviceRoutes({ service, virtualService }: Member['entry'], context: RouteContext): readonly Route[] {
  const routes = virtualService === undefined ? [] : routesOf(virtualService, context);
  if (routes.length > 0) return routes;
  return [defaultRoute(outboundClusterName(context.port, '', service.host), context.rpc)];
}

function ofRuleAlone(host: string, virtualService: VirtualService, { scope, notes }: Making): Source[] {
  const routes = routesOf(virtualService, { scope, port: portOfVirtualHosts, rpc: false, notes });
  if (routes.length === 0) return [];
  return [
    {
      domains: domainsOf([host], portOfVirtualHosts),
      encode: (domains) => virtualHost(`${host}:${portOfVirtualHosts}`, domains, routes),
    },
  ];
}

/** Everything else that the routes of a virtual service are made from. */
function dependencies(virtualService: VirtualService, scope: Scope): (object | string)[] {
  const found: (object | string)[] = [virtualService];
  for (const { route, match } of virtualService.spec.http) {
    for (const { sourceLabels } of match) found.push(scope.hasLabels(sourceLabels) ? '1' : '0');
    for (const { destination } of route) {
      const target = serviceOf(destination, virtualService, scope);
      found.push(...(target === undefined ? ['missing'] : [target.service, ...target.rules, 'end']));
    }
  }
  return found;
}

function virtualHost(name: string, domains: readonly string[], routes: readonly Route[]): Uint8Array {
  return toBinary(
    VirtualHostSchema,
    create(VirtualHostSchema, { name, domains: [...domains], routes: [...routes], includeRequestAttemptCount: true }),
  );
}

/** Unknown hosts where only the registry's are allowed. */
function blockAll(cache: TranslationCache): Uint8Array {
  return cache.memoText('block_all', () =>
    virtualHost(
      'block_all',
      ['*'],
      [
        create(RouteSchema, {
          name: 'block_all',
          match: routeMatch(undefined),
          action: { case: 'directResponse', value: { status: 502 } },
        }),
      ],
    ),
  );
}
