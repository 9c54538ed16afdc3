/** meshd by itself, with clients that speak xDS as a proxy does and nothing else. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { RunningProcess } from '../peers/process.ts';
import { MeshFolder } from './support/mesh-folder.ts';
import { finish, launch, launchMeshd } from './support/programs.ts';
import { XdsClient } from './support/xds-client.ts';

const xProxy = 'mosn.extensions.filters.network.x_proxy.v1.XProxy';

let folder: MeshFolder;
let meshd: RunningProcess;
let xds: string;
let pages: string;
const clients: XdsClient[] = [];

before(async () => {
  folder = MeshFolder.bookstore();
  const entries = ['catalog-v1', 'catalog-v2', 'inventory-v1', 'inventory-v2', 'pricing'].map((name) => {
    const [app, version = 'v1'] = name.split('-');
    const spec = `{address: ${folder.addresses.get(name)}, labels: {app: ${app}, version: ${version}}}`;
    return `apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: ${name}, namespace: bookstore, labels: {app: ${app}}}\nspec: ${spec}\n`;
  });
  folder.write('config/workloads.yaml', entries.join('---\n'));
  const ports = ['--grpc-address', '127.0.0.1:0', '--http-address', '127.0.0.1:0'];
  meshd = launch('meshd', ['--config', folder.file('config'), ...ports]);
  const line = /serves xDS on (\S+), debug pages and metrics on (\S+)$/m;
  [, xds = '', pages = ''] = await meshd.printed(line, 60_000);
});

after(async () => {
  for (const client of clients) client.close();
  await meshd?.stop();
  folder?.remove();
});

function connect(id: string, typeUrls: readonly string[] = [xProxy]): XdsClient {
  const client = new XdsClient(xds, id, { NAMESPACE: 'bookstore', INTERCEPTION_MODE: 'NONE' }, typeUrls);
  clients.push(client);
  return client;
}

const nodeId = (name: string) => `sidecar~127.0.0.9~${name}.bookstore~bookstore.svc.cluster.local`;

/** A proxy that has asked for all it needs. */
async function proxy(name: string, typeUrls?: readonly string[]): Promise<XdsClient> {
  const client = connect(nodeId(name), typeUrls);
  const clusters = await client.subscribe('clusters');
  const byEds = clusters.names().filter((cluster) => cluster.startsWith('outbound|'));
  await client.subscribe('endpoints', byEds);
  const listeners = await client.subscribe('listeners');
  await client.subscribe('routes', listeners.routeNames());
  return client;
}

async function page<Answer>(path: string): Promise<Answer> {
  return (await fetch(`${pages}${path}`)).json() as Promise<Answer>;
}

describe('meshd', () => {
  test('sends a proxy all it asks for, in order', async () => {
    const client = await proxy('first');
    assert.deepEqual(
      client.responses.map(({ kind }) => kind),
      ['clusters', 'endpoints', 'listeners', 'routes'],
    );
    const [clusters, endpoints, listeners, routes] = client.responses;
    assert.ok(clusters?.names().includes('outbound|9080|v2|catalog.bookstore.svc.cluster.local'));
    assert.equal(endpoints?.names().length, clusters?.names().filter((name) => name.startsWith('outbound|')).length);
    assert.ok(listeners?.text().includes(xProxy));
    assert.deepEqual(routes?.names().sort(), [
      '9080',
      'x|12200|inventory.bookstore.svc.cluster.local',
      'x|20880|pricing.bookstore.svc.cluster.local',
    ]);
    client.close();
  });

  test('after an edit of weights pushes that route and nothing else', async () => {
    const client = await proxy('weights');
    await client.quiet();
    const before = client.responses.length;
    folder.edit('config/inventory.yaml', (text) =>
      text.replace('weight: 50', 'weight: 90').replace('weight: 50', 'weight: 10'),
    );
    await client.until('a push', () => client.responses.length > before);
    await client.quiet();
    assert.deepEqual(
      client.responses.slice(before).map((response) => [response.kind, ...response.names()]),
      [['routes', 'x|12200|inventory.bookstore.svc.cluster.local']],
    );
    client.close();
  });

  test('after an edit of one workload pushes the endpoints of its clusters and nothing else', async () => {
    const client = await proxy('endpoints');
    await client.quiet();
    const before = client.responses.length;
    const old = folder.addresses.get('catalog-v2')!;
    const moved = folder.range.next();
    folder.edit('config/workloads.yaml', (text) => text.replace(old, moved));
    await client.until('a push', () => client.responses.length > before);
    await client.quiet();
    const [push, ...more] = client.responses.slice(before);
    assert.deepEqual(more, []);
    assert.deepEqual(
      [push!.kind, ...push!.names().sort()],
      [
        'endpoints',
        'outbound|9080|v2|catalog.bookstore.svc.cluster.local',
        'outbound|9080||catalog.bookstore.svc.cluster.local',
      ],
    );
    assert.ok(push!.text().includes(moved) && !push!.text().includes(old));
    client.close();
  });

  test('an edit that says the same is pushed to nobody', async () => {
    const client = await proxy('same');
    await client.quiet();
    const before = client.responses.length;
    folder.edit('config/pricing.yaml', (text) => `# a remark\n${text}`);
    folder.edit('config/catalog.yaml', (text) =>
      text.replace('weight: 80', 'weight: 70').replace('weight: 20', 'weight: 30'),
    );
    await client.until('a push', () => client.responses.length > before);
    await client.quiet();
    assert.deepEqual(
      client.responses.slice(before).map((response) => [response.kind, ...response.names()]),
      [['routes', '9080']],
    );
    client.close();
  });

  test('shows a refusal on /debug/syncz and in its log, until something is accepted', async () => {
    const client = await proxy('refuses');
    await client.quiet();
    const find = async () =>
      (await page<{ proxy: string; route_error: string }[]>('/debug/syncz')).find(
        ({ proxy }) => proxy === 'refuses.bookstore',
      );
    assert.equal((await find())?.route_error, '');
    client.refuseNext('routes', 'route 9080: there is no cluster x');
    const edit = () =>
      folder.edit('config/catalog.yaml', (text) =>
        text.replace(/weight: (\d+)/g, (_line, weight) => `weight: ${100 - Number(weight)}`),
      );
    edit();
    await meshd.printed(
      /\]\[warning\]\[xds\] a proxy refused its configuration .*refuses\.bookstore.*there is no cluster x/,
    );
    assert.equal((await find())?.route_error, 'route 9080: there is no cluster x');
    edit();
    await meshd.until('the error is gone', async () => (await find())?.route_error === '');
    client.close();
  });

  test('gives a proxy that does not know x_proxy TCP proxies on RPC ports', async () => {
    const client = await proxy('stock', ['envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy']);
    const listeners = client.responses.find(({ kind }) => kind === 'listeners')!;
    assert.ok(!listeners.text().includes(xProxy));
    assert.ok(listeners.text('12200').includes('tcp_proxy.v3.TcpProxy'));
    assert.ok(listeners.text('20880').includes('tcp_proxy.v3.TcpProxy'));
    assert.deepEqual(client.responses.find(({ kind }) => kind === 'routes')?.names(), ['9080']);
    client.close();
  });

  for (const [id, reason] of [
    ['web', /node id "web": must be TYPE~IP~NAME\.NAMESPACE~DOMAIN/],
    ['pilot~127.0.0.9~a.b~c', /type must be one of sidecar, router/],
    ['sidecar~nowhere~a.b~c', /"nowhere" is not an IP address/],
  ] as const) {
    test(`refuses a node with the id ${id}`, async () => {
      const client = connect(id);
      client.ask('clusters', []);
      const status = await client.ended;
      assert.equal(status.code, 3);
      assert.match(status.message, reason);
    });
  }

  test('forgets who has gone', async () => {
    const client = await proxy('leaves');
    const present = async () =>
      (await page<{ proxy: string }[]>('/debug/syncz')).some(({ proxy }) => proxy === 'leaves.bookstore');
    assert.equal(await present(), true);
    client.close();
    await meshd.until('the proxy is forgotten', async () => !(await present()));
  });
});

describe('meshd that cannot start', () => {
  const failure = async (...args: readonly string[]) => finish(launchMeshd(args));
  const anyPorts = ['--grpc-address', '127.0.0.1:0', '--http-address', '127.0.0.1:0'];

  test('says in one line what is wrong', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const used = `127.0.0.1:${port}`;
    const config = ['--config', folder.file('config'), '--log-level', 'error'];
    const [grpc, http, missing, noFlag] = await Promise.all([
      failure(...config, '--http-address', '127.0.0.1:0', '--grpc-address', used),
      failure(...config, '--grpc-address', '127.0.0.1:0', '--http-address', used),
      failure('--config', folder.file('nowhere'), ...anyPorts),
      failure(...anyPorts),
    ]);
    taken.close();
    assert.deepEqual([grpc.code, http.code, missing.code, noFlag.code], [1, 1, 1, 1]);
    for (const { output } of [grpc, http]) assert.match(output, new RegExp(`^.*cannot listen on ${used}: .*\\n$`));
    assert.match(missing.output, /^--config: ".*nowhere": there is no such folder\n$/);
    assert.match(noFlag.output, /required option '--config <dir>' not specified/);
  });
});
