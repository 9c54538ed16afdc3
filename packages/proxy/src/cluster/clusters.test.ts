import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { SeededRandom } from '@sofamesh/base/random';
import { TimerWheel } from '@sofamesh/base/timer-wheel';
import type { BalancerKind, PickContext } from '@sofamesh/contract/balancer';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import type { ClusterConfig, ClusterDiscovery } from '../config/cluster.ts';
import type { ConfigUpdate } from '../config/update.ts';
import { lineProtocol } from '../pool/test-support/line-protocol.ts';
import { ManualTransport } from '../pool/test-support/manual-transport.ts';
import { clusterConfig, endpoint, endpoints, inTurn, NotedAttempt } from '../pool/test-support/pool-world.ts';
import { ClusterSet } from './clusters.ts';

const anyHost: PickContext = { hash: undefined, avoid: undefined };

const picky: BalancerKind = {
  name: 'picky',
  create() {
    throw new Error('ring_hash_lb_config.minimum_ring_size: 0 is too small');
  },
};

function createWorld() {
  const clock = new ManualClock();
  const stats = new MemoryStats();
  const transport = new ManualTransport();
  const http1 = lineProtocol('exclusive');
  const clusters = new ClusterSet({
    clock,
    wheel: new TimerWheel(clock),
    random: new SeededRandom(1),
    transport,
    stats,
    protocols: new Map([['http1', http1]]),
    balancers: new Map([
      ['in_turn', inTurn],
      ['picky', picky],
    ]),
  });
  const apply = (update: ConfigUpdate) => {
    const prepared = clusters.prepare(update);
    prepared.commit(prepared.rejections);
    return prepared.rejections;
  };
  const request = (name: string) => {
    const cluster = clusters.get(name)!;
    const attempt = new NotedAttempt();
    attempt.pending = cluster.newStream(
      cluster.pick(anyHost)!,
      http1,
      transport.dials[0]?.connection as never,
      attempt,
    );
    return attempt;
  };
  const picked = (name: string) => {
    const cluster = clusters.get(name)!;
    const names = Array.from({ length: 12 }, () => cluster.pick(anyHost)?.name);
    return [...new Set(names)].sort();
  };
  return { clock, stats, transport, clusters, apply, request, picked };
}

const eds = (serviceName: string): ClusterDiscovery => ({ kind: 'eds', serviceName });
const edsCluster = (over: Partial<ClusterConfig> = {}) => clusterConfig({ discovery: eds('svc'), ...over });

test('preparing has no effect; committing leaves out what any worker refused', () => {
  const { clusters, stats } = createWorld();
  const prepared = clusters.prepare({ clusters: [clusterConfig({ name: 'a' }), clusterConfig({ name: 'b' })] });
  assert.deepEqual(prepared.rejections, []);
  assert.equal(clusters.get('a'), undefined);
  assert.equal(stats.value('cluster.a.membership_total'), undefined);
  prepared.commit([
    { kind: 'cluster', name: 'b', reason: 'another worker said so' },
    { kind: 'listener', name: 'a', reason: 'of another kind' },
  ]);
  assert.equal(clusters.get('a')?.name, 'a');
  assert.equal(clusters.get('b'), undefined);
  assert.equal(stats.value('cluster.a.membership_total'), 1);
});

test('refuses what it cannot use with the field and the reason, and takes the rest', () => {
  const { clusters, apply } = createWorld();
  const rejections = apply({
    clusters: [
      clusterConfig({ name: 'balancer', balancer: { name: 'ring_hash', options: undefined } }),
      clusterConfig({ name: 'options', balancer: { name: 'picky', options: {} } }),
      clusterConfig({ name: 'codec', httpCodec: { kind: 'named', name: 'http9' } }),
      clusterConfig({ name: 'good' }),
    ],
  });
  assert.deepEqual(
    rejections.map(({ kind, name, reason }) => `${kind} ${name}: ${reason}`),
    [
      'cluster balancer: lb_policy: no balancer "ring_hash"; there are in_turn, picky',
      'cluster options: ring_hash_lb_config.minimum_ring_size: 0 is too small',
    ],
  );
  assert.deepEqual(
    clusters.status().map(({ name }) => name),
    ['codec', 'good'],
  );
});

test('a refused change leaves the cluster before as it was', () => {
  const { clusters, apply } = createWorld();
  apply({ clusters: [clusterConfig()] });
  const before = clusters.get('c');
  apply({ clusters: [clusterConfig({ version: '2', balancer: { name: 'ring_hash', options: undefined } })] });
  assert.equal(clusters.get('c'), before);
});

test('an equal version is left alone', () => {
  const { clusters, apply } = createWorld();
  apply({ clusters: [clusterConfig()] });
  const before = clusters.get('c');
  apply({ clusters: [clusterConfig()] });
  assert.equal(clusters.get('c'), before);
  apply({ clusters: [clusterConfig({ version: '2' })] });
  assert.notEqual(clusters.get('c'), before);
});

test('a replaced cluster finishes what it has and keeps nothing idle', () => {
  const { clusters, apply, request, transport, stats } = createWorld();
  apply({ clusters: [clusterConfig()] });
  const old = clusters.get('c')!;
  const [busy, waiting, idle] = [request('c'), request('c'), request('c')];
  transport.connection(0).succeed();
  transport.connection(1).succeed();
  waiting.answer();
  assert.ok(idle.open, 'taken over by the connection that became free');
  idle.answer();
  apply({ clusters: [clusterConfig({ version: '2' })] });
  assert.equal(transport.connection(1).closed, 'flush');
  assert.equal(transport.connection(0).closed, undefined);
  busy.answer();
  assert.equal(transport.connection(0).closed, 'flush');
  transport.connection(2).succeed();
  assert.equal(transport.connection(2).closed, 'flush', 'nobody needs it any more');
  const late = new NotedAttempt();
  old.newStream(old.pick(anyHost)!, lineProtocol('exclusive'), transport.connection(0), late);
  transport.connection(3).succeed();
  late.answer();
  assert.equal(late.replies, 1, 'a request that still has the old cluster is served');
  assert.equal(transport.connection(3).closed, 'flush');
  transport.settle();
  assert.equal(stats.value('cluster.c.upstream_cx_active'), 0);
  assert.equal(stats.value('cluster.c.membership_total'), 1);
});

test('a removed cluster is not found, and its idle connections go', () => {
  const { clusters, apply, request, transport, stats } = createWorld();
  apply({ clusters: [clusterConfig()] });
  const attempt = request('c');
  transport.connection(0).succeed();
  attempt.answer();
  apply({ removedClusters: ['c', 'never there'] });
  assert.equal(clusters.get('c'), undefined);
  assert.equal(transport.connection(0).closed, 'flush');
  assert.equal(stats.value('cluster.c.membership_total'), 0);
});

test('endpoints find their clusters by service name, whichever comes first', () => {
  const { apply, picked, clusters } = createWorld();
  apply({ endpoints: [endpoints('svc', '1', [endpoint('10.0.0.1', 80)])] });
  apply({
    clusters: [
      edsCluster({ name: 'a' }),
      edsCluster({ name: 'b' }),
      clusterConfig({ name: 'named', discovery: eds('') }),
      clusterConfig({ name: 'dns', discovery: { kind: 'dns', strict: true, endpoints: [], refreshMs: 5000 } }),
    ],
  });
  assert.deepEqual([picked('a'), picked('b'), picked('named')], [['10.0.0.1:80'], ['10.0.0.1:80'], [undefined]]);
  apply({
    endpoints: [
      endpoints('svc', '2', [endpoint('10.0.0.2', 80), endpoint('10.0.0.2', 80)]),
      endpoints('named', '1', [endpoint('::1', 80)]),
      endpoints('dns', '1', [endpoint('10.9.9.9', 80)]),
    ],
  });
  assert.deepEqual(picked('a'), ['10.0.0.2:80']);
  assert.deepEqual([picked('named'), picked('dns')], [['[::1]:80'], ['10.9.9.9:80']]);
  assert.equal(clusters.get('a')!.status().hosts.length, 1, 'one address is one host');
  apply({ removedClusters: ['a', 'b'] });
  apply({ clusters: [edsCluster({ name: 'a' })] });
  assert.deepEqual(picked('a'), [undefined], 'endpoints are forgotten with their last cluster');
});

test('a changed cluster has the endpoints that are known', () => {
  const { apply, picked } = createWorld();
  apply({ clusters: [edsCluster()], endpoints: [endpoints('svc', '1', [endpoint('10.0.0.1', 80)])] });
  apply({ clusters: [edsCluster({ version: '2' })] });
  assert.deepEqual(picked('c'), ['10.0.0.1:80']);
});

test('a host that stays keeps its object, counters and connections; one that goes is drained', () => {
  const { apply, request, transport, clusters, stats } = createWorld();
  apply({ clusters: [edsCluster()], endpoints: [endpoints('svc', '1', [endpoint('10.0.0.1', 80)])] });
  const cluster = clusters.get('c')!;
  const host = cluster.pick(anyHost);
  const attempt = request('c');
  transport.connection(0).succeed();
  attempt.answer();
  const two = [endpoint('10.0.0.1', 80, { weight: 7, hostname: 'one' }), endpoint('10.0.0.2', 80)];
  apply({ endpoints: [endpoints('svc', '2', two)] });
  assert.equal(cluster.pick(anyHost), host);
  assert.equal(host!.weight, 7);
  assert.equal(transport.connection(0).closed, undefined);
  assert.equal(stats.value('cluster.c.membership_total'), 2);
  const { hosts } = cluster.status();
  assert.equal(hosts[0]!.rqTotal, 1);
  assert.equal(hosts[0]!.hostname, 'one');
  const before = stats.value('cluster.c.membership_change');
  apply({ endpoints: [endpoints('svc', '3', two.slice(1))] });
  assert.equal(transport.connection(0).closed, 'flush');
  assert.equal(stats.value('cluster.c.membership_change'), before! + 1);
  apply({ endpoints: [endpoints('svc', '4', [endpoint('10.0.0.1', 80)])] });
  assert.notEqual(cluster.pick(anyHost), host, 'what comes back is new');
});

test('uses the lowest priority that has a healthy host, and all hosts when none is healthy', () => {
  const { apply, picked, stats } = createWorld();
  const sick = { healthy: false };
  const group = (priority: number, ...hosts: ReturnType<typeof endpoint>[]) =>
    endpoints('', '', hosts, priority).groups;
  const set = (version: string, ...groups: ReturnType<typeof group>[]) =>
    apply({ endpoints: [{ name: 'svc', version, groups: groups.flat() }] });
  apply({ clusters: [edsCluster()] });
  set('1', group(1, endpoint('10.0.1.1', 80)), group(0, endpoint('10.0.0.1', 80), endpoint('10.0.0.2', 80, sick)));
  assert.deepEqual(picked('c'), ['10.0.0.1:80']);
  assert.equal(stats.value('cluster.c.membership_healthy'), 2);
  set('2', group(0, endpoint('10.0.0.1', 80, sick)), group(1, endpoint('10.0.1.1', 80)));
  assert.deepEqual(picked('c'), ['10.0.1.1:80']);
  assert.equal(stats.value('cluster.c.lb_healthy_panic'), 0);
  set('3', group(0, endpoint('10.0.0.1', 80, sick)), group(1, endpoint('10.0.1.1', 80, sick)));
  assert.deepEqual(picked('c'), ['10.0.0.1:80', '10.0.1.1:80']);
  assert.equal(stats.value('cluster.c.lb_healthy_panic'), 12);
  set('4', group(0, endpoint('10.0.0.1', 80, { weight: 0 })));
  assert.deepEqual(picked('c'), [undefined], 'weight 0 is for no traffic');
});

test('circuit breakers refuse at their limit, count it and show that they are open', () => {
  const { apply, clusters, stats } = createWorld();
  const limits = { connectionsMax: 1, pendingRequestsMax: 1, requestsMax: 2, retriesMax: 1 };
  apply({ clusters: [clusterConfig({ limits })] });
  const cluster = clusters.get('c')!;
  assert.deepEqual([cluster.acquireRequest(), cluster.acquireRequest(), cluster.acquireRequest()], [true, true, false]);
  assert.deepEqual([cluster.acquireRetry(), cluster.acquireRetry()], [true, false]);
  assert.equal(stats.value('cluster.c.upstream_rq_pending_overflow'), 1);
  assert.equal(stats.value('cluster.c.upstream_rq_retry_overflow'), 1);
  assert.deepEqual(stats.nonZero('cluster.c.circuit_breakers.default.'), { rq_open: 1, rq_retry_open: 1 });
  cluster.releaseRequest();
  cluster.releaseRetry();
  assert.deepEqual(stats.nonZero('cluster.c.circuit_breakers.default.'), {});
  assert.ok(cluster.acquireRequest() && cluster.acquireRetry());
  // The successor has the gauges for itself.
  apply({ clusters: [clusterConfig({ limits, version: '2' })] });
  assert.deepEqual(stats.nonZero('cluster.c.circuit_breakers.default.'), {});
  clusters.get('c')!.acquireRetry();
  cluster.releaseRetry();
  assert.deepEqual(stats.nonZero('cluster.c.circuit_breakers.default.'), { rq_retry_open: 1 });
});

test('at the connection limit every host may still have one connection', () => {
  const { apply, request, transport, stats } = createWorld();
  const limits = { connectionsMax: 1, pendingRequestsMax: 9, requestsMax: 9, retriesMax: 1 };
  const hosts = [endpoint('10.0.0.1', 80), endpoint('10.0.0.2', 80)];
  apply({
    clusters: [clusterConfig({ limits, discovery: { kind: 'static', endpoints: endpoints('c', '1', hosts) } })],
  });
  const attempts = [request('c'), request('c'), request('c'), request('c')];
  assert.equal(transport.dials.length, 2);
  assert.equal(stats.value('cluster.c.upstream_cx_overflow'), 3);
  for (const { connection } of transport.dials) connection.succeed();
  for (const attempt of attempts) attempt.answer();
  assert.ok(attempts.every(({ replies }) => replies === 1));
  assert.equal(stats.value('cluster.c.circuit_breakers.default.cx_open'), 1);
  for (const { connection } of transport.dials) connection.gone();
  assert.equal(stats.value('cluster.c.circuit_breakers.default.cx_open'), 0);
});

test('dials as the cluster says', () => {
  const { apply, request, transport } = createWorld();
  const tls = { serverName: 'backend' };
  apply({ clusters: [clusterConfig({ tls, connectTimeoutMs: 250, bufferBytesMax: 1000 })] });
  request('c');
  assert.deepEqual(transport.dials[0]!.options, {
    address: { kind: 'ip', host: '10.0.0.1', port: 80 },
    connectTimeoutMs: 250,
    watermarks: { highBytes: 1000, lowBytes: 500 },
    tls: { ...tls, alpn: ['http/1.1'] },
  });
});

test('counts answers by class, code and host', () => {
  const { apply, clusters, stats } = createWorld();
  apply({ clusters: [clusterConfig({ name: 'x:y', statName: 'x:y' })] });
  const cluster = clusters.get('x:y')!;
  const host = cluster.pick(anyHost);
  for (const status of [200, 200, 404, 503, 42]) cluster.stats.recordResponse(host, status);
  cluster.stats.recordTimeout(host);
  cluster.stats.recordFailure(host, 503);
  cluster.stats.recordFailure(undefined);
  const found = stats.nonZero('cluster.x_y.');
  assert.deepEqual(
    Object.entries(found).filter(([name]) => name.startsWith('upstream_rq')),
    [
      ['upstream_rq_completed', 7],
      ['upstream_rq_timeout', 1],
      ['upstream_rq_2xx', 2],
      ['upstream_rq_4xx', 1],
      ['upstream_rq_5xx', 3],
      ['upstream_rq_200', 2],
      ['upstream_rq_404', 1],
      ['upstream_rq_503', 2],
      ['upstream_rq_504', 1],
    ],
  );
  const [status] = cluster.status().hosts;
  assert.deepEqual([status!.rqSuccess, status!.rqError, status!.rqTimeout], [4, 2, 1]);
});
