import type { RunningProcess } from '../../peers/process.ts';
import type { Certificate } from '../certificate.ts';
import type { Cores } from '../cores.ts';
import type { PeerName } from '../options.ts';
import { type RpcProtocol, rpcFormats } from '../rpc/formats.ts';

/**
 * What a proxy is to do: `http` is HTTP/1.1 and `http2` HTTP/2 by prior knowledge; `tls` and `http2-tls` are the same behind a
 * TLS listener; `grpc` is `http2` for calls; `websocket` is `http` with upgrades; `bolt` and `dubbo` are these protocols as
 * far as the proxy understands them.
 */
export type Mode = 'http' | 'http2' | 'tls' | 'http2-tls' | 'grpc' | 'websocket' | 'tcp' | RpcProtocol;
export type Upstream = 'http1' | 'http2' | 'rpc';
/** How much of an RPC call mosn looks at. */
export type ServiceLevel = 'FULL' | 'LIGHT' | 'RELAY';
/** How RPC calls travel from the first mosn to a second one: as they are, as they are over mutual TLS, inside HTTP/2. */
export type Link = 'plain' | 'mtls' | 'http2';

export const isRpc = (mode: Mode): mode is RpcProtocol => mode in rpcFormats;
export const isTls = (mode: Mode) => mode === 'tls' || mode === 'http2-tls';
export const isHttp2 = (mode: Mode) => mode === 'http2' || mode === 'http2-tls' || mode === 'grpc';

export type ProxyName = 'mosn' | PeerName;

export interface Task {
  readonly mode: Mode;
  readonly upstream: Upstream;
  readonly backendPort: number;
  /** Access log with all fields and metrics. */
  readonly observed: boolean;
  /** Of RPC in mosn; default FULL. */
  readonly level?: ServiceLevel;
  /** Two proxies after each other, on the same core; default one. */
  readonly link?: Link;
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
  /** Words of a line of it where that differs from the number of fields. */
  readonly logWords?: number;
  /** The second of two proxies, to which this one passes the calls on. */
  readonly next?: StartedProxy;
}

/** The proxies that a request passes, in this order. */
export function hopsOf(started: StartedProxy): StartedProxy[] {
  return started.next === undefined ? [started] : [started, ...hopsOf(started.next)];
}

/** A proxy's name, and how to start it on the proxy's core; resolves when it listens. */
export interface ProxyProgram {
  readonly name: ProxyName;
  readonly version: string;
  start(task: Task): Promise<StartedProxy>;
}
