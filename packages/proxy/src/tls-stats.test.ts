import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TlsSession } from '@sofamesh/contract/transport';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import { TlsStats } from './tls-stats.ts';

const session: TlsSession = { alpn: undefined, serverName: undefined, version: 'TLSv1.3', peerSubjectAltNames: [] };

test('TLS is counted under the names of Envoy', () => {
  const stats = new MemoryStats();
  const tls = new TlsStats(stats, 'cluster.a.');
  tls.secured({ ...session, cipher: 'TLS_AES_128_GCM_SHA256', curve: 'X25519', resumed: true });
  tls.secured(session);
  tls.ended({ kind: 'closed', reason: 'x' });
  tls.ended({ kind: 'tls-failed', reason: 'x' });
  tls.ended({ kind: 'tls-failed', reason: 'x', check: 'hash' });
  for (const [name, value] of Object.entries({
    handshake: 2,
    no_certificate: 2,
    session_reused: 1,
    'versions.TLSv1.3': 2,
    'ciphers.TLS_AES_128_GCM_SHA256': 1,
    'curves.X25519': 1,
    connection_error: 1,
    fail_verify_cert_hash: 1,
    fail_verify_san: 0,
  })) {
    assert.equal(stats.get(`cluster.a.ssl.${name}`), value, name);
  }
});
