/** Parts of a bootstrap for calls of RPC protocols. */

const envoyType = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
const mosnType = (name: string) => `type.googleapis.com/mosn.extensions.${name}`;

export function at(port: number) {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

/** `rpc`: mosn.extensions.upstreams.rpc.v1.RpcProtocolOptions. */
export function rpcCluster(name: string, ports: readonly number[], rpc?: object) {
  const lbEndpoints = ports.map((port) => ({ endpoint: { address: at(port) } }));
  const extension = 'mosn.extensions.upstreams.rpc.v1.RpcProtocolOptions';
  return {
    name,
    type: 'STATIC' as const,
    connect_timeout: '2s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: lbEndpoints }] },
    ...(rpc && {
      typed_extension_protocol_options: {
        [extension]: { '@type': mosnType('upstreams.rpc.v1.RpcProtocolOptions'), ...rpc },
      },
    }),
  };
}

/** Every call goes to this cluster. */
export function routesTo(cluster: string, timeout: string, name = 'routes') {
  const routes = [{ match: { prefix: '/' }, route: { cluster, timeout } }];
  return { name, virtual_hosts: [{ name: 'all', domains: ['*'], routes }] };
}

/** `routes`: `{ route_config }` or `{ rds }`. */
export function rpcListener(name: string, protocol: string, port: number, routes: object) {
  const config = {
    '@type': mosnType('filters.network.x_proxy.v1.XProxy'),
    protocol,
    stat_prefix: name,
    http_filters: [{ name: 'router', typed_config: { '@type': envoyType('filters.http.router.v3.Router') } }],
    ...routes,
  };
  const filters = [{ name: 'mosn.filters.network.x_proxy', typed_config: config }];
  return { name, address: at(port), filter_chains: [{ filters }] };
}
