import { ipAddress } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import { defaultCodecLimits } from '@sofamesh/contract/protocol';
import type { ClusterConfig } from '@sofamesh/proxy/config/cluster';
import type { ListenerConfig } from '@sofamesh/proxy/config/listener';
import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import type { EngineStatus, Rejection } from '@sofamesh/proxy/engine-api';
import type { CommandName, Commands } from '../../worker/messages.ts';
import { type WorkerLink, workerEnded } from '../worker-link.ts';

/** A worker that keeps what it is told and does nothing. */
export class ScriptedWorker implements WorkerLink {
  readonly id: number;
  readonly ended: Promise<string>;
  /** Names of what was committed, in order. */
  readonly committed: string[] = [];
  /** Addresses that it was told to listen on, by listener. */
  readonly addresses = new Map<string, string>();
  /** Listeners that were committed. */
  readonly listeners = new Map<string, ListenerConfig>();
  /** Names of resources that it refuses. */
  refuses = new Set<string>();
  /** What happens with the next `prepare` instead of an answer. */
  fault: 'crash' | 'throw' | undefined;
  abandoned = 0;
  #prepared: ConfigUpdate | undefined;
  #end: (reason: string) => void = () => {};
  #alive = true;

  constructor(id: number) {
    this.id = id;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  crash(reason = 'crashed'): void {
    this.#alive = false;
    this.#end(reason);
  }

  async terminate(): Promise<void> {
    this.crash('terminated');
  }

  async send<Name extends CommandName>(
    name: Name,
    argument: Commands[Name]['takes'],
  ): Promise<Commands[Name]['gives']> {
    if (!this.#alive) throw new CodedError(workerEnded, `worker ${this.id}: gone`);
    return this.#answer(name, argument) as Commands[Name]['gives'];
  }

  #answer(name: CommandName, argument: unknown): unknown {
    switch (name) {
      case 'prepare': {
        const { fault } = this;
        this.fault = undefined;
        if (fault === 'throw') throw new Error('no idea');
        if (fault === 'crash') {
          this.crash();
          throw new CodedError(workerEnded, `worker ${this.id}: crashed`);
        }
        this.#prepared = argument as ConfigUpdate;
        return this.#refused(this.#prepared);
      }
      case 'commit':
        this.#commit(argument as readonly Rejection[]);
        return undefined;
      case 'abandon':
        this.abandoned++;
        return undefined;
      case 'status':
        return this.status();
      default:
        return undefined;
    }
  }

  #refused({ clusters = [], listeners = [] }: ConfigUpdate): Rejection[] {
    return [
      ...clusters.map(({ name }) => ({ kind: 'cluster' as const, name })),
      ...listeners.map(({ name }) => ({ kind: 'listener' as const, name })),
    ].flatMap((one) => (this.refuses.has(one.name) ? [{ ...one, reason: `worker ${this.id} refuses` }] : []));
  }

  #commit(except: readonly Rejection[]): void {
    const { clusters = [], listeners = [] } = this.#prepared ?? {};
    const refused = new Set(except.map(({ kind, name }) => `${kind} ${name}`));
    for (const { name, version } of clusters) {
      if (!refused.has(`cluster ${name}`)) this.committed.push(`cluster ${name} ${version}`);
    }
    for (const listener of listeners) {
      const { name, address } = listener;
      if (refused.has(`listener ${name}`)) continue;
      this.listeners.set(name, listener);
      this.committed.push(`listener ${name}`);
      this.addresses.set(name, address.kind === 'pipe' ? address.path : `${address.host}:${address.port}`);
    }
  }

  status(): EngineStatus {
    return {
      listeners: [...this.addresses.keys()].map((name) => ({
        name,
        address: ipAddress('127.0.0.1', 1),
        connections: 1,
      })),
      clusters: [],
    };
  }
}

export function clusterConfig(name: string, version = '1'): ClusterConfig {
  return {
    name,
    version,
    statName: name,
    discovery: { kind: 'eds', serviceName: name },
    balancer: { name: 'round_robin', options: undefined },
    connectTimeoutMs: 1000,
    httpCodec: { kind: 'named', name: 'http1' },
    codecSettings: {},
    codecLimits: defaultCodecLimits,
    keepalive: undefined,
    tls: undefined,
    autoServerName: undefined,
    limits: { connectionsMax: 1, pendingRequestsMax: 2, requestsMax: 3, retriesMax: 4 },
    maxRequestsPerConnection: 0,
    idleTimeoutMs: 0,
    connectionDurationMs: 0,
    streamDurationMs: 0,
    multiplexedConnections: 1,
    bufferBytesMax: 1,
  };
}

export function listenerConfig(name: string, address: ListenerConfig['address']): ListenerConfig {
  return {
    name,
    version: '1',
    address,
    additionalAddresses: [],
    bindToPort: true,
    useOriginalDst: false,
    transparent: false,
    statPrefix: '',
    filterChains: [],
    udp: undefined,
    defaultFilterChain: undefined,
    listenerFilters: [],
    inspectTimeoutMs: 0,
    continueOnInspectTimeout: false,
    bufferBytesMax: 1,
    connectionsMax: 1,
    ignoreGlobalLimit: false,
    reusePort: true,
    direction: 'unspecified',
  };
}
