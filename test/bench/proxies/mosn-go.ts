import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../peers/ports.ts';
import { RunningProcess } from '../../peers/process.ts';
import { pinned } from '../cores.ts';
import type { Program } from '../install.ts';
import { isRpc, type ProxyProgram, type StartedProxy, type Task } from './proxy.ts';

/** Counterparts of all fields in the same order; what has none is written as a dash. */
const fieldsOf = (method: string, path: string) => [
  ...['start_time', method, path, 'protocol', 'response_code', 'response_flag', 'bytes_received', 'bytes_sent'],
  ...['duration', 'response_received_duration', 'downstream_remote_address', 'request_header_user-agent'],
  ...['request_header_x-request-id', 'request_header_host', 'upstream_host'],
];
const logFields = {
  http: fieldsOf('http_request_method', 'http_request_path'),
  bolt: fieldsOf('request_header_sofa_head_target_service', 'request_header_sofa_head_method_name'),
  dubbo: fieldsOf('request_header_service', 'request_header_method'),
};
/** Its start time has a blank. */
const logWords = logFields.http.length + 1;

/** MOSN, with HTTP/1.1, bolt and Dubbo at its full service. */
export function mosnGoProxy(mosn: Program): ProxyProgram {
  return {
    name: 'mosn-go',
    version: mosn.version,
    async start(task: Task): Promise<StartedProxy> {
      const port = await freePort();
      const accessLog = task.observed ? join(task.folder, 'access.txt') : undefined;
      const file = join(task.folder, 'mosn-go.json');
      const ports = { port, admin: await freePort(), metrics: await freePort() };
      writeFileSync(file, JSON.stringify(configuration(task, ports, accessLog)));
      const launch = { name: 'mosn-go', command: mosn.binary, args: ['-c', file], env: { GOMAXPROCS: '1' } };
      const process = new RunningProcess(pinned(task.cores.proxy, launch));
      await process.listening(port);
      return { process, port, accessLog, logWords };
    },
  };
}

interface Ports {
  readonly port: number;
  readonly admin: number;
  readonly metrics: number;
}

function configuration(task: Task, ports: Ports, accessLog: string | undefined): object {
  const { folder, mode, backendPort, observed } = task;
  const protocol = isRpc(mode) ? mode : 'Http1';
  const match = isRpc(mode) ? { headers: [{ name: 'service', value: '.*' }] } : { prefix: '/' };
  const fields = logFields[isRpc(mode) ? mode : 'http'];
  const log = { log_path: accessLog, log_format: fields.map((field) => `%${field}%`).join(' ') };
  const routers = [{ match, route: { cluster_name: 'backend' } }];
  const filter = { downstream_protocol: protocol, upstream_protocol: protocol, router_config_name: 'routes' };
  return {
    disable_upgrade: true,
    uds_dir: folder,
    pid: join(folder, 'pid'),
    servers: [
      {
        mosn_server_name: 'bench',
        default_log_path: join(folder, 'mosn-go.log'),
        default_log_level: 'ERROR',
        routers: [{ router_config_name: 'routes', virtual_hosts: [{ name: 'all', domains: ['*'], routers }] }],
        listeners: [
          {
            name: 'in',
            address: `127.0.0.1:${ports.port}`,
            bind_port: true,
            ...(accessLog !== undefined && { access_logs: [log] }),
            filter_chains: [{ filters: [{ type: 'proxy', config: filter }] }],
          },
        ],
      },
    ],
    cluster_manager: {
      clusters: [
        {
          name: 'backend',
          type: 'SIMPLE',
          lb_type: 'LB_ROUNDROBIN',
          hosts: [{ address: `127.0.0.1:${backendPort}` }],
        },
      ],
    },
    metrics: observed
      ? { sinks: [{ type: 'prometheus', config: { port: ports.metrics } }] }
      : { stats_matcher: { reject_all: true } },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: ports.admin } } },
  };
}
