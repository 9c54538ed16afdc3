// Nothing is lost when a listener is changed under load, nor when a proxy is told to end while another takes over.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureOpenssl } from '../peers/openssl.ts';
import { requirePeers } from '../peers/peer.ts';
import { freePort } from '../peers/ports.ts';
import type { Cluster, Listener } from './support/bootstrap.ts';
import { inlineCertificate, TestAuthority } from './support/certificates.ts';
import { TestControlPlane } from './support/control-plane.ts';
import { type Dialect, dialects, isTls } from './support/http-caller.ts';
import { HttpOrigin } from './support/http-origin.ts';
import { proxyKind, type RunningProxy, startProxy } from './support/proxy.ts';
import { SteadyLoad } from './support/steady-load.ts';

const serverName = 'drain.test';
const clients = 12;
const drainSeconds = 2;
const changes = 5;
/** Envoy would otherwise close its connections one by one over the whole time. */
const flags = [
  '--drain-time-s',
  String(drainSeconds),
  ...(proxyKind === 'envoy' ? ['--drain-strategy', 'immediate'] : []),
];
const { skip } = await requirePeers({ openssl: ensureOpenssl });

describe('drain', { skip }, () => {
  const authority = new TestAuthority();
  const path = '/http1/token';
  let ca: Buffer;
  let origin: HttpOrigin;
  let clusters: Cluster[];
  let tls: object;

  before(async () => {
    ca = readFileSync(authority.caFile);
    origin = await HttpOrigin.start('http1');
    clusters = [{ name: 'origin', ports: [origin.port] }];
    const leaf = authority.issue('drain', [`DNS:${serverName}`, 'IP:127.0.0.1']);
    tls = { common_tls_context: { alpn_protocols: ['h2', 'http/1.1'], tls_certificates: [inlineCertificate(leaf)] } };
  });
  after(() => {
    origin?.stop();
    authority.remove();
  });

  /** Its answers have `x-by: NAME`. */
  const listener = (dialect: Dialect, by: string, port?: number): Listener => ({
    name: 'in',
    protocol: 'http',
    ...(port && { port }),
    routes: [{ match: { prefix: '/' }, cluster: 'origin' }],
    responseHeaders: { 'x-by': by },
    manager: { drain_timeout: '0.5s' },
    ...(isTls(dialect) && { chains: [{ tls }] }),
  });

  for (const dialect of dialects) {
    test(`a listener that changes ${changes} times under ${dialect}`, async () => {
      const port = await freePort();
      const controlPlane = await TestControlPlane.start();
      let proxy: RunningProxy | undefined;
      let load: SteadyLoad | undefined;
      try {
        const mesh = { listeners: [listener(dialect, '0', port)], clusters };
        proxy = await startProxy(mesh, proxyKind, { controlPlane, flags });
        load = new SteadyLoad(dialect, () => [port], path, clients, { ca, serverName });
        for (let n = 1; n <= changes; n++) {
          await answersMore(load, 200);
          await proxy.change(controlPlane, [listener(dialect, String(n), port)]);
        }
        await answersMore(load, 200);
        // Until the first ones are drained for good.
        await sleep(drainSeconds * 1000 + 500);
        const { answered, lost, by, connections } = await load.stop();
        assert.deepEqual(lost, [], `${lost.length} of ${answered} lost, on ${connections} connections`);
        assert.ok((by.get(String(changes)) ?? 0) > 0, 'nobody came to the last listener');
        assert.ok(connections > clients, 'no connection was drained');
      } finally {
        await load?.stop();
        await proxy?.stop();
        await controlPlane.stop();
      }
    });

    test(`a proxy that ends under ${dialect}, while another takes over`, async () => {
      const start = (by: string) => startProxy({ listeners: [listener(dialect, by)], clusters }, proxyKind, { flags });
      const [old, young] = [await start('old'), await start('young')];
      const ports = [old.port('in'), young.port('in')];
      const load = new SteadyLoad(dialect, () => ports, path, clients, { ca, serverName });
      try {
        await answersMore(load, 500);
        if (proxyKind === 'envoy') {
          // It ends at once on SIGTERM; this is how it is told to leave in peace.
          await fetch(`${old.admin}/drain_listeners?graceful`, { method: 'POST' });
          await sleep(drainSeconds * 1000 + 2_000);
        } else {
          old.process.signal('SIGTERM');
          const { code } = await old.process.ended;
          assert.equal(code, 0, old.process.tail());
        }
        await answersMore(load, 500);
        const { answered, lost, by } = await load.stop();
        assert.deepEqual(lost, [], `${lost.length} of ${answered} lost`);
        assert.ok((by.get('old') ?? 0) > 0 && (by.get('young') ?? 0) > 0, JSON.stringify([...by]));
      } finally {
        await load.stop();
        await old.stop();
        await young.stop();
      }
    });
  }
});

async function answersMore(load: SteadyLoad, count: number): Promise<void> {
  const wanted = load.answered + count;
  const giveUpAt = Date.now() + 20_000;
  while (load.answered < wanted) {
    if (Date.now() > giveUpAt) throw new Error(`only ${load.answered} answers, ${wanted} were due`);
    await sleep(10);
  }
}
