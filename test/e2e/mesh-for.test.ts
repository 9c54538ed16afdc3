/** `meshctl up --for`: what it says at the end, and its exit code. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { listeningAddresses, processesOf } from './support/leftovers.ts';
import { MeshFolder } from './support/mesh-folder.ts';
import { type Finished, finish, launch, meshctl } from './support/programs.ts';

const folders: MeshFolder[] = [];
after(() => {
  for (const folder of folders) folder.remove();
});

function kept(folder: MeshFolder): MeshFolder {
  folders.push(folder);
  return folder;
}

/** A table's lines after its last head. */
function lastTable({ output }: Finished): string[] {
  const lines = output.split('\n');
  const head = lines.findLastIndex((line) => /^SERVICE +ROUTE +REQUESTS /.test(line));
  assert.ok(head >= 0, output);
  const end = lines.findIndex((line, at) => at > head && line === '');
  return lines.slice(head + 1, end < 0 ? undefined : end);
}

function assertNothingLeft(folder: MeshFolder): void {
  assert.deepEqual(processesOf(folder.path), []);
  assert.deepEqual(
    listeningAddresses().filter((address) => folder.range.has(address)),
    [],
  );
}

const service = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: web, namespace: shop}
spec:
  hosts: [web.shop.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 9080, name: http, protocol: HTTP}]
  workloadSelector: {labels: {app: web}}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: web, namespace: shop}
spec:
  workloadSelector: {labels: {app: web}}
  ingress:
  - {port: {number: 9080, name: http, protocol: HTTP}, defaultEndpoint: 0.0.0.0:18080}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web.shop.svc.cluster.local]
  http:
  - {name: broken, match: [{uri: {exact: /broken}}], route: [{destination: {host: web.shop.svc.cluster.local}}]}
  - {name: unused, match: [{uri: {exact: /unused}}], route: [{destination: {host: web.shop.svc.cluster.local}}]}
  - {name: fine, route: [{destination: {host: web.shop.svc.cluster.local}}]}
`;

const server = `
import { createServer } from 'node:http';
createServer(({ url }, response) => {
  response.statusCode = url === '/broken' ? 500 : 200;
  response.end('hello');
}).listen(18080, process.env.MESH_ADDRESS);
`;

const client = `
import { get } from 'node:http';
const host = process.env.MESH_ADDRESS;
const ask = (path) => get({ host, port: 9080, path, headers: { host: 'web.shop.svc.cluster.local' } }, (response) => response.resume()).on('error', () => {});
setInterval(() => { ask('/'); ask('/broken'); }, 50);
`;

const web = `
  - name: web
    namespace: shop
    labels: {app: web}
    command: [node, server.mjs]
`;

const caller = `
  - name: caller
    namespace: shop
    labels: {app: caller}
    command: [node, client.mjs]
`;

const crasher = `
  - name: crasher
    command: [node, -e, 'console.log("no luck"); process.exit(3)']
    sidecar: false
`;

/** One HTTP service; `more`: lines for up.yaml. */
function smallMesh(more = ''): MeshFolder {
  return kept(
    MeshFolder.of({
      'up.yaml': `workloads:${web}${more}`,
      'config/web.yaml': service,
      'server.mjs': server,
      'client.mjs': client,
    }),
  );
}

describe('meshctl up --for', () => {
  test('prints the table, and is content with traffic on every route and no errors', async (t) => {
    const folder = smallMesh(caller);
    folder.edit('config/web.yaml', (text) => text.replace(/^.*name: unused.*\n/m, ''));
    folder.edit('server.mjs', (text) => text.replace('500', '200'));
    const finished = await finish(launch('meshctl', ['up', folder.path, '--for', '2s']));
    assert.equal(finished.code, 0, finished.output);
    const rows = lastTable(finished).map((line) => line.split(/ {2,}/));
    assert.deepEqual(
      rows.map(([host, route]) => `${host}/${route}`),
      ['web.shop/broken', 'web.shop/fine'],
    );
    for (const [, route, requests, , errors] of rows) {
      assert.ok(Number(requests) > 0, `${route}: ${requests} requests`);
      assert.equal(errors, '0', `${route}: errors`);
    }
    assertNothingLeft(folder);
    t.diagnostic(/ready in .*/.exec(finished.output)?.[0] ?? '');
  });

  test('is not content with a program that ends, a route without traffic, a server that fails', async () => {
    const folder = smallMesh(caller + crasher);
    const { code, output } = await finish(launch('meshctl', ['up', folder.path, '--for', '2s']));
    assert.equal(code, 1, output);
    const complaints = output.trimEnd().split('\n').slice(-3).sort();
    assert.match(complaints[0]!, /^crasher ended by itself/);
    assert.match(complaints[1]!, /^web\.shop\S*: route broken had \d+ errors that nobody injected$/);
    assert.match(complaints[2]!, /^web\.shop\S*: route unused carried no traffic$/);
    assert.match(output, /^crasher ended.*\n {2}no luck$/m, 'what it said last');
    assertNothingLeft(folder);
  });

  test('with --no-apps starts no programs; two start side by side, but not from one folder', async (t) => {
    const folders = [smallMesh(), smallMesh()];
    const runs = folders.map((folder) => launch('meshctl', ['up', folder.path, '--no-apps']));
    t.after(() => Promise.all(runs.map((one) => one.stop())));
    const addresses = await Promise.all(
      runs.map(async (one) => (await one.printed(/^ready in .*\n\nmeshd +xDS (\S+),/m, 120_000))[1]),
    );
    assert.equal(new Set(addresses).size, 2, 'each has its own meshd');
    for (const folder of folders)
      assert.deepEqual(
        processesOf(folder.path).filter((process) => /(?:server|client)\.mjs/.test(process)),
        [],
      );
    const second = await meshctl('up', folders[0]!.path, '--for', '1s');
    assert.equal(second.code, 1);
    assert.match(
      second.output,
      new RegExp(`^process ${runs[0]!.pid} runs a mesh from \\S+ already; stop it first$`, 'm'),
    );
    for (const one of runs) one.signal('SIGINT');
    for (const { code, output } of await Promise.all(runs.map(finish))) assert.equal(code, 0, output);
    for (const folder of folders) assertNothingLeft(folder);
  });

  test('stopped while it starts leaves nothing either', async (t) => {
    const folder = smallMesh();
    const running = launch('meshctl', ['up', folder.path]);
    t.after(() => running.stop());
    await running.until(
      'starting sidecars',
      () => processesOf(folder.path).some((one) => /mosn\.m?js/.test(one)),
      120_000,
    );
    running.signal('SIGINT');
    const { code, output } = await finish(running);
    assert.equal(code, 0, output);
    assert.match(output, /^starting the mesh of \S+ …\n$/);
    assertNothingLeft(folder);
  });
});

describe('meshctl with wrong input', () => {
  test('names file, line and reason of what is wrong in up.yaml', async () => {
    const folder = kept(
      MeshFolder.of({
        'up.yaml': 'workloads:\n  - name: a\n    colour: red\n  - name: -bad-\n',
        'config/x.yaml': '',
      }),
    );
    const broken = kept(MeshFolder.of({ 'up.yaml': 'workloads: [\n  - name: a\n' }));
    const [bad, unreadable, missing] = await Promise.all([
      meshctl('up', folder.path),
      meshctl('up', broken.path),
      meshctl('up', folder.file('nowhere')),
    ]);
    assert.deepEqual([bad.code, unreadable.code, missing.code], [1, 1, 1]);
    assert.match(bad.output, /up\.yaml:4:\d+: error: workloads\[0\]\.colour: .*red/);
    assert.match(bad.output, /up\.yaml:\d+:\d+: error: workloads\[1\]\.name: .*-bad-/);
    assert.match(unreadable.output, /^\S+up\.yaml:\d+:\d+: error: .+\n$/);
    assert.match(missing.output, /^\S+nowhere\/up\.yaml: there is no such file.*\n$/);
  });

  test('wrong usage is exit code 2 with a hint, help is 0', async () => {
    const [flag, command, duration, help] = await Promise.all([
      meshctl('up', '--frob'),
      meshctl('frobnicate'),
      meshctl('up', '--for', 'soon'),
      meshctl('up', '--help'),
    ]);
    assert.deepEqual([flag.code, command.code, duration.code, help.code], [2, 2, 2, 0]);
    assert.match(flag.output, /unknown option '--frob'(?:.|\n)*meshctl up --help/);
    assert.match(command.output, /unknown command 'frobnicate'/);
    assert.match(duration.output, /"soon": must be a duration such as 20s/);
    assert.match(help.output, /--for <duration>/);
    for (const { output } of [flag, command, duration, help]) assert.ok(!output.includes('\x1b'));
  });
});
