import type { Mode } from './proxies/proxy.ts';

export type ProxyName = 'mosn' | 'nginx' | 'haproxy' | 'envoy' | 'direct';

export type Traffic =
  | { readonly kind: 'http'; readonly scheme: 'http' | 'https' }
  | { readonly kind: 'bolt'; readonly connections: number; readonly inFlight: number };

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly mode: Mode;
  /** Access log with all fields, metrics on. */
  readonly observed: boolean;
  readonly traffic: Traffic;
  /** In the order of the table; `direct` is the load on the backend with nothing between. */
  readonly proxies: readonly ProxyName[];
}

const web: readonly ProxyName[] = ['mosn', 'nginx', 'haproxy', 'envoy'];
const http: Traffic = { kind: 'http', scheme: 'http' };

function bolt(name: string, connections: number, inFlight: number): Scenario {
  const across = connections === 1 ? 'one connection' : `${connections} connections`;
  return {
    name,
    title: `bolt, 1 KiB each way, ${across}, ${inFlight} in flight on each; mosn at FULL, Envoy's TCP proxy`,
    mode: 'bolt',
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
    observed: true,
    traffic: http,
    proxies: web,
  },
  {
    name: 'http',
    title: 'the same with access log and metrics off',
    mode: 'http',
    observed: false,
    traffic: http,
    proxies: web,
  },
  {
    name: 'tcp',
    title: 'plain TCP: the same requests through a TCP proxy, access log and metrics on',
    mode: 'tcp',
    observed: true,
    traffic: http,
    proxies: web,
  },
  {
    name: 'tls',
    title: 'TLS 1.3 from the client, plain to the backend, else as http',
    mode: 'tls',
    observed: false,
    traffic: { kind: 'http', scheme: 'https' },
    proxies: web,
  },
  bolt('bolt-1', 1, 1),
  bolt('bolt-64', 1, 64),
  bolt('bolt-256', 1, 256),
  bolt('bolt-16x4', 16, 4),
];

/** Name of the part that measures memory and start; it is no traffic scenario. */
export const sidecarName = 'sidecar';

/**
 * The names that `--only` picks: a whole name, else all that begin with it and a dash. Throws an Error on a name that
 * picks nothing.
 */
export function pickNames(only: readonly string[]): ReadonlySet<string> {
  const names = [...scenarios.map(({ name }) => name), sidecarName];
  if (only.length === 0) return new Set(names);
  return new Set(
    only.flatMap((wanted) => {
      const picked = names.includes(wanted) ? [wanted] : names.filter((name) => name.startsWith(`${wanted}-`));
      if (picked.length === 0) throw new Error(`--only ${wanted}: one of ${names.join(', ')}`);
      return picked;
    }),
  );
}
