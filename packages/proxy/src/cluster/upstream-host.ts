import { type Address, formatAddress } from '@sofamesh/base/address';
import type { Host } from '@sofamesh/contract/balancer';
import type { EndpointConfig, EndpointGroupConfig } from '../config/cluster.ts';
import type { HostStatus } from '../engine-api.ts';
import type { Pool } from '../pool/pool.ts';

/**
 * One endpoint of a cluster. It stays the same object as long as its address is in the cluster, whatever else of it
 * changes, and keeps its pools and its counters (plain numbers, shown by `/clusters`).
 */
export class UpstreamHost implements Host {
  readonly address: Address;
  readonly name: string;
  weight = 1;
  healthy = true;
  hostname = '';
  locality = '';
  priority = 0;
  /** Streams that are open or waited for, and TCP connections. */
  activeRequests = 0;

  cxActive = 0;
  cxConnectFail = 0;
  cxTotal = 0;
  rqError = 0;
  rqSuccess = 0;
  rqTimeout = 0;
  rqTotal = 0;

  /** One for each protocol that was used towards this host: hardly ever more than one. */
  readonly pools: Pool[] = [];
  /** It was removed from its cluster, or the cluster was. */
  draining = false;

  constructor(address: Address) {
    this.address = address;
    this.name = formatAddress(address);
  }

  describe(endpoint: EndpointConfig, group: EndpointGroupConfig): void {
    this.weight = endpoint.weight;
    this.healthy = endpoint.healthy;
    this.hostname = endpoint.hostname;
    this.locality = group.locality;
    this.priority = group.priority;
  }

  drain(): void {
    this.draining = true;
    for (const pool of this.pools) pool.drain();
  }

  status(): HostStatus {
    return {
      address: this.address,
      weight: this.weight,
      healthy: this.healthy,
      hostname: this.hostname,
      locality: this.locality,
      priority: this.priority,
      cxActive: this.cxActive,
      cxConnectFail: this.cxConnectFail,
      cxTotal: this.cxTotal,
      rqActive: this.activeRequests,
      rqError: this.rqError,
      rqSuccess: this.rqSuccess,
      rqTimeout: this.rqTimeout,
      rqTotal: this.rqTotal,
    };
  }
}
