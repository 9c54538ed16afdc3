import type { Input, RawObject } from '../../kind.ts';
import type { Labels } from '../../labels.ts';
import type { SidecarPort, SidecarSpec } from './types.ts';

/** Fills in what is absent. Called with what the schema has accepted. */
export function applyDefaults({ spec }: RawObject<SidecarSpec>): SidecarSpec {
  const { workloadSelector, outboundTrafficPolicy, inboundConnectionPool } = spec;
  return {
    ...(workloadSelector === undefined
      ? {}
      : { workloadSelector: { labels: (workloadSelector.labels ?? {}) as Labels } }),
    ingress: (spec.ingress ?? []).map((entry) => ({
      ...entry,
      port: port(entry.port!),
      bind: entry.bind ?? '',
      captureMode: entry.captureMode ?? 'DEFAULT',
      defaultEndpoint: entry.defaultEndpoint ?? '',
    })),
    egress: (spec.egress ?? []).map((entry) => ({
      ...(entry.port === undefined ? {} : { port: port(entry.port) }),
      bind: entry.bind ?? '',
      captureMode: entry.captureMode ?? 'DEFAULT',
      hosts: entry.hosts!,
    })),
    // An empty policy means what protobuf's zero value says.
    ...(outboundTrafficPolicy === undefined
      ? {}
      : { outboundTrafficPolicy: { ...outboundTrafficPolicy, mode: outboundTrafficPolicy.mode ?? 'REGISTRY_ONLY' } }),
    ...(inboundConnectionPool === undefined ? {} : { inboundConnectionPool }),
  };
}

function port(given: Input<SidecarPort>): SidecarPort {
  return { number: given.number!, name: given.name ?? '', protocol: given.protocol ?? '' };
}
