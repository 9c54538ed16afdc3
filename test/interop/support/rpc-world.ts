import { freePort } from '../../peers/ports.ts';
import type { Launch } from '../../peers/process.ts';
import type { Cluster, Listener, Mesh } from './bootstrap.ts';
import { BreakingRelay } from './breaking-relay.ts';
import { inlineCertificate, TestAuthority } from './certificates.ts';
import { needsMosn, type RunningProxy, startProxy } from './proxy.ts';
import {
  freePorts,
  type RpcClient,
  RpcProgram,
  type RpcServer,
  type ServerLaunch,
  startServer,
} from './rpc-programs.ts';

/** One way from a client to a server. */
export type Way = 'face to face' | 'one proxy' | 'two proxies' | 'mTLS' | 'HTTP/2' | 'HTTP/2 in mTLS';

/** Where a server is called: which of its ports, and by a protocol that the proxy treats as RPC or as HTTP. */
export interface Endpoint {
  server: string;
  port?: number;
  http?: boolean;
}

/** A way in which one library calls, and what it calls. */
export interface RpcCaller {
  client: string;
  style?: string;
  /** Names of endpoints. */
  to: readonly string[];
  /** Its calls carry a text beside their arguments to these endpoints; and to these, the answers do. */
  context?: readonly string[];
  answers?: readonly string[];
  /** It makes calls of many messages, and nothing else. */
  streams?: boolean;
  /** Its library ends a call by its own timeout in time. */
  hasty?: boolean;
}

export interface RpcSpec {
  /** Of x_proxy. */
  protocol: string;
  servers: Record<string, ServerLaunch>;
  endpoints: Record<string, Endpoint>;
  clients: Record<string, () => Launch>;
  callers: readonly RpcCaller[];
  ways: readonly Way[];
  /** Of the near proxy, with clusters named as {@link listenerName} says. */
  moreListeners?: readonly Listener[];
}

const spiffe = 'spiffe://mesh.test/ns/default/sa/';

/** Real servers and clients with two proxies between them, which all tests of one suite share. */
export class RpcWorld {
  readonly spec: RpcSpec;
  readonly servers = new Map<string, RpcServer>();
  readonly clients = new Map<string, RpcProgram>();
  /** Breaks answers of the endpoints' servers off when told to. */
  readonly relays = new Map<string, BreakingRelay>();
  /** Where a server of the endpoint's kind can be started, and ended, by a test. */
  readonly mortalPorts = new Map<string, readonly number[]>();
  /** The proxies beside the clients and beside the servers. */
  near!: RunningProxy;
  far!: RunningProxy;
  readonly #authority = new TestAuthority();

  constructor(spec: RpcSpec) {
    this.spec = spec;
  }

  async start(): Promise<void> {
    const { servers, clients, endpoints } = this.spec;
    await Promise.all([
      ...Object.entries(servers).map(async ([name, launch]) => this.servers.set(name, await startServer(launch, name))),
      ...Object.entries(clients).map(async ([name, launch]) =>
        this.clients.set(name, await RpcProgram.start(launch())),
      ),
    ]);
    for (const name of Object.keys(endpoints)) {
      this.relays.set(name, await BreakingRelay.start(this.port(name)));
      this.mortalPorts.set(name, await freePorts());
    }
    this.far = await startProxy(this.#farMesh());
    this.near = await startProxy(await this.#nearMesh());
  }

  async stop(): Promise<void> {
    await Promise.all([...this.clients.values()].map(({ running }) => running.stop()));
    await Promise.all([this.near?.stop(), this.far?.stop()]);
    for (const relay of this.relays.values()) relay.stop();
    await Promise.all([...this.servers.values()].map(({ running }) => running.stop()));
    this.#authority.remove();
  }

  port(endpoint: string): number {
    const { server, port = 0 } = this.endpoint(endpoint);
    return this.servers.get(server)!.ports[port]!;
  }

  endpoint(name: string): Endpoint {
    const endpoint = this.spec.endpoints[name];
    if (endpoint === undefined) throw new Error(`no endpoint ${name}`);
    return endpoint;
  }

  client(caller: RpcCaller, way: Way, endpoint: string): RpcClient {
    const address =
      way === 'face to face' ? `127.0.0.1:${this.port(endpoint)}` : this.near.address(listenerName(way, endpoint));
    return this.clients.get(caller.client)!.at(address, caller.style);
  }

  /** A client of a listener of the near proxy that is there for tests of what goes wrong. */
  through(caller: RpcCaller, listener: string): RpcClient {
    return this.clients.get(caller.client)!.at(this.near.address(listener), caller.style);
  }

  #farMesh(): Mesh {
    const tls = { ...this.#tlsContext('server', 'client'), require_client_certificate: true };
    return {
      listeners: this.#endpoints().flatMap(([name, { http }]) => {
        const inbound: Listener = { ...this.#listener('inbound', name), routes: [{ match: {}, cluster: name }] };
        return [inbound, { ...inbound, name: `inbound-tls-${name}`, chains: [{ tls: http ? withAlpn(tls) : tls }] }];
      }),
      clusters: this.#endpoints().map(([name, endpoint]) => this.#cluster(name, endpoint, this.port(name))),
    };
  }

  async #nearMesh(): Promise<Mesh> {
    const mesh: Mesh = { listeners: [...(this.spec.moreListeners ?? [])], clusters: [] };
    const dead = await freePort();
    for (const [name, endpoint] of this.#endpoints()) {
      const tls = this.#tlsContext('client', 'server');
      const secured = { tls: endpoint.http ? withAlpn(tls) : tls };
      const plain = this.far.port(`inbound-${name}`);
      const encrypted = this.far.port(`inbound-tls-${name}`);
      const hops: [Way, number, Partial<Cluster>][] = [
        ['one proxy', this.port(name), {}],
        ['two proxies', plain, {}],
        ['mTLS', encrypted, secured],
        ['HTTP/2', plain, { insideHttp2: true }],
        ['HTTP/2 in mTLS', encrypted, { insideHttp2: true, ...secured, tls: withAlpn(tls) }],
      ];
      for (const [way, port, more] of hops) {
        if (!this.spec.ways.includes(way) || (more.insideHttp2 && (endpoint.http || needsMosn))) continue;
        const listener = listenerName(way, name);
        mesh.listeners.push({ ...this.#listener(way, name), routes: [{ match: {}, cluster: listener }] });
        mesh.clusters.push({ ...this.#cluster(listener, endpoint, port), ...more });
      }
      const troubles: [string, number[], Partial<Cluster>?][] = [
        ['dead', [dead]],
        ['empty', []],
        ['mortal', [this.mortalPorts.get(name)![endpoint.port ?? 0]!]],
        ['fragile', [this.relays.get(name)!.port]],
        ['narrow', [this.port(name)], { requestsMax: 1 }],
      ];
      for (const [trouble, ports, more] of troubles) {
        const listener = `${trouble}-${name}`;
        mesh.listeners.push({ ...this.#listener(trouble, name), routes: [{ match: {}, cluster: listener }] });
        mesh.clusters.push({ ...this.#cluster(listener, endpoint, 0), ports, ...more });
      }
      const here = listenerName('one proxy', name);
      mesh.listeners.push(
        { ...this.#listener('impatient', name), routes: [{ match: {}, cluster: here, timeout: '0.3s' }] },
        { ...this.#listener('unrouted', name), routes: [{ match: { path: '/no/such/call' }, cluster: here }] },
        { ...this.#listener('aborting', name), routes: [{ match: {}, cluster: here }], httpFilters: [abort(503)] },
        { ...this.#listener('forbidding', name), routes: [{ match: {}, cluster: here }], httpFilters: [abort(403)] },
      );
    }
    return mesh;
  }

  #endpoints(): [string, Endpoint][] {
    return Object.entries(this.spec.endpoints);
  }

  #listener(prefix: string, endpoint: string): Omit<Listener, 'routes'> {
    const protocol = this.endpoint(endpoint).http ? 'http' : this.spec.protocol;
    return { name: listenerName(prefix, endpoint), protocol };
  }

  #cluster(name: string, { http }: Endpoint, port: number): Cluster {
    return { name, ports: [port], ...(http && { protocol: 'http2' }) };
  }

  #tlsContext(own: string, peer: string): { common_tls_context: object } {
    const leaf = this.#authority.issue(own, [`URI:${spiffe}${own}`]);
    return {
      common_tls_context: {
        tls_certificates: [inlineCertificate(leaf)],
        validation_context: {
          trusted_ca: { filename: this.#authority.caFile },
          match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: `${spiffe}${peer}` } }],
        },
      },
    };
  }
}

function abort(status: number): object {
  return {
    name: 'envoy.filters.http.fault',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault',
      abort: { http_status: status, percentage: { numerator: 100 } },
    },
  };
}

function withAlpn<T extends { common_tls_context: object }>(tls: T): T {
  return { ...tls, common_tls_context: { ...tls.common_tls_context, alpn_protocols: ['h2'] } };
}

/** Of the near proxy: where calls go on a way, or into a trouble. */
export function listenerName(way: string, endpoint: string): string {
  return `${slug(way)}-${endpoint}`;
}

/** A way in the names of listeners, clusters and statistics. */
export function slug(way: string): string {
  return way.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');
}
