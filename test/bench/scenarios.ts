import type { RpcLoadOptions } from './load.ts';
import type { Link, Mode, ProxyName, ServiceLevel, Upstream } from './proxies/proxy.ts';
import { rpcScenarios } from './rpc-scenarios.ts';

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
  | ({ readonly kind: 'rpc' } & RpcLoadOptions);

/** A proxy in the role that it has in a scenario. */
export interface Entrant {
  /** In tables and aims: the proxy's own name, with an ending where one proxy has several roles. */
  readonly name: string;
  /** `direct` is the load on the backend with nothing between. */
  readonly proxy: ProxyName | 'direct';
  readonly level?: ServiceLevel;
  readonly link?: Link;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly mode: Mode;
  /** What the proxy speaks to the backend. */
  readonly upstream: Upstream;
  /** Access log with all fields, metrics on. */
  readonly observed: boolean;
  readonly traffic: Traffic;
  /** In the order of the table. */
  readonly entrants: readonly Entrant[];
}

const entrants = (...names: readonly ProxyName[]): Entrant[] => names.map((name) => ({ name, proxy: name }));
const web = entrants('mosn', 'nginx', 'haproxy', 'envoy');
const webAndMosnGo = [...web, ...entrants('mosn-go')];
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
    entrants: upstream === 'http1' ? web : entrants('mosn', 'haproxy', 'envoy'),
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
    entrants: webAndMosnGo,
  },
  {
    name: 'http',
    title: 'the same with access log and metrics off',
    mode: 'http',
    upstream: 'http1',
    observed: false,
    traffic: http,
    entrants: webAndMosnGo,
  },
  {
    name: 'tcp',
    title: 'plain TCP: the same requests through a TCP proxy, access log and metrics on',
    mode: 'tcp',
    upstream: 'http1',
    observed: true,
    traffic: http,
    entrants: web,
  },
  {
    name: 'tls',
    title: `TLS 1.3 from the client, plain to the backend, 64 keep-alive connections, ${lookedAt}`,
    mode: 'tls',
    upstream: 'http1',
    observed: true,
    traffic: https,
    entrants: web,
  },
  {
    name: 'tls-handshakes',
    title: `a full TLS 1.3 handshake for every request, ECDSA P-256, ${lookedAt}`,
    mode: 'tls',
    upstream: 'http1',
    observed: true,
    traffic: { ...https, reconnect: true },
    entrants: web,
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
    entrants: web,
  },
  {
    name: 'websocket',
    title: `WebSocket over HTTP/1.1, 64 connections, one message of 1 KiB to and fro on each, ${lookedAt}`,
    mode: 'websocket',
    upstream: 'http1',
    observed: true,
    traffic: { kind: 'websocket', connections: 64 },
    entrants: web,
  },
  {
    name: 'body-1m',
    title: `HTTP/1.1, 16 keep-alive connections, 1 MiB answers, ${lookedAt}`,
    mode: 'http',
    upstream: 'http1',
    observed: true,
    traffic: { ...http, connections: 16, big: true },
    entrants: web,
  },
  {
    name: 'half-load',
    title: `HTTP/1.1, 64 connections, at half of what the slowest can do: look at p99; ${lookedAt}`,
    mode: 'http',
    upstream: 'http1',
    observed: true,
    traffic: { kind: 'half', connections: 64 },
    entrants: web,
  },
  ...rpcScenarios,
];

/** Name of the part that measures memory and start; it is no traffic scenario. */
export const sidecarName = 'sidecar';
/** Name of the part that measures what idle connections cost. */
export const idleName = 'idle';

/** What `--only` picked. */
export interface Picked {
  /** In the order of the list, with those entrants that are to take part. */
  readonly scenarios: readonly Scenario[];
  /** `idle`, `sidecar`. */
  readonly others: ReadonlySet<string>;
}

/**
 * What the names pick: a whole name, a role of mosn's in a scenario (`bolt-64-light` is `bolt-64` without the other mosns),
 * the group `rpc`, or else all names that begin with it and a dash. Throws an Error on a name that picks nothing.
 */
export function pickNames(only: readonly string[]): Picked {
  const others = [idleName, sidecarName];
  if (only.length === 0) return { scenarios, others: new Set(others) };
  const picked = only.map((wanted) => {
    const begins = (name: string) => name.startsWith(`${wanted}-`);
    const exact = scenarios.flatMap((scenario) => narrowed(scenario, wanted) ?? []);
    const found =
      exact.length > 0
        ? exact
        : scenarios.filter(({ name, traffic }) => begins(name) || (wanted === 'rpc' && traffic.kind === 'rpc'));
    const other = others.filter((name) => name === wanted);
    if (found.length + other.length === 0) throw new Error(`--only ${wanted}: one of ${names().join(', ')}`);
    return { found, other };
  });
  return {
    scenarios: scenarios.flatMap((scenario) => {
      const chosen = picked.flatMap(({ found }) => found.filter(({ name }) => name === scenario.name));
      const wantedEntrants = scenario.entrants.filter((one) => chosen.some((some) => some.entrants.includes(one)));
      return chosen.length > 0 ? [{ ...scenario, entrants: wantedEntrants }] : [];
    }),
    others: new Set(picked.flatMap(({ other }) => other)),
  };
}

/** The scenario if that is its name, without other mosns if it is the name of one in it, or else undefined. */
function narrowed(scenario: Scenario, wanted: string): Scenario | undefined {
  if (scenario.name === wanted) return scenario;
  const role = scenario.entrants.find((one) => roleName(scenario, one) === wanted);
  if (role === undefined) return undefined;
  return { ...scenario, entrants: scenario.entrants.filter((one) => one === role || one.proxy !== 'mosn') };
}

/** `bolt-64-light` for `mosn-light` in `bolt-64`. */
function roleName(scenario: Scenario, { name, proxy }: Entrant): string | undefined {
  return proxy === 'mosn' && name !== 'mosn' ? `${scenario.name}${name.slice('mosn'.length)}` : undefined;
}

function names(): string[] {
  return ['rpc', ...scenarios.flatMap((one) => [one.name, ...rolesIn(one)]), idleName, sidecarName];
}

function rolesIn(scenario: Scenario): string[] {
  return scenario.entrants.flatMap((one) => roleName(scenario, one) ?? []);
}
