// Stock Envoys take the bookstore's configuration from meshd: every resource is accepted, HTTP is routed by it, and the RPC
// ports, whose proxy Envoy does not have, are plain TCP. The bookstore's programs are replaced by small ones.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ensureEnvoy } from '../peers/envoy.ts';
import { requirePeers } from '../peers/peer.ts';
import { freePort } from '../peers/ports.ts';
import { RunningProcess } from '../peers/process.ts';
import { fetchText, repository } from './support/proxy.ts';
import { clientArgs, nodeProgram, RpcProgram } from './support/rpc-programs.ts';
import { type EnvoyWorkload, startXdsEnvoy, type XdsEnvoy } from './support/xds-envoy.ts';

const namespace = 'bookstore';
const catalogHost = 'catalog.bookstore.svc.cluster.local';
// Addresses of their own, so that a bookstore that runs on this machine is not in the way.
const workload = (name: string, app: string, version: string, last: number): EnvoyWorkload => ({
  name,
  namespace,
  address: `127.0.77.${last}`,
  labels: { app, version },
});
const shopper = workload('shopper', 'shopper', 'v1', 11);
const catalogV1 = workload('catalog-v1', 'catalog', 'v1', 12);
const catalogV2 = workload('catalog-v2', 'catalog', 'v2', 13);
const inventoryV1 = workload('inventory-v1', 'inventory', 'v1', 14);
const inventoryV2 = workload('inventory-v2', 'inventory', 'v2', 15);
const pricing = workload('pricing', 'pricing', 'v1', 17);

const { skip } = await requirePeers({ envoy: ensureEnvoy });

describe('stock Envoys connected to meshd', { skip }, () => {
  const config = mkdtempSync(join(tmpdir(), 'bookstore-'));
  const catalogFile = join(config, 'catalog.yaml');
  const programs: RunningProcess[] = [];
  const catalogs: Server[] = [];
  let meshd: RunningProcess;
  let client: XdsEnvoy;
  let server: XdsEnvoy;

  const start = async (program: RunningProcess) => {
    programs.push(program);
    await program.printed(/"ready":true/);
  };
  const rpcServer = (protocol: string, at: EnvoyWorkload, port: number) =>
    start(new RunningProcess(nodeProgram('rpc-server.ts', [protocol, String(port), at.name, at.address])));

  before(async () => {
    cpSync(join(repository, 'examples/bookstore/config'), config, { recursive: true });
    const workloads = [shopper, catalogV1, catalogV2, inventoryV1, inventoryV2, pricing];
    writeFileSync(join(config, 'workloads.yaml'), workloads.map(workloadEntry).join('---\n'));
    // v1 stands behind an Envoy of its own; all others are reached without a sidecar.
    catalogs.push(await catalog(catalogV1, 19080), await catalog(catalogV2, 9080));
    await rpcServer('bolt', inventoryV1, 12200);
    await rpcServer('bolt', inventoryV2, 12200);
    await rpcServer('dubbo', pricing, 20880);

    const [grpc, tls, http, webhook] = [await freePort(), await freePort(), await freePort(), await freePort()];
    const addresses = { grpc, tls, http, webhook };
    meshd = new RunningProcess({
      name: 'meshd',
      command: process.execPath,
      args: [
        join(repository, 'apps/meshd/bin/meshd.js'),
        '--config',
        config,
        ...Object.entries(addresses).flatMap(([name, port]) => [`--${name}-address`, `127.0.0.1:${port}`]),
      ],
    });
    await meshd.until('ready', async () => (await fetchText(`http://127.0.0.1:${http}/ready`)) !== undefined);
    server = await startXdsEnvoy(catalogV1, grpc);
    client = await startXdsEnvoy(shopper, grpc);
  });
  after(async () => {
    await client?.stop();
    await server?.stop();
    await meshd?.stop();
    for (const program of programs) await program.stop();
    for (const one of catalogs) one.close();
    for (const one of catalogs) one.closeAllConnections();
    rmSync(config, { recursive: true, force: true });
  });

  const ask = (headers: Record<string, string> = {}) => get(shopper.address, 9080, '/books/1', headers);
  const versionsOf = async (count: number, headers: Record<string, string> = {}) => {
    const versions = new Map<string, number>();
    for (let i = 0; i < count; i++) {
      const { status, body } = await ask(headers);
      const version = status === 200 ? body : String(status);
      versions.set(version, (versions.get(version) ?? 0) + 1);
    }
    return versions;
  };

  test('every resource is accepted', async () => {
    for (const envoy of [client, server]) {
      assert.deepEqual(await envoy.complaints(), []);
      const sections = await envoy.sections();
      assert.ok(
        sections.some((one) => (one.dynamic_active_clusters?.length ?? 0) > 0),
        'no clusters came',
      );
      assert.ok(
        sections.some((one) => (one.dynamic_listeners?.length ?? 0) > 0),
        'no listeners came',
      );
    }
    assert.ok(
      (await client.sections()).some((one) => (one.dynamic_route_configs?.length ?? 0) > 0),
      'no routes came',
    );
  });

  test('HTTP ports are HTTP with routes by RDS, RPC ports are TCP proxies', async () => {
    const listeners = await client.listeners();
    const filterAt = (port: number) => listeners.get(`${shopper.address}:${port}`)?.filter_chains?.[0]?.filters.at(-1);
    assert.match(String(filterAt(9080)?.typed_config['@type']), /HttpConnectionManager$/);
    assert.ok(filterAt(9080)?.typed_config['rds'], 'routes are in the listener');
    for (const port of [12200, 20880])
      assert.match(String(filterAt(port)?.typed_config['@type']), /TcpProxy$/, String(port));
    assert.ok((await server.listeners()).has(`${catalogV1.address}:9080`), 'no inbound listener');
  });

  test('HTTP is routed by weight, header and host', async () => {
    const shares = await versionsOf(300);
    // 80 to 20, less the two in a hundred that fail on purpose.
    assert.ok((shares.get('catalog-v1') ?? 0) > 190, String([...shares]));
    assert.ok((shares.get('catalog-v2') ?? 0) > 25, String([...shares]));
    assert.ok((shares.get('503') ?? 0) < 25, String([...shares]));
    assert.deepEqual([...(await versionsOf(20, { 'x-user': 'tester' }))], [['catalog-v2', 20]]);
    const named = await versionsOf(10, { host: catalogHost, 'x-user': 'tester' });
    assert.deepEqual([...named], [['catalog-v2', 10]]);
  });

  test('a bolt and a Dubbo call pass', async () => {
    for (const [protocol, port, names] of [
      ['bolt', 12200, ['inventory-v1', 'inventory-v2']],
      ['dubbo', 20880, ['pricing']],
    ] as const) {
      const program = await RpcProgram.start(nodeProgram('rpc-client.ts', [protocol, ...clientArgs]));
      programs.push(program.running);
      const caller = program.at(`${shopper.address}:${port}`);
      assert.ok((names as readonly string[]).includes(await caller.get('who')));
      assert.equal(await caller.get('many', 'xds', 100, 8), '100');
    }
  });

  test('a changed weight moves the traffic, and is accepted too', async () => {
    const text = readFileSync(catalogFile, 'utf8');
    writeFileSync(catalogFile, text.replace('weight: 80', 'weight: 0').replace('weight: 20', 'weight: 100'));
    await client.process.until('only v2', async () => !(await versionsOf(20)).has('catalog-v1'), 10_000);
    writeFileSync(catalogFile, text);
    await client.process.until('v1 again', async () => (await versionsOf(20)).has('catalog-v1'), 10_000);
    assert.deepEqual(await client.complaints(), []);
  });

  test('traffic goes on without meshd', async () => {
    await meshd.kill();
    const shares = await versionsOf(50);
    assert.ok((shares.get('catalog-v1') ?? 0) > 20, String([...shares]));
  });
});

function workloadEntry({ name, namespace: of, address, labels }: EnvoyWorkload): string {
  return `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: ${name}, namespace: ${of}}
spec: {address: ${address}, labels: ${JSON.stringify(labels)}, serviceAccount: ${labels['app']}}
`;
}

/** An HTTP server that answers with its name. */
function catalog({ name, address }: EnvoyWorkload, port: number): Promise<Server> {
  const listener = createServer((_request, response) => response.end(name));
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, address, () => resolve(listener));
  });
}

function get(
  host: string,
  port: number,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, path, headers, timeout: 5_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
