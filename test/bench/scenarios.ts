import type { Mode, Upstream } from './proxies/proxy.ts';

export type ProxyName = 'mosn' | 'nginx' | 'haproxy' | 'envoy' | 'direct';

export type Traffic =
  | {
      readonly kind: 'http';
      readonly scheme: 'http' | 'https';
      readonly connections: number;
      /** A new connection for every request. */
      readonly reconnect?: boolean;
      /** 1 MiB answers. */
      readonly big?: boolean;
    }
  /** Half of what the slowest of the proxies can do, the same for all. */
  | { readonly kind: 'half'; readonly connections: number }
  | { readonly kind: 'http2'; readonly connections: number; readonly streams: number }
  | { readonly kind: 'grpc'; readonly connections: number; readonly streams: number }
  | { readonly kind: 'websocket'; readonly connections: number }
  | { readonly kind: 'bolt'; readonly connections: number; readonly inFlight: number };

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly mode: Mode;
  /** What the proxy speaks to the backend. */
  readonly upstream: Upstream;
  /** Access log with all fields, metrics on. */
  readonly observed: boolean;
  readonly traffic: Traffic;
  /** In the order of the table; `direct` is the load on the backend with nothing between. */
  readonly proxies: readonly ProxyName[];
}

const web: readonly ProxyName[] = ['mosn', 'nginx', 'haproxy', 'envoy'];
const http: Traffic = { kind: 'http', scheme: 'http', connections: 64 };
const https: Traffic = { kind: 'http', scheme: 'https', connections: 64 };
const lookedAt = 'access log and metrics on';

function http2(connections: number, upstream: Upstream): Scenario {
  const up = upstream === 'http1' ? 'HTTP/1.1' : 'HTTP/2';
  return {
    name: `http2-${connections}x32-${upstream}`,
    title: `HTTP/2 to ${up}, connections × streams ${connections} × 32, 1 KiB answers, ${lookedAt}`,
    mode: 'http2',
    upstream,
    observed: true,
    traffic: { kind: 'http2', connections, streams: 32 },
    // nginx speaks HTTP/2 to a backend only as gRPC.
    proxies: upstream === 'http1' ? web : ['mosn', 'haproxy', 'envoy'],
  };
}

function bolt(name: string, connections: number, inFlight: number): Scenario {
  const across = connections === 1 ? 'one connection' : `${connections} connections`;
  return {
    name,
    title: `bolt, 1 KiB each way, ${across}, ${inFlight} in flight on each; mosn at FULL, Envoy's TCP proxy`,
    mode: 'bolt',
    upstream: 'bolt',
    observed: true,
    traffic: { kind: 'bolt', connections, inFlight },
    proxies: ['mosn', 'envoy', 'direct'],
  };
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'http-log',
    title: 'HTTP/1.1, 64 keep-alive connections, 1 KiB answers, access log of 15 fields and metrics on',
    mode: 'http',
    upstream: 'http1',
    observed: true,
    traffic: http,
    proxies: web,
  },
  {
    name: 'http',
    title: 'the same with access log and metrics off',
    mode: 'http',
    upstream: 'http1',
    observed: false,
    traffic: http,
    proxies: web,
  },
  {
    name: 'tcp',
    title: 'plain TCP: the same requests through a TCP proxy, access log and metrics on',
    mode: 'tcp',
    upstream: 'http1',
    observed: true,
    traffic: http,
    proxies: web,
  },
  {
    name: 'tls',
    title: `TLS 1.3 from the client, plain to the backend, 64 keep-alive connections, ${lookedAt}`,
    mode: 'tls',
    upstream: 'http1',
    observed: true,
    traffic: https,
    proxies: web,
  },
  {
    name: 'tls-handshakes',
    title: `a full TLS 1.3 handshake for every request, ECDSA P-256, ${lookedAt}`,
    mode: 'tls',
    upstream: 'http1',
    observed: true,
    traffic: { ...https, reconnect: true },
    proxies: web,
  },
  http2(8, 'http1'),
  http2(1, 'http1'),
  http2(8, 'http2'),
  http2(1, 'http2'),
  {
    name: 'grpc',
    title: `gRPC, unary, 1 KiB each way, 8 connections × 32 calls, ${lookedAt}`,
    mode: 'grpc',
    upstream: 'http2',
    observed: true,
    traffic: { kind: 'grpc', connections: 8, streams: 32 },
    proxies: web,
  },
  {
    name: 'websocket',
    title: `WebSocket over HTTP/1.1, 64 connections, one message of 1 KiB to and fro on each, ${lookedAt}`,
    mode: 'websocket',
    upstream: 'http1',
    observed: true,
    traffic: { kind: 'websocket', connections: 64 },
    proxies: web,
  },
  {
    name: 'body-1m',
    title: `HTTP/1.1, 16 keep-alive connections, 1 MiB answers, ${lookedAt}`,
    mode: 'http',
    upstream: 'http1',
    observed: true,
    traffic: { ...http, connections: 16, big: true },
    proxies: web,
  },
  {
    name: 'half-load',
    title: `HTTP/1.1, 64 connections, at half of what the slowest can do: look at p99; ${lookedAt}`,
    mode: 'http',
    upstream: 'http1',
    observed: true,
    traffic: { kind: 'half', connections: 64 },
    proxies: web,
  },
  bolt('bolt-1', 1, 1),
  bolt('bolt-64', 1, 64),
  bolt('bolt-256', 1, 256),
  bolt('bolt-16x4', 16, 4),
];

/** Name of the part that measures memory and start; it is no traffic scenario. */
export const sidecarName = 'sidecar';
/** Name of the part that measures what idle connections cost. */
export const idleName = 'idle';

/**
 * The names that `--only` picks: a whole name, else all that begin with it and a dash. Throws an Error on a name that
 * picks nothing.
 */
export function pickNames(only: readonly string[]): ReadonlySet<string> {
  const names = [...scenarios.map(({ name }) => name), idleName, sidecarName];
  if (only.length === 0) return new Set(names);
  return new Set(
    only.flatMap((wanted) => {
      const picked = names.includes(wanted) ? [wanted] : names.filter((name) => name.startsWith(`${wanted}-`));
      if (picked.length === 0) throw new Error(`--only ${wanted}: one of ${names.join(', ')}`);
      return picked;
    }),
  );
}
