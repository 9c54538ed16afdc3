import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../peers/ports.ts';
import { type Launch, RunningProcess } from '../../peers/process.ts';
import { pinned } from '../cores.ts';
import type { NginxProgram } from '../install.ts';
import { httpBody } from '../load.ts';
import type { ProxyProgram, StartedProxy, Task } from './proxy.ts';

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

/** The HTTP backend: one process that answers everything with 1 KiB. */
export async function startHttpBackend(nginx: NginxProgram, folder: string, core: number): Promise<StartedProxy> {
  const port = await freePort();
  const blocks = `http {
    access_log off; ${neverCloses} ${temporaryPaths(folder)}
    server { listen 127.0.0.1:${port} backlog=1024; location / { default_type text/plain; return 200 ${httpBody}; } }
  }`;
  const process = new RunningProcess(pinned(core, launchOf(nginx, folder, `master_process off;\n${blocks}`)));
  await process.listening(port);
  return { process, port, accessLog: undefined };
}

async function httpBlock(task: Task, port: number, accessLog: string | undefined): Promise<string> {
  const { certificateFile, keyFile } = task.certificate;
  const tls = task.mode === 'tls';
  return `http {
    ${accessLog === undefined ? 'access_log off;' : `log_format fields '${httpFields}'; ${logLine(accessLog)}`}
    ${neverCloses} ${temporaryPaths(task.folder)}
    ${tls ? `ssl_certificate ${certificateFile}; ssl_certificate_key ${keyFile}; ssl_protocols TLSv1.3;` : ''}
    upstream backend { server 127.0.0.1:${task.backendPort}; keepalive 64; ${neverCloses} }
    server {
      listen 127.0.0.1:${port}${tls ? ' ssl' : ''} backlog=1024;
      location / {
        proxy_pass http://backend;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        ${task.observed ? requestHeaders : ''}
      }
    }
    ${task.observed ? `server { listen 127.0.0.1:${await freePort()}; location / { stub_status; } }` : ''}
  }`;
}

const requestHeaders =
  'proxy_set_header X-Request-Id $request_id; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;';

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
events { worker_connections 4096; }
`,
  );
  // Without -e the Debian build first tries to open its log under /var/log.
  return { name: 'nginx', command: nginx.binary, args: ['-p', folder, '-c', file, '-e', 'stderr'] };
}
