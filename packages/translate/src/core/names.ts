/** Names of generated resources. They equal Istio's, which tools, dashboards and people know. */

/** Takes in what may not go out: it has no hosts. */
export const BLACK_HOLE_CLUSTER = 'BlackHoleCluster';

/** `outbound|9080|v1|catalog.bookstore.svc.cluster.local`; the subset may be empty. */
export function outboundClusterName(port: number, subset: string, host: string): string {
  return `outbound|${port}|${subset}|${host}`;
}

export function inboundClusterName(port: number): string {
  return `inbound|${port}||`;
}

/** `127.0.0.1_9080`. */
export function listenerName(address: string, port: number): string {
  return `${address}_${port}`;
}

/** `outbound_127.0.0.1_9080`, before the statistics of a listener's requests. */
export function statPrefix(direction: 'outbound' | 'inbound', address: string, port: number): string {
  return `${direction}_${address}_${port}`;
}

/** The route configuration of all HTTP services on a port. With a listener address of its own, that stands before it. */
export function httpRouteName(port: number, bind: string): string {
  return bind === '' ? String(port) : `${bind}:${port}`;
}

/** The route configuration of an RPC port; of one service, or of all that share the port. */
export function rpcRouteName(port: number, bind: string, host: string | undefined): string {
  const at = bind === '' ? String(port) : `${bind}:${port}`;
  return host === undefined ? `x|${at}` : `x|${at}|${host}`;
}

export function inboundRpcRouteName(port: number): string {
  return `inbound|x|${port}`;
}
