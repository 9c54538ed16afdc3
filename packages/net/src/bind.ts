import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import net, { type BoundSocket, type ListenOptions, type Server, Socket } from 'node:net';
import { type Address, ipAddress } from '@sofamesh/base/address';
import { socketPath } from './socket-address.ts';
import { codeOf } from './system-error.ts';
import { bindTransparent } from './transparent-socket.ts';

export interface BindOptions extends Pick<ListenOptions, 'backlog' | 'reusePort'> {
  /** Takes connections to any address (TPROXY). */
  readonly transparent?: boolean;
}

/**
 * Binds and starts to listen; rejects with the system's error. An IPv6 address takes no IPv4 connections unless it
 * has Envoy's `ipv4_compat`. A Unix socket that a dead process left behind is replaced.
 */
export async function bind(server: Server, address: Address, options: BindOptions): Promise<void> {
  const { transparent = false, ...rest } = options;
  if (transparent && address.kind === 'ip') {
    const { backlog, reusePort = false } = rest;
    await listening(server, { fd: bindTransparent(address, reusePort), ...(backlog !== undefined && { backlog }) });
    return;
  }
  const ipv6Only = address.kind === 'ip' && address.host.includes(':') && address.ipv4Compat !== true;
  const listenOptions = { ...rest, ...socketPath(address), ipv6Only };
  const bound = address.kind === 'ip' ? boundSocket(listenOptions) : undefined;
  if (bound !== undefined) {
    await listening(server, bound, rest.backlog);
    return;
  }
  await listeningInPlaceOfAbandoned(server, listenOptions);
  if (address.kind === 'pipe' && address.mode !== undefined && !address.path.startsWith('@')) {
    chmodSync(address.path, address.mode);
  }
}

async function listeningInPlaceOfAbandoned(server: Server, listenOptions: ListenOptions): Promise<void> {
  try {
    await listening(server, listenOptions);
  } catch (error) {
    const { path } = listenOptions;
    if (codeOf(error) !== 'EADDRINUSE' || path === undefined || !(await removeAbandoned(path))) throw error;
    await listening(server, listenOptions);
  }
}

/**
 * A socket that is bound to host and port already, which Node has since 26. Listening by host and port has the host looked up,
 * in a thread, and the address judged by a regular expression that takes longer to compile than all else here: a
 * twentieth of a start. Undefined where there can be none; listening in the usual way tells why.
 */
function boundSocket({ host, port, reusePort = false, ipv6Only = false }: ListenOptions): BoundSocket | undefined {
  try {
    return new net.BoundSocket({
      ...(host !== undefined && { host }),
      ...(port !== undefined && { port }),
      reusePort,
      ipv6Only,
    });
  } catch {
    return undefined;
  }
}

/** `backlog`: of a bound socket; otherwise it is among the options. */
function listening(
  server: Server,
  where: BoundSocket | (ListenOptions & { readonly fd?: number }),
  backlog?: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, backlog, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Removes the file of a Unix socket that nobody listens on; false where there is none. */
async function removeAbandoned(path: string): Promise<boolean> {
  try {
    if (path.startsWith('\0') || !lstatSync(path).isSocket()) return false;
    if ((await connectFailure(path)) !== 'ECONNREFUSED') return false;
    unlinkSync(path);
    return true;
  } catch {
    return false;
  }
}

function connectFailure(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = new Socket();
    socket.once('error', (error) => resolve(codeOf(error)));
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.connect({ path });
  });
}

/** Where `server` really listens; Node does not tell more of a Unix socket than was asked for. */
export function boundAddress(server: Server, asked: Address): Address {
  const bound = server.address();
  return bound === null || typeof bound === 'string' ? asked : ipAddress(bound.address, bound.port);
}
