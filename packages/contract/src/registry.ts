/**
 * A source of services and their instances: Kubernetes, ZooKeeper, Nacos, … A registry pushes what it knows into a sink;
 * it reconnects by itself, and while it is cut off what it said last stays valid.
 */
export interface Registry {
  /** For status and metrics; also the folder name. */
  readonly name: string;
  /** Begins and resolves when the sink has the first complete picture, or rejects when it can never work. */
  start(sink: RegistrySink): Promise<void>;
  stop(): Promise<void>;
}

/** The control plane, as a registry sees it. Calls are cheap; the sink gathers what comes in a burst. */
export interface RegistrySink {
  /** Adds a service or replaces the one of that host and namespace. */
  putService(service: Service): void;
  removeService(key: ServiceKey): void;
  /** All instances of a service that this registry knows; replaces what it said before. Empty: there are none. */
  putInstances(key: ServiceKey, instances: readonly Instance[]): void;
}

export interface ServiceKey {
  readonly namespace: string;
  /** Fully qualified: `user.shop.svc.cluster.local`. */
  readonly host: string;
}

export interface Service extends ServiceKey {
  /** Other names of it: interface names of an RPC service. */
  readonly aliases: readonly string[];
  /** Virtual addresses; empty for headless. */
  readonly addresses: readonly string[];
  readonly ports: readonly ServicePort[];
  readonly labels: Readonly<Record<string, string>>;
  /** `static`: the instances given; `dns`: host names to be resolved by the proxy; `passthrough`: the original destination. */
  readonly resolution: 'static' | 'dns' | 'passthrough';
  readonly external: boolean;
  /** `*`, `.`, or namespaces that see it; empty means everywhere. */
  readonly exportTo: readonly string[];
}

export interface ServicePort {
  readonly name: string;
  readonly number: number;
  /** `http`, `http2`, `grpc`, `tcp`, `tls`, `https`, or `x-bolt`, `x-dubbo`, …. */
  readonly protocol: string;
  /** Of an RPC port: how much of a call proxies read (`service_level` of x_proxy). Absent: full. */
  readonly serviceLevel?: 'full' | 'light' | 'relay';
}

export interface Instance {
  /** IP, host name (resolution dns) or `unix://` path. */
  readonly address: string;
  /** By name of the service's port; a port that is absent has the service's own number. */
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
  /** ≥ 1. */
  readonly weight: number;
  readonly locality: string;
  readonly serviceAccount: string;
  readonly healthy: boolean;
  /** Name of the workload behind it, or empty. */
  readonly workload: string;
}

/** What a registry's folder exports: from its own options (plain data) to a registry. */
export interface RegistryKind<Options = unknown> {
  readonly name: string;
  create(options: Options): Registry;
}
