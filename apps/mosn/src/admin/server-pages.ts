import type { Options } from '../argv.ts';
import type { ServerState } from '../lifecycle/server-state.ts';
import { version } from '../version.ts';
import { type AdminPage, json, text } from './page.ts';

/** `/ready`, `/server_info`, `/memory`: about the process. `node` is `envoy.config.core.v3.Node` as JSON. */
export function serverPages(state: ServerState, options: Options, node: object): AdminPage[] {
  return [
    {
      path: '/ready',
      help: 'LIVE with 200 when this proxy serves, else 503',
      answer: () => text(`${state.phase}\n`, state.phase === 'LIVE' ? 200 : 503),
    },
    {
      path: '/server_info',
      help: 'version, state, uptime, node and command line',
      answer: () => {
        const uptime = `${Math.floor(state.uptimeMs / 1000)}s`;
        return json({
          version: `mosn/${version}/node-${process.versions.node}`,
          state: state.phase,
          uptime_current_epoch: uptime,
          uptime_all_epochs: uptime,
          hot_restart_version: 'disabled',
          command_line_options: optionsJson(options),
          node,
        });
      },
    },
    {
      path: '/memory',
      help: 'memory in use',
      answer: () => {
        const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
        return json({
          allocated: String(heapUsed + external),
          heap_size: String(heapTotal),
          pageheap_unmapped: '0',
          pageheap_free: String(heapTotal - heapUsed),
          total_thread_cache: String(arrayBuffers),
          total_physical_bytes: String(rss),
        });
      },
    },
  ];
}

/** Under Envoy's names. The text of the configuration is left out: it may hold secrets. */
function optionsJson(options: Options): object {
  return {
    base_id: String(options.baseId),
    concurrency: options.concurrency,
    config_path: options.configPath ?? '',
    log_level: options.logLevels.level,
    component_log_level: Object.entries(options.logLevels.components)
      .map(([component, level]) => `${component}:${level}`)
      .join(','),
    log_path: options.logPath ?? '',
    service_cluster: options.serviceCluster ?? '',
    service_node: options.serviceNode ?? '',
    mode: options.mode === 'validate' ? 'Validate' : 'Serve',
    drain_time: `${options.drainMs / 1000}s`,
    parent_shutdown_time: `${options.parentShutdownMs / 1000}s`,
    admin_address_path: options.adminAddressPath ?? '',
  };
}
