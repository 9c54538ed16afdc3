import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../peers/ports.ts';
import { type Launch, RunningProcess } from '../../peers/process.ts';
import { pinned } from '../cores.ts';
import { idleConnections } from '../idle/connections.ts';
import type { NginxProgram } from '../install.ts';
import { bigBody, bigPath, grpcAnswer, httpBody } from '../load.ts';
import { isHttp2, isTls, type ProxyProgram, type StartedProxy, type Task, type Upstream } from './proxy.ts';

const neverCloses = 'keepalive_timeout 1h; keepalive_requests 1000000000;';

const httpFields =
  '$time_iso8601 $request_method $request_uri $server_protocol $status $pipe $request_length $bytes_sent $request_time ' +
  '$upstream_response_time $proxy_add_x_forwarded_for $http_user_agent $request_id $http_host $upstream_addr';
const tcpFields =
  '$time_iso8601 - - $protocol $status - $bytes_received $bytes_sent $session_time $upstream_session_time - - - - $upstream_addr';

/** A master and one worker. */
export function nginxProxy(nginx: NginxProgram): ProxyProgram {
  return {
    name: 'nginx',
    version: nginx.version,
    async start(task: Task): Promise<StartedProxy> {
      const port = await freePort();
      const accessLog = task.observed ? join(task.folder, 'access.txt') : undefined;
      const blocks = task.mode === 'tcp' ? tcpBlock(task, port, accessLog) : await httpBlock(task, port, accessLog);
      const launch = launchOf(nginx, task.folder, `${task.mode === 'tcp' ? nginx.loadStream : ''}\n${blocks}`);
      const process = new RunningProcess(pinned(task.cores.proxy, launch));
      await process.listening(port);
      return { process, port, accessLog };
    },
  };
}

/** The HTTP backend: one process that answers everything with 1 KiB, `bigPath` with 1 MiB, and a POST with a gRPC message. */
export async function startHttpBackend(
  nginx: NginxProgram,
  folder: string,
  core: number,
  upstream: Upstream = 'http1',
): Promise<StartedProxy> {
  const port = await freePort();
  const root = join(folder, 'html');
  mkdirSync(root);
  writeFileSync(join(root, bigPath), bigBody);
  writeFileSync(join(root, 'grpc-answer'), grpcAnswer);
  const blocks = `http {
    access_log off; ${neverCloses} ${temporaryPaths(folder)}
    root ${root}; open_file_cache max=10; open_file_cache_valid 1h;
    server {
      listen 127.0.0.1:${port}${upstream === 'http2' ? ' http2' : ''} backlog=1024;
      location / {
        default_type text/plain;
        error_page 405 =200 /grpc-answer;
        if ($request_method = POST) { return 405; }
        return 200 ${httpBody};
      }
      location = ${bigPath} { }
      location = /grpc-answer { default_type application/grpc; add_trailer grpc-status 0; }
    }
  }`;
  const process = new RunningProcess(pinned(core, launchOf(nginx, folder, `master_process off;\n${blocks}`)));
  await process.listening(port);
  return { process, port, accessLog: undefined };
}

async function httpBlock(task: Task, port: number, accessLog: string | undefined): Promise<string> {
  const { certificateFile, keyFile } = task.certificate;
  const tls = isTls(task.mode);
  const listening = `${tls ? ' ssl' : ''}${isHttp2(task.mode) ? ' http2' : ''}`;
  return `http {
    ${accessLog === undefined ? 'access_log off;' : `log_format fields '${httpFields}'; ${logLine(accessLog)}`}
    ${neverCloses} ${temporaryPaths(task.folder)}
    ${tls ? `ssl_certificate ${certificateFile}; ssl_certificate_key ${keyFile}; ssl_protocols TLSv1.3;` : ''}
    upstream backend { server 127.0.0.1:${task.backendPort}; keepalive 64; ${neverCloses} }
    server {
      listen 127.0.0.1:${port}${listening} backlog=1024;
      location / { ${passing(task)} }
    }
    ${task.observed ? `server { listen 127.0.0.1:${await freePort()}; location / { stub_status; } }` : ''}
  }`;
}

function passing(task: Task): string {
  const pass = task.mode === 'grpc' ? 'grpc' : 'proxy';
  const added = ['X-Request-Id $request_id', 'X-Forwarded-For $proxy_add_x_forwarded_for'];
  const headers = ['Host $host', ...(task.observed ? added : []), ...hopHeaders(task)];
  return `
        ${pass === 'grpc' ? 'grpc_pass grpc://backend;' : 'proxy_pass http://backend; proxy_http_version 1.1;'}
        ${headers.map((header) => `${pass}_set_header ${header};`).join(' ')}`;
}

function hopHeaders({ mode }: Task): string[] {
  if (mode === 'grpc') return [];
  return mode === 'websocket' ? ['Connection upgrade', 'Upgrade $http_upgrade'] : ['Connection ""'];
}

function tcpBlock(task: Task, port: number, accessLog: string | undefined): string {
  return `stream {
    ${accessLog === undefined ? '' : `log_format fields '${tcpFields}'; ${logLine(accessLog)}`}
    server { listen 127.0.0.1:${port} backlog=1024; proxy_pass 127.0.0.1:${task.backendPort}; }
  }`;
}

/** Written in blocks and at least every second, as Envoy does. */
function logLine(accessLog: string): string {
  return `access_log ${accessLog} fields buffer=64k flush=1s;`;
}

function temporaryPaths(folder: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return kinds.map((kind) => `${kind}_temp_path ${join(folder, kind)};`).join(' ');
}

function launchOf(nginx: NginxProgram, folder: string, blocks: string): Launch {
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off;
worker_processes 1;
pid ${join(folder, 'pid')};
error_log stderr warn;
${blocks}
events { worker_connections ${2 * idleConnections + 1_000}; }
`,
  );
  // Without -e the Debian build first tries to open its log under /var/log.
  return { name: 'nginx', command: nginx.binary, args: ['-p', folder, '-c', file, '-e', 'stderr'] };
}
