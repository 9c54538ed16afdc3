import type { Input, RawObject } from '../../kind.ts';
import type { Labels } from '../../labels.ts';
import type {
  ClientTls,
  ConnectionPool,
  DestinationRuleSpec,
  HttpPool,
  LoadBalancer,
  PortPolicy,
  SimpleLoadBalancer,
  TcpPool,
  TrafficPolicy,
} from './types.ts';

/** Fills in what is absent; older spellings are turned into the newer ones. Called with what the schema has accepted. */
export function applyDefaults({ spec }: RawObject<DestinationRuleSpec>): DestinationRuleSpec {
  return {
    host: spec.host!,
    ...(spec.trafficPolicy === undefined ? {} : { trafficPolicy: trafficPolicy(spec.trafficPolicy) }),
    subsets: (spec.subsets ?? []).map((subset) => ({
      name: subset.name!,
      labels: (subset.labels ?? {}) as Labels,
      ...(subset.trafficPolicy === undefined ? {} : { trafficPolicy: trafficPolicy(subset.trafficPolicy) }),
    })),
    exportTo: spec.exportTo ?? [],
    ...(spec.workloadSelector === undefined
      ? {}
      : { workloadSelector: { labels: (spec.workloadSelector.labels ?? {}) as Labels } }),
  };
}

function trafficPolicy(given: Input<TrafficPolicy>): TrafficPolicy {
  return {
    ...portPolicy(given),
    portLevelSettings: (given.portLevelSettings ?? []).map((setting) => ({
      ...portPolicy(setting),
      port: { number: setting.port!.number! },
    })),
    ...(given.tunnel === undefined ? {} : { tunnel: given.tunnel }),
    ...(given.proxyProtocol === undefined ? {} : { proxyProtocol: given.proxyProtocol }),
    ...(given.retryBudget === undefined ? {} : { retryBudget: given.retryBudget }),
  };
}

function portPolicy({ loadBalancer, connectionPool, tls, outlierDetection }: Input<PortPolicy>): PortPolicy {
  return {
    ...(loadBalancer === undefined ? {} : { loadBalancer: balancer(loadBalancer) }),
    ...(connectionPool === undefined ? {} : { connectionPool: pool(connectionPool) }),
    ...(tls === undefined ? {} : { tls: clientTls(tls) }),
    ...(outlierDetection === undefined ? {} : { outlierDetection }),
  };
}

function balancer(given: Input<LoadBalancer>): LoadBalancer {
  const simple = (given.simple ?? 'UNSPECIFIED') as SimpleLoadBalancer | 'LEAST_CONN';
  return { ...(given as LoadBalancer), simple: simple === 'LEAST_CONN' ? 'LEAST_REQUEST' : simple };
}

function pool({ tcp, http }: Input<ConnectionPool>): ConnectionPool {
  return {
    ...(tcp === undefined ? {} : { tcp: tcp as TcpPool }),
    ...(http === undefined
      ? {}
      : {
          http: {
            ...(http as HttpPool),
            h2UpgradePolicy: http.h2UpgradePolicy ?? 'DEFAULT',
            useClientProtocol: http.useClientProtocol ?? false,
          },
        }),
  };
}

function clientTls(given: Input<ClientTls>): ClientTls {
  return {
    ...(given as ClientTls),
    mode: given.mode ?? 'DISABLE',
    subjectAltNames: given.subjectAltNames ?? [],
    insecureSkipVerify: given.insecureSkipVerify ?? false,
  };
}
