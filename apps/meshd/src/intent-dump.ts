import { type ResourceKind, resourceKinds } from '@sofamesh/control/push/proxy-view';
import type { NamedResource } from '@sofamesh/translate/input';
import { resourceJson } from '@sofamesh/translate/resource-json';

const admin = 'type.googleapis.com/envoy.admin.v3.';

/** Where Envoy's `/config_dump` has resources of a kind. */
const sections: Readonly<Record<ResourceKind, (resources: unknown[]) => object>> = {
  clusters: (list) => ({
    '@type': `${admin}ClustersConfigDump`,
    dynamic_active_clusters: list.map((cluster) => ({ cluster })),
  }),
  endpoints: (list) => ({
    '@type': `${admin}EndpointsConfigDump`,
    dynamic_endpoint_configs: list.map((endpoint_config) => ({ endpoint_config })),
  }),
  listeners: (list) => ({
    '@type': `${admin}ListenersConfigDump`,
    dynamic_listeners: list.map((listener) => ({ active_state: { listener } })),
  }),
  routes: (list) => ({
    '@type': `${admin}RoutesConfigDump`,
    dynamic_route_configs: list.map((route_config) => ({ route_config })),
  }),
};

/** What a proxy should have, in the shape of Envoy's `/config_dump?include_eds`. */
export function intentDump(resources: (kind: ResourceKind) => readonly NamedResource[]): object {
  return {
    configs: resourceKinds.map((kind) => sections[kind](resources(kind).map((one) => resourceJson(kind, one)))),
  };
}
