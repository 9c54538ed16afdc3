/** Path of the state-of-the-world variant of ADS. */
export const adsMethod = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';

/** The same of the service of secrets alone. */
export const secretsMethod = '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets';

export const clusterTypeUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
export const endpointsTypeUrl = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
export const listenerTypeUrl = 'type.googleapis.com/envoy.config.listener.v3.Listener';
export const routeTypeUrl = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration';
export const secretTypeUrl = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

/** What is named must be there before what names it: both sides of ADS go through the types in this order. */
export const typeOrder: readonly string[] = [clusterTypeUrl, endpointsTypeUrl, listenerTypeUrl, routeTypeUrl];

/** Types in {@link typeOrder} first, in that order. */
export function compareTypes(a: string, b: string): number {
  return rank(a) - rank(b);
}

function rank(typeUrl: string): number {
  const at = typeOrder.indexOf(typeUrl);
  return at === -1 ? typeOrder.length : at;
}

/** Types of which a subscription without names means all of them, as the protocol's first version has it. */
export function isWildcardType(typeUrl: string): boolean {
  return typeUrl === clusterTypeUrl || typeUrl === listenerTypeUrl;
}
