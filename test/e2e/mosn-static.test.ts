import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { httpBootstrap, Mosn } from './support/mosn.ts';
import { Origin } from './support/origin.ts';

describe('mosn with a static bootstrap', () => {
  let origin: Origin;
  let mosn: Mosn;
  before(async () => {
    origin = await Origin.start();
    mosn = await Mosn.start({ ...httpBootstrap(origin.port) });
  });
  after(async () => {
    await mosn.stop();
    await origin.stop();
  });

  test('proxies', async () => {
    const response = await fetch(`${await mosn.url()}/a?b=c`, { method: 'POST', body: 'x' });
    assert.equal(response.status, 200);
    assert.equal(await response.text(), 'POST /a?b=c');
    assert.ok((await mosn.stat('cluster.backend.upstream_rq_total')) >= 1);
    assert.ok((await mosn.stat('http.in.downstream_rq_2xx')) >= 1);
  });

  test('has the admin pages of Envoy', async () => {
    const url = await mosn.url();
    await (await fetch(url)).text();
    assert.deepEqual(await mosn.ask('/ready'), { status: 200, text: 'LIVE\n' });
    assert.match((await mosn.ask('/listeners')).text, /^in::127\.0\.0\.1:\d+\n$/);
    assert.match(
      (await mosn.ask('/clusters')).text,
      new RegExp(`backend::127\\.0\\.0\\.1:${origin.port}::rq_total::[1-9]`),
    );
    const clusters = await mosn.json<{ cluster_statuses: { name: string }[] }>('/clusters?format=json');
    assert.deepEqual(
      clusters.cluster_statuses.map(({ name }) => name),
      ['backend'],
    );
    const info = await mosn.json<{ state: string; command_line_options: { concurrency: number } }>('/server_info');
    assert.equal(info.state, 'LIVE');
    assert.equal(info.command_line_options.concurrency, 1);
    const { configs } = await mosn.json<{ configs: { '@type': string }[] }>('/config_dump');
    const types = configs.map((config) => config['@type'].split('.').at(-1));
    for (const type of ['BootstrapConfigDump', 'ClustersConfigDump', 'ListenersConfigDump'])
      assert.ok(types.includes(type), type);
    assert.match(
      (await mosn.ask('/stats/prometheus')).text,
      /envoy_cluster_upstream_rq_total\{envoy_cluster_name="backend"\} [1-9]/,
    );
    assert.equal(await mosn.stat('server.live'), 1);
    assert.equal((await mosn.ask('/certs')).status, 200);
    assert.equal((await mosn.ask('/memory')).status, 200);
    assert.equal((await mosn.ask('/nowhere')).status, 404);
    assert.equal((await mosn.ask('/quitquitquit')).status, 405);
  });

  test('answers a malformed head with 400 and closes, and goes on', async () => {
    const { port } = new URL(await mosn.url());
    const socket = connect(Number(port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.write('GET / HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n');
    await once(socket, 'close');
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.equal((await fetch(await mosn.url())).status, 200);
  });
});

describe('mosn that loses its upstream', () => {
  test('answers 503, and 200 when it is back', async (t) => {
    const origin = await Origin.start();
    const mosn = await Mosn.start({ ...httpBootstrap(origin.port) });
    t.after(() => mosn.stop());
    const url = await mosn.url();
    assert.equal((await fetch(url)).status, 200);
    await origin.stop();
    const response = await fetch(url);
    assert.equal(response.status, 503);
    assert.match(await response.text(), /upstream connect error/);
    assert.equal((await mosn.ask('/ready')).status, 200);
    const back = await Origin.start(undefined, origin.port);
    t.after(() => back.stop());
    assert.equal((await fetch(url)).status, 200);
  });
});
