import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, ipAddress } from '@sofamesh/base/address';
import type { ClusterConfig } from '../config/cluster.ts';
import type { ListenerConfig, UdpProxyConfig } from '../config/listener.ts';
import { clusterConfig, listenerConfig } from '../test-support/configs.ts';
import { EngineWorld } from '../test-support/engine-world.ts';

const front = ipAddress('127.0.0.1', 53);

function udpListener(more: Partial<UdpProxyConfig> = {}, listener: Partial<ListenerConfig> = {}): ListenerConfig {
  const proxy: UdpProxyConfig = {
    statPrefix: 'dns',
    cluster: 'hosts',
    idleTimeoutMs: 80,
    hashSourceIp: false,
    perPacket: false,
    upstreamDatagramBytesMax: 1500,
    sessionsMax: 100,
    accessLogs: [{ sink: { kind: 'stdout' }, format: { kind: 'text', text: '' } }],
    ...more,
  };
  return listenerConfig([], { name: 'udp', address: front, udp: { datagramBytesMax: 100, proxy }, ...listener });
}

class UdpWorld extends EngineWorld {
  /** `host port: text from proxy port`, in the order of arrival. */
  readonly heard: string[] = [];

  async start(listener: ListenerConfig, ports: readonly number[] = [1, 2], cluster: Partial<ClusterConfig> = {}) {
    for (const port of ports) {
      const address = ipAddress('10.0.0.1', port);
      const socket = await this.datagrams.bind({ address }, (bytes, from) => {
        this.heard.push(`${port}: ${bytes}`);
        if (!`${bytes}`.startsWith('quiet')) socket.send(Buffer.from(`${port} says ${bytes}`), from);
      });
    }
    return this.apply({ clusters: [clusterConfig('hosts', ports, cluster)], listeners: [listener] });
  }

  async sender(port: number) {
    const address = ipAddress('192.0.2.1', port);
    const answers: string[] = [];
    await this.datagrams.bind({ address }, (bytes, from) => answers.push(`${formatAddress(from)} ${bytes}`));
    return {
      answers,
      send: (text: string) => this.datagrams.send(Buffer.from(text), address, front),
    };
  }

  count(name: string): number {
    return this.stats.get(`udp.dns.${name}`);
  }
}

test('a client keeps its host, another one gets the next, and answers come back', async () => {
  const world = new UdpWorld();
  assert.deepEqual(await world.start(udpListener()), []);
  const [one, two] = [await world.sender(1000), await world.sender(1001)];
  one.send('a');
  two.send('b');
  one.send('c');
  assert.deepEqual(world.heard, ['1: a', '2: b', '1: c']);
  assert.deepEqual(one.answers, ['127.0.0.1:53 1 says a', '127.0.0.1:53 1 says c']);
  assert.deepEqual(two.answers, ['127.0.0.1:53 2 says b']);
  assert.deepEqual(world.stats.nonZero('udp.dns.'), {
    downstream_sess_total: 2,
    downstream_sess_active: 2,
    downstream_sess_rx_bytes: 3,
    downstream_sess_rx_datagrams: 3,
    downstream_sess_tx_bytes: 24,
    downstream_sess_tx_datagrams: 3,
  });
  assert.equal(world.stats.get('cluster.hosts.udp.sess_tx_datagrams'), 3);
  assert.equal(world.stats.get('cluster.hosts.udp.sess_rx_datagrams'), 3);
  assert.equal(world.engine.status().listeners[0]!.connections, 2);
});

test('a session ends when nothing has come for a while, either way', async () => {
  const world = new UdpWorld();
  await world.start(udpListener());
  const one = await world.sender(1000);
  one.send('quiet');
  await world.pass(60);
  one.send('quiet');
  await world.pass(60);
  assert.equal(world.count('downstream_sess_active'), 1);
  await world.pass(60);
  assert.equal(world.count('downstream_sess_active'), 0);
  assert.equal(world.count('idle_timeout'), 1);
  assert.deepEqual(world.logs, ['0 - idle_timeout 1 10.0.0.1:1']);
  assert.equal(world.records[0]!.bytesReceived, 10);
  one.send('again');
  assert.equal(world.heard.at(-1), '2: again');
  assert.deepEqual(world.stats.gaugesLeft(/membership|listeners_active|sess_active|upstream_cx_active/), []);
});

test('a host for every datagram', async () => {
  const world = new UdpWorld();
  await world.start(udpListener({ perPacket: true }));
  const one = await world.sender(1000);
  for (const text of ['a', 'b', 'c']) one.send(text);
  assert.deepEqual(world.heard, ['1: a', '2: b', '1: c']);
  assert.equal(world.count('downstream_sess_total'), 2);
});

test('limits: long datagrams, sessions of the listener and of the cluster', async () => {
  const world = new UdpWorld();
  const limits = { connectionsMax: 2, pendingRequestsMax: 1, requestsMax: 1, retriesMax: 1 };
  await world.start(udpListener({ sessionsMax: 3, upstreamDatagramBytesMax: 10 }), [1], { limits });
  const senders = [await world.sender(1000), await world.sender(1001), await world.sender(1002)];
  senders[0]!.send('x'.repeat(101));
  assert.equal(world.count('downstream_sess_rx_datagrams_dropped'), 1);
  senders[0]!.send('long enough');
  assert.equal(world.stats.get('cluster.hosts.udp.sess_rx_datagrams_dropped'), 1);
  for (const sender of senders) sender.send('a');
  assert.equal(world.count('downstream_sess_active'), 2);
  assert.equal(world.stats.get('cluster.hosts.upstream_cx_overflow'), 1);
  const small = new UdpWorld();
  await small.start(udpListener({ sessionsMax: 1 }));
  for (const port of [1, 2]) (await small.sender(port + 2000)).send('a');
  assert.deepEqual([small.count('downstream_sess_total'), small.count('downstream_sess_overflow')], [1, 1]);
});

test('no cluster, no host, nobody who receives', async () => {
  const world = new UdpWorld();
  await world.start(udpListener({ cluster: 'other' }));
  const one = await world.sender(1000);
  one.send('a');
  assert.equal(world.count('downstream_sess_no_route'), 1);
  await world.apply({ clusters: [clusterConfig('other', [])] });
  one.send('a');
  assert.equal(world.stats.get('cluster.other.upstream_cx_none_healthy'), 1);
  await world.apply({ clusters: [clusterConfig('other', [9], { version: '2' })] });
  one.send('a');
  assert.equal(world.stats.get('cluster.other.udp.sess_rx_errors'), 1);
  assert.equal(world.count('downstream_sess_active'), 1);
});

test('a host that goes is replaced with the next datagram; a change of the proxy ends its sessions', async () => {
  const world = new UdpWorld();
  await world.start(udpListener());
  const one = await world.sender(1000);
  one.send('a');
  await world.apply({ clusters: [clusterConfig('hosts', [2], { version: '2' })] });
  one.send('b');
  assert.deepEqual(world.heard, ['1: a', '2: b']);
  assert.equal(world.count('downstream_sess_active'), 1);
  await world.apply({ listeners: [udpListener({}, { version: '2', direction: 'inbound' })] });
  assert.equal(world.count('downstream_sess_active'), 1);
  await world.apply({ listeners: [udpListener({ idleTimeoutMs: 5 }, { version: '3' })] });
  assert.equal(world.count('downstream_sess_active'), 0);
  one.send('c');
  assert.equal(world.count('downstream_sess_active'), 1);
  await world.apply({ removedListeners: ['udp'] });
  assert.equal(world.count('downstream_sess_active'), 0);
  assert.deepEqual(world.engine.status().listeners, []);
  // What is left are the two hosts and the client.
  assert.equal(world.datagrams.open, 3);
});

test('two listeners for one address are refused, a TCP and a UDP listener share it', async () => {
  const world = new UdpWorld();
  await world.start(udpListener());
  const [rejection] = await world.apply({ listeners: [udpListener({}, { name: 'again' })] });
  assert.match(rejection!.reason, /127\.0\.0\.1:53: is already that of listener udp/);
  const tcp = listenerConfig([], { name: 'tcp', address: front });
  assert.deepEqual(await world.apply({ listeners: [tcp] }), []);
});
