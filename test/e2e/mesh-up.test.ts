/** `meshctl up` on a copy of the bookstore: one mesh that is edited, broken, left without its control plane, and stopped. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ConfigKind, proxyConfig } from '../../apps/meshctl/src/commands/proxy-config.ts';
import type { OutputFormat } from '../../apps/meshctl/src/output.ts';
import type { RunningProcess } from '../peers/process.ts';
import { listeningAddresses, processesOf } from './support/leftovers.ts';
import { MeshFolder } from './support/mesh-folder.ts';
import { finish, launchMeshd, meshctl } from './support/programs.ts';
import { type RouteCounts, RunningMesh } from './support/running-mesh.ts';

const routes = [
  ['catalog', 'shoppers', ['shopper']],
  ['catalog', 'testers', ['shopper']],
  ['inventory', 'reserve', ['orders']],
  ['inventory', 'stock', ['orders', 'catalog-v1', 'catalog-v2']],
  ['pricing', 'price', ['catalog-v1', 'catalog-v2']],
  ['pricing', 'quote', ['checkout']],
] as const;

/** From the save of a file to the first effect in a sidecar; the aim on a machine with nothing else to do is 1 s. */
const editMsMax = 2_000;
const stopMsMax = 6_000;

const escapeCode = '\x1b';

let folder: MeshFolder;
let mesh: RunningMesh;
let secondMeshd: RunningProcess | undefined;

before(async () => {
  folder = MeshFolder.bookstore();
  mesh = await RunningMesh.start(folder);
});

after(async () => {
  await secondMeshd?.stop();
  await mesh?.process.stop(stopMsMax);
  folder?.remove();
});

/** Edits a file and waits until a sidecar has taken new routes; the milliseconds from save to effect. */
async function editSeenBy(workload: string, file: string, change: (text: string) => string): Promise<number> {
  const updates = () => mesh.sum(workload, '^listener_manager\\.rds\\.update_success$');
  const had = await updates();
  folder.edit(file, change);
  const startMs = performance.now();
  await mesh.process.until(`${workload} has new routes`, async () => (await updates()) > had);
  return performance.now() - startMs;
}

type Route = readonly [service: string, route: string, callers: readonly string[]];

/**
 * Looks at a route in windows of so many requests until one is as it should be. Requests that were under way at an edit
 * count in the first.
 */
async function becomes(route: Route, requests: number, isRight: (counts: RouteCounts) => boolean): Promise<void> {
  const seen: RouteCounts[] = [];
  while (seen.length < windowsMax) {
    const counts = await mesh.growth(...route, requests);
    if (isRight(counts)) return;
    seen.push(counts);
  }
  assert.fail(`${route.slice(0, 2).join('/')} is not as it should be: ${JSON.stringify(seen)}`);
}

const windowsMax = 4;
const shoppers: Route = ['catalog', 'shoppers', ['shopper']];
const stockOfOrders: Route = ['inventory', 'stock', ['orders']];
/** All but those that were aborted on purpose: the example aborts some, and they go nowhere. */
const allGoTo =
  (subset: string) =>
  ({ requests, injected, bySubset }: RouteCounts) =>
    requests > injected && bySubset[subset] === requests - injected;

describe('a mesh that runs', () => {
  test('has traffic on all six routes, in three protocols, and no errors but injected ones', async (t) => {
    await Promise.all(
      routes.map(async ([service, route, callers]) => {
        await mesh.growth(service, route, callers, 3);
        const { errors } = await mesh.route(service, route, ...callers);
        assert.equal(errors, 0, `${service}/${route}`);
      }),
    );
    t.diagnostic(`ready in ${/ready in (.*)/.exec(mesh.process.output)?.[1]}`);
  });

  test('an edited weight of an HTTP route moves the traffic', async (t) => {
    const before = await mesh.growth('catalog', 'shoppers', ['shopper'], 20);
    assert.ok((before.bySubset['v1'] ?? 0) > (before.bySubset['v2'] ?? 0), JSON.stringify(before.bySubset));
    const tookMs = await editSeenBy('shopper', 'config/catalog.yaml', (text) =>
      text.replace('weight: 80', 'weight: 0').replace('weight: 20', 'weight: 100'),
    );
    await becomes(shoppers, 15, allGoTo('v2'));
    t.diagnostic(`in ${tookMs.toFixed(0)} ms`);
    assert.ok(tookMs <= editMsMax, `took ${tookMs} ms`);
  });

  test('an edited weight of an RPC route moves calls on the connections they have', async (t) => {
    const { bySubset } = await mesh.growth('inventory', 'stock', ['orders'], 20);
    assert.ok((bySubset['v1'] ?? 0) > 0 && (bySubset['v2'] ?? 0) > 0, JSON.stringify(bySubset));
    const connections = async () => ({
      made: await mesh.sum('orders', '^listener\\..*12200.*\\.downstream_cx_total$'),
      ended: await mesh.sum('orders', '^listener\\..*12200.*\\.downstream_cx_destroy$'),
    });
    const had = await connections();
    assert.ok(had.made > 0, 'no counters of connections');
    const tookMs = await editSeenBy('orders', 'config/inventory.yaml', (text) =>
      text.replace('weight: 50', 'weight: 100').replace('weight: 50', 'weight: 0'),
    );
    await becomes(stockOfOrders, 15, allGoTo('v1'));
    assert.deepEqual(await connections(), had);
    t.diagnostic(`in ${tookMs.toFixed(0)} ms`);
    assert.ok(tookMs <= editMsMax, `took ${tookMs} ms`);
  });

  test('an added abort (FI) hits its route and no other', async () => {
    await editSeenBy('shopper', 'config/catalog.yaml', (text) => text.replace('value: 2', 'value: 100'));
    await becomes(shoppers, 10, ({ requests, injected }) => injected === requests);
    const testers = await mesh.growth('catalog', 'testers', ['shopper'], 1);
    assert.deepEqual([testers.injected, testers.errors], [0, 0]);
    await editSeenBy('shopper', 'config/catalog.yaml', (text) => text.replace('value: 100', 'value: 0'));
    await becomes(shoppers, 10, ({ injected, errors }) => injected === 0 && errors === 0);
  });

  test('an added delay (DI) holds up Dubbo calls of one method', async () => {
    await editSeenBy('checkout', 'config/pricing.yaml', (text) => text.replace('value: 2', 'value: 100'));
    await becomes(
      ['pricing', 'quote', ['checkout']],
      10,
      ({ requests, injected, errors }) => injected === requests && errors === 0,
    );
    assert.equal((await mesh.route('pricing', 'price', 'catalog-v1', 'catalog-v2')).injected, 0);
  });

  test('an edited timeout (UT) ends bolt calls of one method', async () => {
    const timeouts = () => mesh.sum('orders', '^cluster\\.outbound\\|12200\\|v1\\|.*\\.upstream_rq_timeout$');
    const had = await timeouts();
    // The first in the file is that of `reserve`.
    await editSeenBy('orders', 'config/inventory.yaml', (text) => text.replace('timeout: 20s', 'timeout: 1ms'));
    await becomes(['inventory', 'reserve', ['orders']], 5, ({ requests, errors }) => errors === requests);
    assert.ok((await timeouts()) >= had + 5);
    assert.equal((await mesh.growth(...stockOfOrders, 5)).errors, 0);
    await editSeenBy('orders', 'config/inventory.yaml', (text) => text.replace('timeout: 1ms', 'timeout: 20s'));
  });

  test('a broken file is named with line and reason, the traffic goes on, and its repair is told', async () => {
    const good = folder.read('config/catalog.yaml');
    const line = good.split('\n').findIndex((text) => text.includes('timeout: 20s')) + 1;
    folder.edit('config/catalog.yaml', (text) => text.replace('timeout: 20s', 'timeout: soon'));
    const [said] = await mesh.process.printed(
      new RegExp(`^meshd: \\S*catalog\\.yaml:${line}:\\d+: error: .*soon.*$`, 'm'),
    );
    assert.match(said, /timeout/);
    await becomes(shoppers, 5, allGoTo('v2'));
    folder.write('config/catalog.yaml', `${good}  - name: "unfinished\n`);
    await mesh.process.printed(/^meshd: \S*catalog\.yaml:\d+:\d+: error: .*quote.*$/im);
    const { errors } = await mesh.growth('catalog', 'shoppers', ['shopper'], 5);
    assert.equal(errors, 0);
    folder.write('config/catalog.yaml', good);
    await mesh.process.printed(/^meshd: all resources are in order again$/m);
  });
});

interface SyncRow {
  readonly proxy: string;
  readonly [field: string]: string;
}

type Resource = Readonly<Record<string, unknown>>;

describe('meshctl, while the mesh runs', () => {
  const remote = (...args: readonly string[]) => meshctl(...args, '--meshd', mesh.meshd);

  test('proxy-status lists every sidecar as synced', async () => {
    const [table, json] = await Promise.all([remote('proxy-status'), remote('proxy-status', '-o', 'json')]);
    assert.equal(table.code, 0, table.output);
    const [head, ...rows] = table.output.trimEnd().split('\n');
    assert.match(head!, /^NAME +ADDRESS +CDS +LDS +EDS +RDS +PROXY$/);
    assert.equal(rows.length, 8);
    for (const row of rows) assert.match(row, /^\S+\.bookstore +127\.\S+ +SYNCED +SYNCED +SYNCED +SYNCED +mosn \S+$/);
    assert.ok(!table.output.includes(escapeCode));
    const proxies = JSON.parse(json.output) as SyncRow[];
    assert.deepEqual(
      proxies.map(({ proxy }) => proxy).sort(),
      [...folder.addresses.keys()].map((name) => `${name}.bookstore`).sort(),
    );
  });

  // In this process: as many programs would take longer than all they say is worth.
  const shown = async (kind: ConfigKind, format: OutputFormat, intent = false): Promise<string> => {
    let text = '';
    const options = { kind, proxy: 'shopper', meshd: mesh.meshd, admin: undefined, intent };
    const code = await proxyConfig(options, format, { write: (part) => (text += part) });
    assert.equal(code, 0);
    return text;
  };

  for (const kind of ['clusters', 'listeners', 'routes', 'endpoints'] as const) {
    test(`proxy-config ${kind} shows what is, which is what meshd means`, async () => {
      const isHeld = ({ name, cluster_name }: Resource) => ![name, cluster_name].includes('xds-grpc');
      const parse = (text: string) =>
        (JSON.parse(text) as Resource[]).map(({ '@type': _type, ...rest }) => rest).filter(isHeld);
      const byName = (resources: readonly Resource[]) =>
        new Map(resources.map((resource) => [String(resource['name'] ?? resource['cluster_name']), resource]));
      const is = byName(parse(await shown(kind, 'json')));
      const should = byName(parse(await shown(kind, 'json', true)));
      assert.ok(should.size > 0);
      assert.deepEqual([...is.keys()].sort(), [...should.keys()].sort());
      for (const [name, resource] of should) assert.deepEqual(is.get(name), resource, name);
      const [head, ...rows] = (await shown(kind, 'table')).trimEnd().split('\n');
      assert.ok(rows.length > 0);
      assert.match(head!, /^[A-Z ]+$/);
    });
  }

  test('proxy-config routes shows where calls go, bootstrap the node', async () => {
    const [table, bootstrap] = await Promise.all([
      remote('proxy-config', 'routes', 'shopper'),
      remote('proxy-config', 'bootstrap', 'shopper', '-o', 'json'),
    ]);
    assert.ok(!table.output.includes(escapeCode));
    assert.match(table.output, / shoppers +\S+ +\S+\|v2\|catalog\.bookstore\.svc\.cluster\.local$/m);
    const id = `sidecar~${folder.addresses.get('shopper')}~shopper.bookstore~bookstore.svc.cluster.local`;
    assert.ok(bootstrap.output.includes(id), bootstrap.output);
  });

  test('a proxy that is not there, and a meshd that is not there, are said clearly', async () => {
    const [unknown, nobody] = await Promise.all([
      remote('proxy-config', 'clusters', 'nobody'),
      meshctl('proxy-status', '--meshd', 'http://127.0.0.1:1'),
    ]);
    assert.equal(unknown.code, 1);
    assert.match(unknown.output, /^no proxy nobody is connected to meshd; there are: .*shopper\.bookstore/);
    assert.equal(nobody.code, 1);
    assert.match(nobody.output, /^meshd: .*127\.0\.0\.1:1\b.*\n$/);
  });

  test('validate and version', async () => {
    const bad = folder.read('config/catalog.yaml').replace('timeout: 20s', 'timeout: soon');
    folder.write('bad/catalog.yaml', bad);
    const [good, broken, json, versions] = await Promise.all([
      meshctl('validate', folder.file('config')),
      meshctl('validate', folder.file('bad')),
      meshctl('validate', folder.file('bad'), '-o', 'json'),
      remote('version'),
    ]);
    assert.deepEqual(good, { code: 0, output: '12 objects, 0 errors, 0 warnings\n' });
    assert.equal(broken.code, 1);
    assert.match(broken.output, /bad\/catalog\.yaml:\d+:\d+: error: .*timeout.*soon/);
    const { valid, findings } = JSON.parse(json.output) as { valid: boolean; findings: { line: number }[] };
    assert.equal(valid, false);
    assert.equal(findings.length, 1);
    assert.match(
      versions.output,
      /^client version: \d.*\nmeshd version: {2}meshd \d.*\nproxy version: {2}mosn \S+ \(8\)\n$/,
    );
  });
});

describe('a mesh whose control plane is killed', () => {
  test('goes on, says so, and takes new routes when there is one again', async () => {
    const [meshd, ...others] = processesOf(folder.path).filter((process) => /meshd\.m?js/.test(process));
    assert.ok(meshd !== undefined && others.length === 0);
    process.kill(Number(meshd.split(' ')[0]), 'SIGKILL');
    await mesh.process.printed(/^meshd ended/m);
    const [grown, status] = await Promise.all([
      mesh.growth('catalog', 'shoppers', ['shopper'], 10),
      meshctl('proxy-status', '--meshd', mesh.meshd),
    ]);
    assert.equal(grown.errors, 0);
    assert.equal(status.code, 1);
    assert.match(status.output, /^meshd: .*\n$/);

    const configs = ['config', '.mesh/config'].flatMap((name) => ['--config', folder.file(name)]);
    const addresses = ['--grpc-address', mesh.xds, '--http-address', mesh.meshd.replace('http://', '')];
    secondMeshd = launchMeshd([...configs, ...addresses]);
    folder.edit('config/catalog.yaml', (text) =>
      text.replace(/weight: (\d+)/g, (_line, weight) => `weight: ${100 - Number(weight)}`),
    );
    await secondMeshd.until(
      'asked by the sidecar again',
      async () => (await mesh.sum('shopper', '^control_plane\\.connected_state$')) === 1,
      60_000,
    );
    await becomes(shoppers, 15, allGoTo('v1'));
    await Promise.all(
      routes.map(async ([service, route, callers]) => {
        const { errors } = await mesh.growth(service, route, callers, 1);
        assert.equal(errors, 0, `${service}/${route}`);
      }),
    );
  });
});

describe('Ctrl-C', () => {
  test('stops everything in order and leaves nothing', async (t) => {
    const startMs = performance.now();
    mesh.process.signal('SIGINT');
    const { code } = await finish(mesh.process);
    const tookMs = performance.now() - startMs;
    await secondMeshd?.stop();
    assert.equal(code, 0, mesh.process.tail());
    assert.ok(!mesh.process.output.includes(escapeCode));
    const lines = mesh.process.output.split('\n');
    const head = lines.findLastIndex((line) =>
      /^SERVICE +ROUTE +REQUESTS +REQ\/S +ERRORS +INJECTED +P50 +P99 +VERSIONS$/.test(line),
    );
    assert.deepEqual(
      lines.slice(head + 1, head + 1 + routes.length).map((line) => line.split(/ +/).slice(0, 2)),
      routes.map(([service, route]) => [`${service}.bookstore`, route]),
    );
    assert.deepEqual(processesOf(folder.path), []);
    assert.deepEqual(
      listeningAddresses().filter((address) => folder.range.has(address)),
      [],
    );
    t.diagnostic(`in ${tookMs.toFixed(0)} ms`);
    assert.ok(tookMs <= stopMsMax, `took ${tookMs} ms`);
  });
});
