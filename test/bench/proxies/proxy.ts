import type { RunningProcess } from '../../peers/process.ts';
import type { Certificate } from '../certificate.ts';
import type { Cores } from '../cores.ts';

/** What a proxy is to do: `tls` is `http` behind a TLS listener, `bolt` is bolt as far as the proxy understands it. */
export type Mode = 'http' | 'tcp' | 'tls' | 'bolt';

export interface Task {
  readonly mode: Mode;
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
