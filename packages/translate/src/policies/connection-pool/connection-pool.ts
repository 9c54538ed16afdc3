import { create } from '@bufbuild/protobuf';
import { UpstreamConnectionOptionsSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { TcpKeepaliveSchema } from '@sofamesh/api/gen/envoy/config/core/v3/address_pb';
import { durationMs } from '@sofamesh/model/duration';
import type { ConnectionPool, HttpPool, TcpPool } from '@sofamesh/model/kinds/destination-rule/types';
import type { ClusterDraft, HttpDraft } from '../../core/cluster-draft.ts';
import { duration } from '../../core/protobuf.ts';

/** Limits and timeouts of the connections to a service: `trafficPolicy.connectionPool`. A limit of 0 is none. */
export function applyConnectionPool(draft: ClusterDraft, pool: ConnectionPool | undefined): void {
  if (pool?.tcp !== undefined) applyTcp(draft, pool.tcp);
  if (pool?.http !== undefined) applyHttp(draft, pool.http);
}

function applyTcp(draft: ClusterDraft, tcp: TcpPool): void {
  const { cluster } = draft;
  const thresholds = cluster.circuitBreakers!.thresholds[0]!;
  if (tcp.maxConnections) thresholds.maxConnections = tcp.maxConnections;
  if (tcp.connectTimeout !== undefined) cluster.connectTimeout = duration(durationMs(tcp.connectTimeout));
  if (tcp.maxConnectionDuration !== undefined && draft.port.kind === 'http') {
    draft.http = { ...draft.http, maxConnectionDuration: duration(durationMs(tcp.maxConnectionDuration)) };
  }
  if (tcp.tcpKeepalive !== undefined) {
    const { probes, time, interval } = tcp.tcpKeepalive;
    cluster.upstreamConnectionOptions = create(UpstreamConnectionOptionsSchema, {
      tcpKeepalive: create(TcpKeepaliveSchema, {
        ...(probes && { keepaliveProbes: probes }),
        ...(time !== undefined && { keepaliveTime: wholeSeconds(time) }),
        ...(interval !== undefined && { keepaliveInterval: wholeSeconds(interval) }),
      }),
    });
  }
}

function applyHttp(draft: ClusterDraft, http: HttpPool): void {
  const thresholds = draft.cluster.circuitBreakers!.thresholds[0]!;
  if (http.http1MaxPendingRequests) thresholds.maxPendingRequests = http.http1MaxPendingRequests;
  if (http.http2MaxRequests) thresholds.maxRequests = http.http2MaxRequests;
  if (http.maxRetries) thresholds.maxRetries = http.maxRetries;
  draft.http = {
    ...draft.http,
    codec: codecOf(draft, http),
    ...(http.maxRequestsPerConnection && { maxRequestsPerConnection: http.maxRequestsPerConnection }),
    ...(http.idleTimeout !== undefined && { idleTimeout: duration(durationMs(http.idleTimeout)) }),
    ...(http.maxConcurrentStreams && { maxConcurrentStreams: http.maxConcurrentStreams }),
  };
}

/** Only HTTP has a choice: RPC travels as itself. */
function codecOf({ port, http }: ClusterDraft, pool: HttpPool): HttpDraft['codec'] {
  if (port.kind !== 'http') return http.codec;
  if (pool.useClientProtocol) return 'as-downstream';
  return pool.h2UpgradePolicy === 'UPGRADE' ? 'http2' : http.codec;
}

/** Milliseconds without bytes after which a proxied TCP connection is closed; undefined: the proxy's default. */
export function tcpIdleTimeoutMs(pool: ConnectionPool | undefined): number | undefined {
  return pool?.tcp?.idleTimeout === undefined ? undefined : durationMs(pool.tcp.idleTimeout);
}

function wholeSeconds(text: string): number {
  return Math.max(1, Math.round(durationMs(text) / 1000));
}
