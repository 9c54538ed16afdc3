import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../peers/ports.ts';
import { type Launch, RunningProcess } from '../../peers/process.ts';
import { pinned } from '../cores.ts';
import { idleConnections } from '../idle/connections.ts';
import type { Program } from '../install.ts';
import { isHttp2, isTls, type ProxyProgram, type StartedProxy, type Task } from './proxy.ts';

const httpFields = '%t %HM %HU %HV %ST %ts %U %B %Ta %Tr %ci %[capture.req.hdr(0)] %ID %[capture.req.hdr(1)] %si:%sp';
const tcpFields = '%t - - TCP - %ts %U %B %Tt %Tw - - - - %si:%sp';

export function haproxyProxy(haproxy: Program): ProxyProgram {
  return {
    name: 'haproxy',
    version: haproxy.version,
    async start(task: Task): Promise<StartedProxy> {
      const port = await freePort();
      const accessLog = task.observed ? join(task.folder, 'access.txt') : undefined;
      const file = join(task.folder, 'haproxy.cfg');
      writeFileSync(file, await configuration(task, port));
      const launch = { name: 'haproxy', command: haproxy.binary, args: ['-db', '-f', file] };
      const process = new RunningProcess(pinned(task.cores.proxy, withStandardOutputIn(accessLog, launch)));
      await process.listening(port);
      return { process, port, accessLog };
    },
  };
}

async function configuration(task: Task, port: number): Promise<string> {
  const tcp = task.mode === 'tcp';
  const alpn = isHttp2(task.mode) ? ' alpn h2' : '';
  const tls = isTls(task.mode) ? ` ssl crt ${task.certificate.bothFile} ssl-min-ver TLSv1.3${alpn}` : '';
  const priorKnowledge = isHttp2(task.mode) && !isTls(task.mode) ? ' proto h2' : '';
  return `
global
  nbthread 1
  maxconn ${idleConnections + 100}
  ${task.observed ? 'log stdout format raw local0 info' : ''}
defaults
  mode ${tcp ? 'tcp' : 'http'}
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend in
  bind 127.0.0.1:${port}${tls}${priorKnowledge} backlog 1024
  ${task.observed ? observing(tcp) : ''}
  default_backend out
backend out
  ${tcp ? '' : 'http-reuse always'}
  server one 127.0.0.1:${task.backendPort}${task.upstream === 'http2' ? ' proto h2' : ''}
${task.observed ? await metrics() : ''}`;
}

function observing(tcp: boolean): string {
  if (tcp) return `log global\n  log-format "${tcpFields}"`;
  // What is written of a failed handshake has as many fields.
  return `log global
  log-format "${httpFields}"
  error-log-format "${httpFields}"
  unique-id-format %[uuid()]
  unique-id-header X-Request-Id
  option forwardfor
  http-request capture req.hdr(User-Agent) len 64
  http-request capture req.hdr(Host) len 64`;
}

async function metrics(): Promise<string> {
  return `frontend metrics
  mode http
  bind 127.0.0.1:${await freePort()}
  http-request use-service prometheus-exporter
`;
}

/** HAProxy logs to a socket or to its standard output, which a shell can make a file; it writes each line by itself. */
function withStandardOutputIn(file: string | undefined, launch: Launch): Launch {
  if (file === undefined) return launch;
  return {
    ...launch,
    command: 'sh',
    args: ['-c', 'exec "$0" "$@" >>"$ACCESS_LOG"', launch.command, ...launch.args],
    env: { ACCESS_LOG: file },
  };
}
