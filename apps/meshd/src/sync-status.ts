import type { ProxyNode } from '@sofamesh/translate/input';
import type { ProxyStatus, TypeStatus } from '@sofamesh/xds/server/proxy-status';
import { clusterTypeUrl, endpointsTypeUrl, listenerTypeUrl, routeTypeUrl } from '@sofamesh/xds/type-urls';

/** One entry of `/debug/syncz`; names as istiod's, versions empty before the first. */
export function syncStatus(status: ProxyStatus, node: ProxyNode | undefined): object {
  const of = (typeUrl: string) => status.types.find((type) => type.typeUrl === typeUrl);
  return {
    proxy: node === undefined ? status.node.id : `${node.name}.${node.namespace}`,
    proxy_id: status.node.id,
    address: node?.address ?? '',
    proxy_type: node?.type ?? '',
    proxy_version: node?.userAgent ?? '',
    connected_at: new Date(status.connectedAtMs).toISOString(),
    ...fieldsOf('cluster', of(clusterTypeUrl)),
    ...fieldsOf('endpoint', of(endpointsTypeUrl)),
    ...fieldsOf('listener', of(listenerTypeUrl)),
    ...fieldsOf('route', of(routeTypeUrl)),
  };
}

function fieldsOf(kind: string, type: TypeStatus | undefined): Record<string, string> {
  return {
    [`${kind}_sent`]: type?.sentVersion ?? '',
    [`${kind}_acked`]: type?.ackedVersion ?? '',
    [`${kind}_error`]: type?.error ?? '',
  };
}
