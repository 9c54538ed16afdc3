import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { SeededRandom } from '@sofamesh/base/random';
import { TimerWheel } from '@sofamesh/base/timer-wheel';
import type { LogRecord } from '@sofamesh/contract/access-log';
import { formatResponseFlags } from '@sofamesh/contract/message';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import fc from 'fast-check';
import { ClusterSet } from '../cluster/clusters.ts';
import type { ClusterConfig } from '../config/cluster.ts';
import type { TcpProxyConfig } from '../config/listener.ts';
import { lineProtocol } from '../pool/test-support/line-protocol.ts';
import { ManualConnection, ManualTransport } from '../pool/test-support/manual-transport.ts';
import { clusterConfig, endpoint, endpoints, inTurn } from '../pool/test-support/pool-world.ts';
import { tcpProxy } from '../test-support/configs.ts';
import { TcpProxy } from './tcp-proxy.ts';

interface Entry {
  readonly flags: string;
  readonly details: string;
  readonly bytes: readonly [received: number, sent: number];
  readonly upstream: string;
  readonly failure: string;
  readonly attempts: number;
  readonly durationMs: number;
}

class World {
  readonly clock = new ManualClock();
  readonly wheel = new TimerWheel(this.clock);
  readonly random = new SeededRandom(7);
  readonly stats = new MemoryStats();
  readonly transport = new ManualTransport();
  readonly protocols = new Map([['http1', lineProtocol('exclusive')]]);
  readonly balancers = new Map([['in_turn', inTurn]]);
  readonly entries: Entry[] = [];
  readonly clusters = new ClusterSet(this);
  readonly proxy: TcpProxy;
  done = 0;

  constructor(cluster: Partial<ClusterConfig> = {}, proxy: Partial<TcpProxyConfig> = {}) {
    const update = this.clusters.prepare({ clusters: [clusterConfig(cluster), clusterConfig({ name: 'other' })] });
    assert.deepEqual(update.rejections, []);
    update.commit([]);
    const config: TcpProxyConfig = tcpProxy('c', {
      statPrefix: 'p',
      accessLogs: [{ sink: { kind: 'stdout' }, format: { kind: 'text', text: '' } }],
      ...proxy,
    });
    this.proxy = new TcpProxy(config, this, this.clusters);
  }

  readonly compileFormat = (format: string) => () => format;
  readonly openAccessLog = () => ({ log: (record: LogRecord) => void this.entries.push(entryOf(record)) });

  accept(): ManualConnection {
    const client = new ManualConnection(ipAddress('127.0.0.1', 50000), undefined, 'open');
    this.proxy.accept(client, () => this.done++);
    return client;
  }

  count(name: string): number {
    return this.stats.value(name) ?? 0;
  }

  /** Lets everything that was closed go. */
  settle(...clients: ManualConnection[]): void {
    for (let round = 0; round < 3; round++) {
      for (const client of clients) if (client.closed !== undefined) client.gone('closed', 'closed');
      this.transport.settle();
    }
  }
}

function entryOf(record: LogRecord): Entry {
  return {
    flags: formatResponseFlags(record.flags),
    details: record.details,
    bytes: [record.bytesReceived, record.bytesSent],
    upstream: `${record.upstreamCluster} ${record.upstreamHost} ${record.upstreamLocal}`,
    failure: record.upstreamFailure,
    attempts: record.attempts,
    durationMs: record.durationMs,
  };
}

test('joins a client to a host, in both directions, and logs one line when both are gone', () => {
  const world = new World();
  const client = world.accept();
  assert.equal(client.reading, false, 'nothing is read before the upstream stands');
  client.deliver('early');
  const upstream = world.transport.connection(0);
  upstream.succeed();
  assert.equal(client.reading, true);
  assert.equal(upstream.text, 'early');
  client.deliver(' late');
  upstream.deliver('answer');
  assert.equal(upstream.text, 'early late');
  assert.equal(client.text, 'answer');
  world.clock.advance(20);
  client.peerEnds();
  assert.ok(upstream.ended && !client.ended, 'an end goes on as an end');
  upstream.deliver('!');
  assert.equal(client.text, 'answer!');
  upstream.peerEnds();
  assert.ok(client.ended);
  upstream.gone('closed', 'both sides ended');
  assert.equal(world.done, 0);
  client.gone('closed', 'both sides ended');
  assert.equal(world.done, 1);
  assert.equal(world.proxy.activeConnections, 0);
  assert.deepEqual(world.entries, [
    {
      flags: '-',
      details: '',
      bytes: [10, 7],
      upstream: 'c 10.0.0.1:80 127.0.0.1:40000',
      failure: '',
      attempts: 1,
      durationMs: 20,
    },
  ]);
  assert.deepEqual(world.stats.nonZero('tcp.p.'), {
    downstream_cx_total: 1,
    downstream_cx_rx_bytes_total: 10,
    downstream_cx_tx_bytes_total: 7,
  });
  assert.equal(world.count('cluster.c.upstream_cx_active'), 0);
  assert.equal(world.count('cluster.c.upstream_cx_total'), 1);
  assert.equal(world.count('cluster.c.upstream_rq_active'), 0);
});

test('each side is read only as fast as the other takes it', () => {
  const world = new World();
  const client = world.accept();
  const upstream = world.transport.connection(0);
  upstream.succeed();
  upstream.writable = false;
  client.deliver('x');
  assert.equal(client.reading, false);
  upstream.becomeWritable();
  assert.equal(client.reading, true);
  client.writable = false;
  upstream.deliver('y');
  assert.equal(upstream.reading, false);
  client.becomeWritable();
  assert.equal(upstream.reading, true);
  assert.equal(world.count('tcp.p.downstream_flow_control_paused_reading_total'), 1);
  assert.equal(world.count('tcp.p.downstream_flow_control_resumed_reading_total'), 1);
});

test('what the client did while the upstream was dialled is made up for', () => {
  const world = new World();
  const client = world.accept();
  const upstream = world.transport.connection(0);
  client.deliver('all');
  client.peerEnds();
  upstream.writable = false;
  upstream.succeed();
  assert.equal(upstream.text, 'all');
  assert.equal(upstream.ended, true);
  assert.equal(client.reading, false, 'the upstream takes no more yet');
});

test('tries another host, with the bytes that had come, and gives up after as many as allowed', () => {
  const hosts = [endpoint('10.0.0.1', 80), endpoint('10.0.0.2', 80)];
  const world = new World(
    { discovery: { kind: 'static', endpoints: endpoints('c', '1', hosts) } },
    { maxConnectAttempts: 2 },
  );
  const lucky = world.accept();
  lucky.deliver('hello');
  world.transport.connection(0).gone('connect-failed', 'ECONNREFUSED');
  assert.notDeepEqual(world.transport.connection(1).remote, world.transport.connection(0).remote);
  world.transport.connection(1).succeed();
  assert.equal(world.transport.connection(1).text, 'hello');
  lucky.gone('closed', 'closed');
  world.settle();
  const unlucky = world.accept();
  world.transport.connection(2).gone('connect-failed', 'ECONNREFUSED');
  world.transport.connection(3).gone('connect-timeout', 'ETIMEDOUT');
  assert.equal(unlucky.closed, 'now');
  world.settle(unlucky);
  assert.deepEqual(
    world.entries.map(({ flags, failure, attempts }) => `${flags} ${failure} ${attempts}`),
    ['UF ECONNREFUSED 2', 'UF,URX ETIMEDOUT 2'],
  );
  assert.equal(world.count('cluster.c.upstream_cx_connect_fail'), 3);
  assert.equal(world.count('cluster.c.upstream_cx_connect_timeout'), 1);
  assert.equal(world.count('cluster.c.upstream_cx_connect_attempts_exceeded'), 1);
  assert.equal(world.count('cluster.c.upstream_rq_total'), 1);
  assert.equal(world.count('cluster.c.upstream_rq_active'), 0);
});

test('says why there is no upstream: no cluster, no host, no connection to spare', () => {
  const limits = { connectionsMax: 1, pendingRequestsMax: 1, requestsMax: 1, retriesMax: 1 };
  for (const [world, expected] of [
    [new World({}, { clusters: [{ name: 'absent', weight: 1 }] }), 'NC cluster_not_found'],
    [new World({ discovery: { kind: 'static', endpoints: endpoints('c', '1', []) } }), 'UH no_healthy_upstream'],
    [new World({ limits: { ...limits, connectionsMax: 0 } }), 'UO overflow'],
  ] as const) {
    const client = world.accept();
    assert.equal(client.closed, 'now');
    assert.equal(world.transport.dials.length, 0);
    world.settle(client);
    assert.deepEqual(
      world.entries.map(({ flags, details }) => `${flags} ${details}`),
      [expected],
    );
    assert.equal(world.done, 1);
  }
});

test('the connection limit counts what is open', () => {
  const world = new World({ limits: { connectionsMax: 1, pendingRequestsMax: 1, requestsMax: 1, retriesMax: 1 } });
  const first = world.accept();
  world.transport.connection(0).succeed();
  assert.equal(world.accept().closed, 'now');
  assert.equal(world.count('cluster.c.upstream_cx_overflow'), 1);
  first.gone('closed', 'closed');
  world.settle();
  assert.equal(world.accept().closed, undefined);
});

test('a reset of one side is a reset of the other; a client that leaves early takes the dial with it', () => {
  const world = new World();
  const broken = world.accept();
  world.transport.connection(0).succeed();
  world.transport.connection(0).gone('reset', 'ECONNRESET');
  assert.equal(broken.closed, 'reset');
  world.settle(broken);
  const breaking = world.accept();
  world.transport.connection(1).succeed();
  breaking.gone('reset', 'ECONNRESET');
  assert.equal(world.transport.connection(1).closed, 'reset');
  world.settle();
  const early = world.accept();
  early.gone('reset', 'ECONNRESET');
  assert.equal(world.transport.connection(2).closed, 'reset');
  world.settle();
  assert.deepEqual(
    world.entries.map(({ flags }) => flags),
    ['UR', '-', 'DC'],
  );
  assert.equal(world.done, 3);
  assert.equal(world.count('cluster.c.upstream_cx_connect_fail'), 0);
});

test('an idle session is closed, one that moves bytes is not', () => {
  const world = new World({}, { idleTimeoutMs: 1000 });
  const client = world.accept();
  world.transport.connection(0).succeed();
  for (let second = 0; second < 3; second++) {
    world.clock.advance(900);
    client.deliver('x');
  }
  assert.equal(client.closed, undefined);
  world.clock.advance(1200);
  assert.equal(client.closed, 'now');
  world.settle(client);
  assert.equal(world.count('tcp.p.idle_timeout'), 1);
  assert.equal(world.entries[0]!.details, 'idle_timeout');
  assert.equal(world.wheel.waiting, 0);
});

test('closing the proxy closes every session, whatever it waits for', () => {
  const world = new World();
  const clients = [world.accept(), world.accept()];
  world.transport.connection(0).succeed();
  world.proxy.drain();
  assert.equal(world.proxy.activeConnections, 2);
  world.proxy.close();
  assert.deepEqual(
    clients.map(({ closed }) => closed),
    ['reset', 'reset'],
    'what is cut does not look complete',
  );
  world.settle(...clients);
  assert.equal(world.done, 2);
  assert.deepEqual(
    world.entries.map(({ flags, details }) => `${flags} ${details}`),
    ['- shutdown', '- shutdown'],
  );
});

test('clusters have their share by weight', () => {
  const world = new World(
    {},
    {
      clusters: [
        { name: 'c', weight: 9 },
        { name: 'other', weight: 1 },
        { name: 'never', weight: 0 },
      ],
    },
  );
  for (let count = 0; count < 1000; count++) world.accept();
  const share = world.count('cluster.c.upstream_cx_total');
  assert.ok(share > 850 && share < 950, `${share} of 1000`);
  assert.equal(world.count('cluster.other.upstream_cx_total'), 1000 - share);
});

const steps = [
  'connect',
  'connect-fail',
  'client-bytes',
  'upstream-bytes',
  'client-end',
  'upstream-end',
  'client-reset',
  'upstream-reset',
  'client-blocked',
  'upstream-blocked',
  'client-writable',
  'upstream-writable',
  'settle',
  'close',
] as const;

test('in any order of events no byte is lost, doubled or crossed, and every session ends once', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...steps), { maxLength: 40 }), (happenings) => {
      const world = new World({}, { maxConnectAttempts: 3 });
      const client = world.accept();
      let sent = '';
      let answered = '';
      for (const step of happenings) {
        const upstream = world.transport.connection(world.transport.dials.length - 1);
        const joined = upstream.state === 'open' && client.state === 'open';
        if (step === 'connect') upstream.succeed();
        else if (step === 'connect-fail' && upstream.state === 'connecting') upstream.gone('connect-failed', 'X');
        else if (step === 'client-bytes' && client.reading) {
          const text = `${sent.length},`;
          if (client.state === 'open' && client.closed === undefined) sent += text;
          client.deliver(text);
        } else if (step === 'upstream-bytes' && joined && upstream.reading && upstream.closed === undefined) {
          const text = `${answered.length};`;
          if (!client.ended && client.closed === undefined) answered += text;
          upstream.deliver(text);
        } else if (step === 'client-end' && client.reading) client.peerEnds();
        else if (step === 'upstream-end') upstream.peerEnds();
        else if (step === 'client-reset') client.gone();
        else if (step === 'upstream-reset' && upstream.state === 'open') upstream.gone();
        else if (step === 'client-blocked') client.writable = false;
        else if (step === 'upstream-blocked') upstream.writable = false;
        else if (step === 'client-writable' && !client.writable && client.state === 'open') client.becomeWritable();
        else if (step === 'upstream-writable' && !upstream.writable && upstream.state === 'open') {
          upstream.becomeWritable();
        } else if (step === 'settle') world.settle(client);
        else if (step === 'close') world.proxy.close();
        if (client.closed === undefined && client.state === 'open') assert.equal(client.text, answered);
        assert.ok(sent.startsWith(upstream.text));
      }
      world.proxy.close();
      world.settle(client);
      assert.equal(world.done, 1);
      assert.equal(world.entries.length, 1);
      for (const name of ['upstream_cx_active', 'upstream_rq_active'])
        assert.equal(world.count(`cluster.c.${name}`), 0);
    }),
    { numRuns: 300 },
  );
});

test('a session that is too old is cut off', () => {
  const world = new World({}, { maxDurationMs: 100, logFlushIntervalMs: 40, logOnConnect: true });
  const client = world.accept();
  const upstream = world.transport.connection(0);
  upstream.succeed();
  assert.equal(world.entries.length, 1, 'a line when the upstream stands');
  client.deliver('abc');
  for (let passed = 0; passed < 110; passed += 10) {
    client.deliver('.');
    world.clock.advance(10);
  }
  assert.equal(world.count('tcp.p.max_downstream_connection_duration'), 1);
  assert.equal(world.entries.length, 3, 'and a line now and then');
  assert.deepEqual(world.entries[1]!.flags, '-');
  world.settle(client);
  assert.deepEqual(
    world.entries.slice(3).map(({ flags, details }) => `${flags} ${details}`),
    ['DT max_downstream_connection_duration'],
  );
  assert.equal(world.wheel.waiting, 0);
});

test('hosts are told the addresses of the client before anything else', () => {
  const world = new World({ proxyProtocol: { version: 1, passTlvs: [] } });
  const client = world.accept();
  const { preamble } = world.transport.dials[0]!.options;
  assert.equal(`${preamble}`, 'PROXY TCP4 127.0.0.1 127.0.0.1 50000 40000\r\n');
  client.close('now');
  world.settle();
});

test('what was read before the session began is not counted as its bytes', () => {
  const world = new World();
  const client = world.accept();
  client.bytesReceived += 44;
  world.transport.connection(0).succeed();
  client.deliver('hello');
  client.close('now');
  world.settle(client);
  assert.deepEqual(world.entries[0]?.bytes, [5, 0]);
  assert.equal(world.count('cluster.c.upstream_cx_destroy_with_active_rq'), 1);
});

test('the host is picked by the address of the client', () => {
  const hashes: (number | undefined)[] = [];
  const world = new World({}, { hashSourceIp: true });
  const cluster = world.clusters.get('c')!;
  const pick = cluster.pick.bind(cluster);
  cluster.pick = (context) => {
    hashes.push(context.hash);
    return pick(context);
  };
  world.accept();
  world.accept();
  assert.equal(hashes.length, 2);
  assert.equal(hashes[0], hashes[1]);
  assert.equal(typeof hashes[0], 'number');
});
