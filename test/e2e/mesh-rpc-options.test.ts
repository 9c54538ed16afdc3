/** meshd and the two sidecars of a bolt service: how its calls travel is changed by editing YAML while a client calls. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '@sofamesh/base/random';
import { sidecarBootstrap } from '../../apps/meshctl/src/up/sidecar-bootstrap.ts';
import type { RunningProcess } from '../peers/process.ts';
import { boltWire } from '../sim/support/bolt-wire.ts';
import { MeshFolder } from './support/mesh-folder.ts';
import { Mosn } from './support/mosn.ts';
import { launchMeshd } from './support/programs.ts';
import { TokenClient, TokenServer } from './support/token-peers.ts';

const port = 12_200;
const host = 'user.shop.svc.cluster.local';
const cluster = `cluster.outbound|${port}||${host}`;
/** Between two calls of each caller: enough of them are under way at each edit. */
const pauseMs = 2;
const callers = 8;

const configuration = (address: string, applicationPort: number) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: user
  namespace: shop
  annotations: {}
spec:
  hosts: [${host}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: ${port}, name: x-bolt, protocol: TCP}]
  endpoints: [{address: ${address}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: user
  namespace: shop
  annotations:
    rpc.mosn.io/carrier: frame
spec: {host: ${host}}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: user, namespace: shop}
spec:
  workloadSelector: {labels: {app: user}}
  ingress:
  - port: {number: ${port}, name: x-bolt, protocol: TCP}
    defaultEndpoint: 127.0.0.1:${applicationPort}
`;

let folder: MeshFolder;
let meshd: RunningProcess;
let server: TokenServer;
let client: Mosn;
let user: Mosn;

before(async () => {
  folder = MeshFolder.of({ 'up.yaml': 'workloads:\n  - name: client\n  - name: user\n' });
  server = new TokenServer(boltWire, new SeededRandom(20_260_727));
  await server.start();
  folder.write('config/user.yaml', configuration(folder.addresses.get('user')!, server.port));
  const ports = ['--grpc-address', '127.0.0.1:0', '--http-address', '127.0.0.1:0'];
  meshd = launchMeshd(['--config', folder.file('config'), ...ports]);
  const [, xdsPort] = await meshd.printed(/serves xDS on 127\.0\.0\.1:(\d+)/, 60_000);
  [client, user] = await Promise.all([sidecar('client', Number(xdsPort)), sidecar('user', Number(xdsPort))]);
});

after(async () => {
  await Promise.all([client?.stop(), user?.stop(), meshd?.stop()]);
  await server?.stop();
  folder?.remove();
});

function sidecar(name: string, xdsPort: number): Promise<Mosn> {
  const address = folder.addresses.get(name)!;
  const workload = { name, namespace: 'shop', address, labels: { app: name }, serviceAccount: undefined, env: {} };
  const meshdAddress = { kind: 'ip', host: '127.0.0.1', port: xdsPort } as const;
  const bootstrap = sidecarBootstrap({ ...workload, command: undefined, sidecar: true }, meshdAddress);
  return Mosn.start({ bootstrap, args: ['--concurrency', '1', '--log-level', 'error'] });
}

/** A counter's value, without all the others. */
async function count(mosn: Mosn, name: string): Promise<number> {
  const pattern = `^${name.replace(/[.|]/g, '\\$&')}$`;
  const { text } = await mosn.ask(`/stats?filter=${encodeURIComponent(pattern)}`);
  return Number(/: (\d+)$/m.exec(text)?.[1] ?? 0);
}

async function connectClient(name: string): Promise<TokenClient> {
  const socket = connect(port, folder.addresses.get('client')!);
  const made = new TokenClient(boltWire, name, socket);
  await once(socket, 'connect');
  return made;
}

const annotate = (before: string, now: string) => folder.edit('config/user.yaml', (text) => text.replace(before, now));

describe('how calls travel between two sidecars', () => {
  test('frames, HTTP/2, frames: an edit switches it under a client that calls, and nothing is lost', async () => {
    const caller = await connectClient('switch');
    let calls = true;
    const calling = Array.from({ length: callers }, async (_, id) => {
      for (; calls; await sleep(pauseMs)) await caller.call(id);
    });
    const frames = async () => (await count(client, `${cluster}.upstream_cx_total`)) - (await http2());
    const http2 = () => count(client, `${cluster}.upstream_cx_http2_total`);
    const updates = () => count(client, 'listener_manager.lds.update_success');
    const grows = async (what: string, counter: () => Promise<number>) => {
      const had = await counter();
      return () => client.process.until(what, async () => (await counter()) > had);
    };
    const someCalls = () => grows('some calls more', () => count(client, `${cluster}.upstream_rq_total`));

    await (await someCalls())();
    assert.deepEqual([await frames(), await http2()], [1, 0]);
    const listenersBefore = [await updates(), await count(user, 'listener_manager.lds.update_success')];

    const toHttp2 = await grows('a connection of HTTP/2', http2);
    annotate('carrier: frame', 'carrier: http2');
    await toHttp2();
    await (await someCalls())();
    assert.deepEqual([await frames(), await http2()], [1, 1]);

    const toFrames = await grows('a connection of frames', frames);
    annotate('carrier: http2', 'carrier: frame');
    await toFrames();
    await (await someCalls())();
    assert.deepEqual([await frames(), await http2()], [2, 1]);

    calls = false;
    await Promise.all(calling);
    caller.close();
    assert.deepEqual([caller.violations, caller.counts.error], [[], 0]);
    assert.equal(server.seen.size, caller.counts.answer);
    assert.deepEqual(new Set(server.seen.values()), new Set([1]), 'a call came twice');
    // It was a matter of the client's cluster alone.
    assert.deepEqual([await updates(), await count(user, 'listener_manager.lds.update_success')], listenersBefore);
  });

  test('a service level is that of both sidecars: at relay a connection is what is counted, not a call', async () => {
    const prefix = `http.outbound_${folder.addresses.get('client')}_${port}`;
    const inbound = `http.inbound_${folder.addresses.get('user')}_${port}`;
    const versions = () => Promise.all([client, user].map((one) => count(one, 'listener_manager.listener_modified')));
    const had = await versions();
    annotate('annotations: {}', 'annotations: {rpc.mosn.io/service-level: relay}');
    await client.process.until('both have new listeners', async () =>
      (await versions()).every((now, at) => now > had[at]!),
    );
    const requests = () =>
      Promise.all([count(client, `${prefix}.downstream_rq_total`), count(user, `${inbound}.downstream_rq_total`)]);
    const before = await requests();
    const caller = await connectClient('relay');
    for (let id = 0; id < 20; id++) assert.equal(await caller.call(id), 'answer');
    caller.close();
    assert.deepEqual(caller.violations, []);
    assert.deepEqual(
      (await requests()).map((now, at) => now - before[at]!),
      [1, 1],
    );
  });

  test('a mistyped value is named with its line, and what was there stays in force', async () => {
    annotate('carrier: frame', 'carrier: htp2');
    await meshd.printed(
      /user\.yaml:\d+:\d+: error: metadata\.annotations\["rpc\.mosn\.io\/carrier"\]: "htp2": must be frame or http2; did you mean http2\?/,
    );
    const caller = await connectClient('after');
    assert.equal(await caller.call(1), 'answer');
    caller.close();
  });
});
