import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import type { CertificatePair } from '@sofamesh/contract/transport';
import type { ClusterConfig } from '@sofamesh/proxy/config/cluster';
import type { ListenerConfig } from '@sofamesh/proxy/config/listener';
import { StatsAggregate } from '@sofamesh/telemetry/metrics/aggregate';
import { ThreadStats } from '@sofamesh/telemetry/metrics/thread-stats';
import { CertificateStats } from './certificate-stats.ts';

const dayMs = 24 * 3600 * 1000;
const pair = (expiresMs: number, name?: string): CertificatePair => ({
  chainPem: `chain ${expiresMs}`,
  privateKeyPem: 'key',
  expiresMs,
  ...(name !== undefined && { name }),
});

test('certificates have their dates in the metrics, and lose them when they are used no more', () => {
  const aggregate = new StatsAggregate();
  const stats = new ThreadStats((definition) => aggregate.define(0, definition));
  const listener = (...certificates: readonly CertificatePair[]) =>
    new Map([
      [
        'in',
        {
          statPrefix: '',
          address: ipAddress('127.0.0.1', 8443),
          filterChains: certificates.map((each) => ({ tls: { certificates: [each] } })),
          defaultFilterChain: undefined,
        } as unknown as ListenerConfig,
      ],
    ]);
  const clusters = new Map([
    ['a', { statName: 'a', tls: { certificate: pair(30 * dayMs, 'spiffe://mesh/a') } } as unknown as ClusterConfig],
    ['b', { statName: 'b', tls: undefined } as unknown as ClusterConfig],
  ]);
  const config = { clusters, listeners: listener(pair(10 * dayMs, 'first'), pair(20 * dayMs)) };
  const certificates = new CertificateStats(
    stats,
    () => config,
    () => dayMs,
  );
  certificates.refresh();
  const expiry = (name: string) => aggregate.value(`${name}.expiration_unix_time_seconds`);
  assert.equal(expiry('listener.127.0.0.1_8443.ssl.certificate.first'), (10 * dayMs) / 1000);
  assert.equal(expiry('cluster.a.ssl.certificate.spiffe_//mesh/a'), (30 * dayMs) / 1000);
  assert.equal(expiry('listener.127.0.0.1_8443.ssl.certificate.unnamed_cert_8cc2651c'), (20 * dayMs) / 1000);
  assert.equal(aggregate.value('server.days_until_first_cert_expiring'), 9);
  config.listeners = listener(pair(0, 'second'));
  certificates.refresh();
  assert.equal(expiry('listener.127.0.0.1_8443.ssl.certificate.first'), 0);
  assert.equal(aggregate.value('server.days_until_first_cert_expiring'), 0);
  config.listeners = new Map();
  clusters.clear();
  certificates.refresh();
  assert.equal(aggregate.value('server.days_until_first_cert_expiring'), 2 ** 32 - 1);
});
