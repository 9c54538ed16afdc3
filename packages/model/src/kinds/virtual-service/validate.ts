import type { Report } from '../../finding.ts';
import { hostCovers, hostsOverlap } from '../../host.ts';
import { ipFamily } from '../../ip.ts';
import type { Input, RawObject } from '../../kind.ts';
import { wildcardDomain } from '../../rules/names.ts';
import { JWT_CLAIM } from '../../rules/texts.ts';
import { checkExportTo } from '../parts/validate.ts';
import type { RouteDestination, TlsRoute, VirtualServiceSpec } from './types.ts';
import { checkHttpRoute } from './validate-http-route.ts';
import { checkUnreachable } from './validate-unreachable.ts';

type Spec = Input<VirtualServiceSpec>;

/** As Istio validates a virtual service; `report` stands at `spec`. */
export function validate({ metadata, spec }: RawObject<VirtualServiceSpec>, report: Report): void {
  const hosts = spec.hosts ?? [];
  const gateways = spec.gateways ?? [];
  const appliesToMesh = gateways.length === 0 || gateways.includes('mesh');
  const isDelegate = hosts.length === 0;

  if (isDelegate) checkDelegate(spec, report);
  if (!spec.http?.length && !spec.tls?.length && !spec.tcp?.length) {
    report.error('must have routes in http, tls or tcp');
  }
  for (const [index, gateway] of gateways.entries()) {
    if (gateway.includes('.') && !gateway.includes('/')) {
      report.at('gateways', index).warn('uses an old form; write NAMESPACE/NAME');
    }
  }
  checkHosts(hosts, appliesToMesh, report.at('hosts'));
  checkExportTo(spec.exportTo, metadata.namespace, report.at('exportTo'), false);

  for (const [index, route] of (spec.http ?? []).entries()) {
    const at = report.at('http', index);
    checkHttpRoute(route, at, isDelegate);
    if (!appliesToMesh) continue;
    for (const [m, match] of (route.match ?? []).entries()) {
      for (const field of ['headers', 'withoutHeaders'] as const) {
        for (const name of Object.keys(match[field] ?? {})) {
          if (JWT_CLAIM.test(name))
            at.at('match', m, field, name).error('works at gateways only; this one is for the mesh');
        }
      }
    }
  }
  checkUnreachable(spec.http ?? [], report.at('http'));
  for (const [index, route] of (spec.tls ?? []).entries()) checkTlsRoute(route, hosts, report.at('tls', index));
  for (const [index, route] of (spec.tcp ?? []).entries()) {
    checkWeights(route.route ?? [], report.at('tcp', index, 'route'));
  }
}

function checkDelegate(spec: Spec, report: Report): void {
  for (const field of ['gateways', 'tls', 'tcp'] as const) {
    if (spec[field]?.length)
      report.at(field).error('must be empty in a virtual service without hosts, which is a delegate');
  }
}

function checkHosts(hosts: readonly string[], appliesToMesh: boolean, report: Report): void {
  for (const [index, host] of hosts.entries()) {
    if (host === '*' && appliesToMesh) report.at(index).error('must not be * in a virtual service for the mesh');
    const earlier = hosts.slice(0, index).find((other) => hostsOverlap(other, host));
    if (earlier !== undefined) report.at(index).error(`overlaps with the host ${earlier}`);
  }
}

function checkTlsRoute(route: Input<TlsRoute>, hosts: readonly string[], report: Report): void {
  for (const [m, match] of (route.match ?? []).entries()) {
    for (const [index, sniHost] of (match.sniHosts ?? []).entries()) {
      const at = report.at('match', m, 'sniHosts', index);
      // The names under which sidecars call across networks: outbound_.80_.v1_.reviews.shop.svc.cluster.local
      if (sniHost.startsWith('outbound_')) continue;
      if (ipFamily(sniHost) > 0) at.warn('is an IP address; clients do not send those as server names');
      else if (wildcardDomain(sniHost) !== undefined) at.error(wildcardDomain(sniHost));
      else if (!hosts.some((host) => hostCovers(host, sniHost)))
        at.error(`is not covered by the hosts ${hosts.join(', ')}`);
    }
  }
  checkWeights(route.route ?? [], report.at('route'));
}

/** Weights need not sum up to 100, but something has to have one. */
export function checkWeights(destinations: readonly Input<RouteDestination>[], report: Report): void {
  const sum = destinations.reduce((total, entry) => total + (entry.weight ?? 0), 0);
  if (destinations.length > 1 && sum === 0) report.error('must have a weight above 0 for at least one destination');
  if (sum > 2 ** 32 - 1) report.error('has weights whose sum is above 4294967295');
}
