import type { Node } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import type { Clock } from '@sofamesh/base/clock';
import { systemRandom } from '@sofamesh/base/random';
import type { Stats } from '@sofamesh/contract/stats';
import { AdsClient, type AdsSink } from '@sofamesh/xds/client/ads-client';
import { GrpcDialer } from '@sofamesh/xds/grpc/dialer';
import type { ControlPlaneConfig } from '../config/control-plane.ts';
import type { ProgramLog } from './program-log.ts';

export interface ControlPlaneOptions {
  readonly config: ControlPlaneConfig;
  readonly node: Node;
  readonly clock: Clock;
  readonly stats: Stats;
  readonly log: ProgramLog;
  readonly sink: AdsSink;
  /** Of the gRPC service; default that of ADS. */
  readonly method?: string;
}

/** The connection to the control plane: tries for ever, and its absence stops nothing. */
export interface ControlPlane {
  readonly client: AdsClient;
  stop(): void;
}

export function startControlPlane(options: ControlPlaneOptions): ControlPlane {
  const { config, node, clock, stats, log, sink, method } = options;
  const { targets, tls, metadata } = config;
  const dialer = new GrpcDialer({ targets, metadata, ...(tls !== undefined && { tls }) });
  const client = new AdsClient({
    dialer,
    node,
    clock,
    random: systemRandom,
    logger: log.logger('xds'),
    stats,
    sink,
    ...(method !== undefined && { method }),
  });
  client.start();
  return {
    client,
    stop: () => {
      client.stop();
      dialer.close();
    },
  };
}
