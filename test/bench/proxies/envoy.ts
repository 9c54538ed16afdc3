import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../peers/ports.ts';
import { RunningProcess } from '../../peers/process.ts';
import { pinned } from '../cores.ts';
import type { Program } from '../install.ts';
import { accessLogOf, bootstrap, clusterName, standardFilter, tcpFilter, typed } from './bootstrap.ts';
import type { ProxyProgram, StartedProxy, Task } from './proxy.ts';

export const envoyFlags = ['--concurrency', '1', '--disable-hot-restart', '--log-level', 'warn'];
/** Every second, not every ten, so that a run sees what the log costs. */
const flushFlags = ['--file-flush-interval-msec', '1000'];

const dubboProxy = 'envoy.extensions.filters.network.dubbo_proxy.v3.DubboProxy';

export function envoyProxy(envoy: Program): ProxyProgram {
  return {
    name: 'envoy',
    version: envoy.version,
    async start(task: Task): Promise<StartedProxy> {
      const port = await freePort();
      const file = join(task.folder, 'envoy.json');
      const config = bootstrap(task, port, await freePort(), networkFilter(task));
      const withStats = task.observed ? config : { ...config, stats_config: { stats_matcher: { reject_all: true } } };
      writeFileSync(file, JSON.stringify(withStats));
      const args = ['-c', file, ...envoyFlags, ...flushFlags];
      const process = new RunningProcess(pinned(task.cores.proxy, { name: 'envoy', command: envoy.binary, args }));
      await process.listening(port);
      return { process, port, accessLog: accessLogOf(task) };
    },
  };
}

function networkFilter(task: Task): object {
  switch (task.mode) {
    // It does not know bolt.
    case 'bolt':
      return tcpFilter(task);
    case 'dubbo':
      return dubboFilter();
    default:
      return standardFilter(task);
  }
}

/** It has no access log. */
function dubboFilter(): object {
  const routes = [{ match: { method: { name: { exact: 'echo' } } }, route: { cluster: clusterName } }];
  const config = {
    stat_prefix: 'in',
    protocol_type: 'Dubbo',
    serialization_type: 'Hessian2',
    multiple_route_config: { name: 'routes', route_config: [{ name: 'all', interface: '*', routes }] },
  };
  return { name: 'envoy.filters.network.dubbo_proxy', typed_config: typed(dubboProxy, config) };
}
