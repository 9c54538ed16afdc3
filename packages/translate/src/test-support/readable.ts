import type { JsonValue } from '@bufbuild/protobuf';
import type { ProxyResources } from '../input.ts';
import { type ResourceKind, resourceJson } from '../resource-json.ts';

export interface ReadableResources {
  readonly clusters: readonly JsonValue[];
  readonly endpoints: readonly JsonValue[];
  readonly listeners: readonly JsonValue[];
  readonly routes: readonly JsonValue[];
  readonly notes: readonly string[];
}

/** Resources as people write them. */
export function readable(resources: ProxyResources): ReadableResources {
  const read = (kind: ResourceKind) => resources[kind].map((resource) => resourceJson(kind, resource));
  return {
    clusters: read('clusters'),
    endpoints: read('endpoints'),
    listeners: read('listeners'),
    routes: read('routes'),
    notes: resources.notes.map(({ object, reason }) => `${object}: ${reason}`),
  };
}

/** Clusters without what every cluster has where no rule says otherwise, so that a golden file shows what it is about. */
export function withoutDefaults(clusters: readonly JsonValue[]): readonly JsonValue[] {
  return clusters.map((cluster) =>
    Object.fromEntries(
      Object.entries(cluster as Record<string, JsonValue>).filter(
        ([field, value]) => clusterDefaults[field] !== JSON.stringify(value),
      ),
    ),
  );
}

const unlimited = 4294967295;
const clusterDefaults: Readonly<Record<string, string>> = {
  connect_timeout: '"10s"',
  circuit_breakers: JSON.stringify({
    thresholds: [
      {
        max_connections: unlimited,
        max_pending_requests: unlimited,
        max_requests: unlimited,
        max_retries: unlimited,
        track_remaining: true,
      },
    ],
  }),
};
