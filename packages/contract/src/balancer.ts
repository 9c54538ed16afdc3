import type { Address } from '@sofamesh/base/address';
import type { Random } from '@sofamesh/base/random';
import type { RequestHead } from './message.ts';
import type { Connection } from './transport.ts';

/**
 * Chooses one of a cluster's hosts for a request or connection. One balancer per cluster, priority level and worker.
 * Host sets are immutable: a change brings a new array, in which unchanged hosts are the same objects.
 */
export interface BalancerKind<Options = unknown> {
  /** `round_robin`, `least_request`, …: the catalogue's folder name with `_`. */
  readonly name: string;
  create(options: Options | undefined, random: Random): Balancer;
}

export interface Balancer {
  /** The hosts to choose from: healthy, weight > 0. Called before the first pick and for every change. */
  update(hosts: readonly Host[]): void;
  /** Allocates nothing. Undefined only when there is no host. */
  pick(context: PickContext): Host | undefined;
}

export interface PickContext {
  /** Hash of what the route's hash policy names; undefined without one. */
  readonly hash: number | undefined;
  /** Host that failed in the attempt before: avoid it if there is another one. */
  readonly avoid: Host | undefined;
  /** For clusters whose host is where the client wanted to go: its connection. */
  readonly downstream?: Connection | undefined;
  /** The same: the request, of which a header may name the host. */
  readonly request?: Pick<RequestHead, 'get'> | undefined;
}

export interface Host {
  readonly address: Address;
  /** `10.0.0.1:80`. */
  readonly name: string;
  /** Whole number ≥ 1; relative to the other hosts'. */
  readonly weight: number;
  /** Requests in flight from this worker; kept by the engine. */
  activeRequests: number;
}
