import { accessLogs, httpFilters, routeConfig, typed } from './bootstrap.ts';
import type { Task } from './proxy.ts';

/** mosn's network filter for RPC protocols: at full service every call is decoded, routed and logged. */
export function rpcFilter(task: Task): object {
  return {
    name: 'mosn.filters.network.x_proxy',
    typed_config: typed('mosn.extensions.filters.network.x_proxy.v1.XProxy', {
      protocol: task.mode,
      service_level: task.level ?? 'FULL',
      stat_prefix: 'in',
      route_config: routeConfig(),
      http_filters: httpFilters(),
      access_log: accessLogs(task),
    }),
  };
}
