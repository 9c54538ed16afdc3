import type { RunningProcess } from '../../peers/process.ts';
import type { Certificate } from '../certificate.ts';
import type { Cores } from '../cores.ts';

/**
 * What a proxy is to do: `http` is HTTP/1.1 and `http2` HTTP/2 by prior knowledge; `tls` and `http2-tls` are the same behind a
 * TLS listener; `grpc` is `http2` for calls; `websocket` is `http` with upgrades; `bolt` is bolt as far as the proxy
 * understands it.
 */
export type Mode = 'http' | 'http2' | 'tls' | 'http2-tls' | 'grpc' | 'websocket' | 'tcp' | 'bolt';
export type Upstream = 'http1' | 'http2' | 'bolt';

export const isTls = (mode: Mode) => mode === 'tls' || mode === 'http2-tls';
export const isHttp2 = (mode: Mode) => mode === 'http2' || mode === 'http2-tls' || mode === 'grpc';

export interface Task {
  readonly mode: Mode;
  readonly upstream: Upstream;
  readonly backendPort: number;
  /** Access log with all fields and metrics. */
  readonly observed: boolean;
  readonly certificate: Certificate;
  /** Of this proxy alone, in memory. */
  readonly folder: string;
  readonly cores: Cores;
}

export interface StartedProxy {
  readonly process: RunningProcess;
  readonly port: number;
  /** Where the access log is if there is one. */
  readonly accessLog: string | undefined;
}

/** A proxy's name, and how to start it on the proxy's core; resolves when it listens. */
export interface ProxyProgram {
  readonly name: string;
  readonly version: string;
  start(task: Task): Promise<StartedProxy>;
}
