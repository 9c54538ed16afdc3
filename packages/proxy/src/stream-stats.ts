import type { Protocol, StreamStats } from '@sofamesh/contract/protocol';
import type { Stats } from '@sofamesh/contract/stats';
import { isHttp } from './cluster/http-protocols.ts';

/** What the codec of `protocol` counts by itself, as `PREFIXhttp2.tx_reset`; undefined where it is not HTTP/2. */
export function openStreamStats(stats: Stats, prefix: string, protocol: Protocol): StreamStats | undefined {
  if (!isHttp(protocol) || protocol.httpVersion !== 2) return undefined;
  const named = (name: string) => `${prefix}${protocol.name}.${name}`;
  return {
    rxReset: stats.counter(named('rx_reset')),
    txReset: stats.counter(named('tx_reset')),
    trailers: stats.counter(named('trailers')),
    streamsActive: stats.gauge(named('streams_active')),
    pendingSendBytes: stats.gauge(named('pending_send_bytes')),
  };
}
