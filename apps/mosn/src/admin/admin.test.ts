import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import { ManualClock } from '@sofamesh/base/manual-clock';
import type { EngineStatus } from '@sofamesh/proxy/engine-api';
import { StatsAggregate } from '@sofamesh/telemetry/metrics/aggregate';
import { ThreadStats } from '@sofamesh/telemetry/metrics/thread-stats';
import { readArguments } from '../argv.ts';
import type { LogLevels } from '../lifecycle/program-log.ts';
import { ServerState } from '../lifecycle/server-state.ts';
import { ServerStats } from '../lifecycle/server-stats.ts';
import { clusterConfig } from '../supervisor/test-support/scripted-worker.ts';
import { Admin } from './admin.ts';
import { clusterPage } from './cluster-page.ts';
import { controlPages } from './control-pages.ts';
import { listenerPage } from './listener-page.ts';
import { serverPages } from './server-pages.ts';
import { statsPages } from './stats-pages.ts';

const status: EngineStatus = {
  listeners: [
    { name: 'in', address: ipAddress('127.0.0.1', 80), connections: 2 },
    { name: 'local', address: { kind: 'pipe', path: '/tmp/s' }, connections: 0 },
  ],
  clusters: [
    {
      name: 'a',
      version: '1',
      hosts: [
        {
          ...{
            address: ipAddress('10.0.0.1', 8080),
            weight: 3,
            healthy: true,
            hostname: 'h',
            locality: 'r/z/s',
            priority: 1,
          },
          ...{
            cxActive: 1,
            cxConnectFail: 0,
            cxTotal: 2,
            rqActive: 0,
            rqError: 4,
            rqSuccess: 5,
            rqTimeout: 6,
            rqTotal: 7,
          },
        },
      ],
    },
  ],
};

function world() {
  const clock = new ManualClock();
  const state = new ServerState(clock);
  const aggregate = new StatsAggregate();
  const stats = new ThreadStats((definition) => aggregate.define(0, definition));
  const serverStats = new ServerStats(stats, aggregate, state, 2);
  const done: string[] = [];
  let levels: LogLevels = { level: 'info', components: {} };
  const admin = new Admin([
    ...serverPages(state, readArguments(['node', 'mosn', '-c', 'x.yaml']), { id: 'n' }),
    ...statsPages(aggregate, () => serverStats.refresh()),
    clusterPage({ status: async () => status, config: () => clusterConfig('a'), isStatic: () => false }),
    listenerPage(async () => status),
    ...controlPages({
      state,
      quit: () => done.push('quit'),
      drainListeners: async (inboundOnly) => {
        done.push(`drain ${inboundOnly}`);
      },
      logLevels: () => levels,
      setLogLevels: async (changed) => {
        levels = changed;
      },
      reopenLogs: async () => {
        done.push('reopen');
      },
    }),
  ]);
  const ask = (method: string, target: string, { body = '', headers = {} } = {}) => {
    const { pathname: path, searchParams: query } = new URL(target, 'http://admin');
    return admin.answer({ method, path, query, headers, body: Buffer.from(body) });
  };
  return { clock, state, stats, done, ask, get: (target: string) => ask('GET', target), levels: () => levels };
}

describe('the admin server', () => {
  test('lists its pages, also to those who are lost', async () => {
    const { get } = world();
    const { body } = await get('/');
    assert.match(body, /^admin commands are:\n/);
    assert.match(body, /\/quitquitquit \(POST\): /);
    const lost = await get('/nowhere');
    assert.equal(lost.status, 404);
    assert.match(lost.body, /^invalid path\. admin commands are:\n/);
  });

  test('changes something by POST only', async () => {
    const { ask, done } = world();
    for (const path of [
      '/quitquitquit',
      '/reset_counters',
      '/logging',
      '/drain_listeners',
      '/healthcheck/fail',
      '/reopen_logs',
    ]) {
      const reply = await ask('GET', path);
      assert.equal(reply.status, 405, path);
      assert.equal(reply.body, 'Method Not Allowed\n');
      assert.equal(reply.headers?.['allow'], 'POST');
    }
    assert.equal((await ask('POST', '/stats')).status, 405);
    assert.equal((await ask('HEAD', '/stats')).status, 200);
    assert.deepEqual(done, []);
    assert.equal((await ask('POST', '/quitquitquit')).body, 'OK\n');
    assert.equal((await ask('POST', '/reopen_logs')).body, 'OK\n');
    assert.equal((await ask('POST', '/drain_listeners?graceful')).body, 'OK\n');
    assert.equal((await ask('POST', '/drain_listeners?inboundonly')).body, 'OK\n');
    assert.deepEqual(done, ['quit', 'reopen', 'drain false', 'drain true']);
  });

  test('does not do what a web page of somebody else asks for', async () => {
    const { ask, done } = world();
    assert.equal((await ask('POST', '/quitquitquit', { headers: { origin: 'http://evil' } })).status, 403);
    assert.deepEqual(done, []);
  });

  test('is ready only when live', async () => {
    const { get, ask, state } = world();
    assert.deepEqual([(await get('/ready')).status, (await get('/ready')).body], [503, 'PRE_INITIALIZING\n']);
    state.advance('INITIALIZING');
    assert.equal((await get('/ready')).body, 'INITIALIZING\n');
    state.advance('LIVE');
    assert.deepEqual([(await get('/ready')).status, (await get('/ready')).body], [200, 'LIVE\n']);
    await ask('POST', '/healthcheck/fail');
    assert.deepEqual([(await get('/ready')).status, (await get('/ready')).body], [503, 'DRAINING\n']);
    await ask('POST', '/healthcheck/ok');
    assert.equal((await get('/ready')).status, 200);
    state.advance('DRAINING');
    state.advance('LIVE');
    assert.equal((await get('/ready')).status, 503);
  });

  test('tells about the server', async () => {
    const { get, clock } = world();
    clock.advance(2500);
    const info = JSON.parse((await get('/server_info')).body);
    assert.equal(info.uptime_all_epochs, '2s');
    assert.equal(info.state, 'PRE_INITIALIZING');
    assert.equal(info.command_line_options.config_path, 'x.yaml');
    assert.deepEqual(info.node, { id: 'n' });
    assert.ok(Number(JSON.parse((await get('/memory')).body).allocated) > 1e6);
  });
});

describe('statistics', () => {
  test('as text, filtered, used only', async () => {
    const { get, stats, clock, state } = world();
    state.advance('LIVE');
    clock.advance(3000);
    stats.counter('cluster.a.upstream_rq_total').add(2);
    stats.counter('cluster.b.upstream_rq_total');
    stats.gauge('listener.127.0.0.1_80.downstream_cx_active').set(3);
    const { body } = await get('/stats');
    for (const line of [
      'server.live: 1',
      'server.state: 0',
      'server.uptime: 3',
      'server.concurrency: 2',
      'server.total_connections: 3',
    ]) {
      assert.ok(body.split('\n').includes(line), line);
    }
    assert.equal(
      (await get('/stats?filter=^cluster')).body,
      'cluster.a.upstream_rq_total: 2\ncluster.b.upstream_rq_total: 0\n',
    );
    assert.equal((await get('/stats?filter=^cluster&usedonly')).body, 'cluster.a.upstream_rq_total: 2\n');
  });

  test('as JSON and for Prometheus', async () => {
    const { get, stats } = world();
    stats.counter('cluster.a.upstream_rq_total').add(2);
    const json = await get('/stats?format=json&filter=^cluster');
    assert.equal(json.headers?.['content-type'], 'application/json');
    assert.deepEqual(JSON.parse(json.body).stats[0], { name: 'cluster.a.upstream_rq_total', value: 2 });
    for (const target of ['/stats/prometheus', '/stats?format=prometheus']) {
      assert.match((await get(target)).body, /envoy_cluster_upstream_rq_total\{envoy_cluster_name="a"\} 2/);
    }
  });

  test('refuse what is no pattern and no format', async () => {
    const { get } = world();
    const reply = await get('/stats?filter=(');
    assert.equal(reply.status, 400);
    assert.match(reply.body, /Invalid re2 regex/);
    assert.equal((await get('/stats?format=xml')).status, 400);
  });

  test('take a hostile pattern without getting stuck', async () => {
    const { get, stats } = world();
    stats.counter(`x.${'a'.repeat(200)}`);
    const startMs = performance.now();
    assert.equal((await get('/stats?filter=(a*)*$b')).status, 200);
    assert.ok(performance.now() - startMs < 1000);
  });

  test('are reset, and count on', async () => {
    const { get, ask, stats } = world();
    const counter = stats.counter('cluster.a.upstream_rq_total');
    const gauge = stats.gauge('cluster.a.upstream_rq_active');
    counter.add(5);
    gauge.set(3);
    await ask('POST', '/reset_counters');
    counter.add(2);
    const { body } = await get('/stats?filter=^cluster');
    assert.equal(body, 'cluster.a.upstream_rq_active: 3\ncluster.a.upstream_rq_total: 2\n');
  });
});

describe('clusters and listeners', () => {
  test("clusters in Envoy's lines", async () => {
    const lines = (await world().get('/clusters')).body.split('\n');
    assert.deepEqual(lines.slice(0, 10), [
      ...[
        'a::observability_name::a',
        'a::default_priority::max_connections::1',
        'a::default_priority::max_pending_requests::2',
      ],
      ...['a::default_priority::max_requests::3', 'a::default_priority::max_retries::4', 'a::added_via_api::true'],
      ...['a::eds_service_name::a', 'a::10.0.0.1:8080::cx_active::1', 'a::10.0.0.1:8080::cx_connect_fail::0'],
      'a::10.0.0.1:8080::cx_total::2',
    ]);
    for (const line of [
      'rq_timeout::6',
      'hostname::h',
      'health_flags::healthy',
      'weight::3',
      'zone::z',
      'priority::1',
    ]) {
      assert.ok(lines.includes(`a::10.0.0.1:8080::${line}`), line);
    }
  });

  test("clusters in Envoy's JSON", async () => {
    const [cluster] = JSON.parse((await world().get('/clusters?format=json')).body).cluster_statuses;
    assert.equal(cluster.added_via_api, true);
    const [host] = cluster.host_statuses;
    assert.deepEqual(host.address, { socket_address: { address: '10.0.0.1', port_value: 8080 } });
    assert.deepEqual(host.stats[0], { type: 'GAUGE', value: '1', name: 'cx_active' });
    assert.deepEqual(host.stats[1], { name: 'cx_connect_fail' });
    assert.deepEqual(host.locality, { region: 'r', zone: 'z', sub_zone: 's' });
    assert.equal(host.health_status.eds_health_status, 'HEALTHY');
  });

  test('listeners', async () => {
    const { get } = world();
    assert.equal((await get('/listeners')).body, 'in::127.0.0.1:80\nlocal::/tmp/s\n');
    assert.deepEqual(JSON.parse((await get('/listeners?format=json')).body).listener_statuses, [
      { name: 'in', local_address: { socket_address: { address: '127.0.0.1', port_value: 80 } } },
      { name: 'local', local_address: { pipe: { path: '/tmp/s' } } },
    ]);
  });
});

describe('log levels', () => {
  test('of all, and of single components', async () => {
    const { ask, levels } = world();
    assert.match((await ask('POST', '/logging?level=debug')).body, /^active loggers:\n {2}main: debug\n/);
    assert.match((await ask('POST', '/logging?paths=xds:trace,proxy:warn')).body, /xds: trace\n/);
    assert.deepEqual(levels(), { level: 'debug', components: { xds: 'trace', proxy: 'warning' } });
    await ask('POST', '/logging', { body: 'dns=off' });
    assert.equal(levels().components['dns'], 'off');
    await ask('POST', '/logging');
    assert.equal(levels().components['dns'], 'off');
  });

  test('that do not exist are refused', async () => {
    const { ask, levels } = world();
    for (const target of [
      '/logging?level=loud',
      '/logging?nobody=debug',
      '/logging?paths=xds',
      '/logging?__proto__=debug',
    ]) {
      assert.equal((await ask('POST', target)).status, 400, target);
    }
    assert.deepEqual(levels(), { level: 'info', components: {} });
  });
});
