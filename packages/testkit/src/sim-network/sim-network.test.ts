import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { SeededRandom } from '@sofamesh/base/random';
import type { ClientTls, ServerTls } from '@sofamesh/contract/transport';
import { Meeting, pattern, Recorder, type TransportWorld, transportSuite } from '../transport-suite/index.ts';
import { type LinkFaults, SimNetwork, simAuthorities, simCertificate } from './index.ts';

const server = '10.0.0.1';
const client = '10.0.0.2';

interface SimWorld extends TransportWorld {
  readonly network: SimNetwork;
  readonly clock: ManualClock;
  readonly trace: readonly string[];
}

function simWorld(
  seed: number,
  { faults = {}, tls }: { faults?: Partial<LinkFaults>; tls?: TransportWorld['tls'] } = {},
): SimWorld {
  const clock = new ManualClock();
  const trace: string[] = [];
  const network = new SimNetwork({
    clock,
    random: new SeededRandom(seed),
    faults,
    closeGraceMs: 60,
    closeStallMs: 60,
    onTrace: (line) => trace.push(line),
  });
  const advance = async (ms: number) => {
    clock.advance(ms);
    await undefined;
  };
  return {
    network,
    clock,
    trace,
    listening: network.machine(server),
    dialling: network.machine(client),
    tls,
    resets: true,
    freshAddress: () => ipAddress(server, 0),
    refusingAddress: async () => ipAddress(server, 9),
    silentAddress: async () => ipAddress('10.9.9.9', 80),
    turn: () => advance(0.01),
    async until(condition, what) {
      while (!condition()) {
        if (!clock.step()) throw new Error(`nothing happens any more, and still no ${what}`);
        await undefined;
      }
    },
    settle: () => advance(40),
    close: async () => {},
  };
}

const certificate = simCertificate('mesh', ['DNS:server.test', 'URI:spiffe://mesh/ns/a/sa/server']);
const serverTls: ServerTls = { certificates: [certificate], alpn: ['h2', 'http/1.1'] };
const clientTls: ClientTls = {
  serverName: 'server.test',
  verification: {
    authorityPem: simAuthorities('mesh'),
    subjectAltNames: [{ type: 'URI', kind: 'exact', value: 'spiffe://mesh/ns/a/sa/server' }],
  },
  alpn: ['http/1.1'],
};

transportSuite('simulated network', async () => simWorld(1));
transportSuite('simulated network of small pieces', async () =>
  simWorld(2, { faults: { splitChance: 0.9, coalesceChance: 0, latencyMsMax: 20 } }),
);
transportSuite('simulated network with TLS', async () =>
  simWorld(3, { tls: { server: serverTls, client: clientTls } }),
);

describe('simulated faults', () => {
  async function busyWorld(seed: number, faults: Partial<LinkFaults>): Promise<SimWorld> {
    const world = simWorld(seed, { faults });
    const meeting = await Meeting.open(world, {}, (end) => {
      end.on.bytes = () => end.connection.write(Buffer.from(end.chunks.at(-1)!));
    });
    for (let at = 0; at < 20; at++) {
      const dialled = meeting.dial({ connectTimeoutMs: 500 });
      dialled.connection.write(pattern(5000, at + 1));
      if (at % 3 === 0) dialled.connection.end();
      world.clock.advance(at % 5);
    }
    world.clock.advance(2000);
    for (const end of [...meeting.dialled, ...meeting.accepted]) end.check();
    return world;
  }

  test('the same seed gives the same world, another seed another one', async () => {
    const faults = { resetChance: 0.05, refuseChance: 0.1, silenceChance: 0.1 };
    const first = (await busyWorld(7, faults)).trace;
    assert.ok(first.length > 100);
    assert.deepEqual((await busyWorld(7, faults)).trace, first);
    assert.notDeepEqual((await busyWorld(8, faults)).trace, first);
  });

  for (const [chance, kind] of [
    ['resetChance', 'reset'],
    ['refuseChance', 'connect-failed'],
    ['silenceChance', 'connect-timeout'],
  ] as const) {
    test(`${chance} 1 ends every connection with ${kind}`, async () => {
      const world = simWorld(1, { faults: { [chance]: 1 } });
      const meeting = await Meeting.open(world);
      const dialled = Array.from({ length: 5 }, () => meeting.dial({ connectTimeoutMs: 500 }));
      for (const { connection } of dialled) connection.write(Buffer.from('x'));
      world.clock.advance(1000);
      assert.deepEqual(
        dialled.map(({ cause }) => cause?.kind),
        dialled.map(() => kind),
      );
      assert.equal(world.network.liveConnections, 0);
    });
  }

  test('a link has faults of its own, one way', async () => {
    const world = simWorld(1, { faults: { latencyMsMin: 1, latencyMsMax: 1, coalesceChance: 0 } });
    world.network.setFaults(client, server, { latencyMsMin: 100, latencyMsMax: 100 });
    const meeting = await Meeting.open(world);
    await meeting.connect();
    assert.equal(world.clock.now(), 101);
  });

  test('a partition holds everything back, and healing lets it through in order', async () => {
    const world = simWorld(5);
    const meeting = await Meeting.open(world);
    const pair = await meeting.connect();
    world.network.partition([server], [client, '10.0.0.3']);
    const cutOff = meeting.dial({ connectTimeoutMs: 300 });
    for (let at = 0; at < 50; at++) {
      pair.client.connection.write(pattern(700, at + 1));
      world.clock.advance(10);
    }
    assert.equal(pair.server.bytes, 0);
    assert.equal(cutOff.cause?.kind, 'connect-timeout');
    world.network.heal();
    await world.until(() => pair.server.bytes === 35_000, 'the bytes');
    assert.ok(pair.server.received.equals(Buffer.concat(Array.from({ length: 50 }, (_, at) => pattern(700, at + 1)))));
    await meeting.finish();
  });

  test('resets all connections, or those of one machine', async () => {
    const world = simWorld(6);
    const meeting = await Meeting.open(world);
    const first = await meeting.connect();
    world.network.resetAll('10.0.0.3');
    world.clock.advance(10);
    assert.ok(!first.client.closed);
    const halfway = meeting.dial();
    world.network.resetAll(client);
    world.clock.advance(10);
    assert.deepEqual([first.client.cause?.kind, first.server.cause?.kind], ['reset', 'reset']);
    assert.equal(halfway.cause?.kind, 'connect-failed');
    await meeting.connect();
    world.network.resetAll();
    await meeting.allClosed();
  });

  test('machines have loopback addresses of their own', async () => {
    const world = simWorld(1);
    const address = ipAddress('127.0.0.1', 80);
    const meeting = await Meeting.open(world, { address });
    const elsewhere = meeting.dial();
    world.clock.advance(100);
    assert.deepEqual(elsewhere.cause, { kind: 'connect-failed', reason: 'ECONNREFUSED' });
    await Meeting.open(world, { address: ipAddress('0.0.0.0', 81) });
    await assert.rejects(Meeting.open(world, { address: ipAddress('127.0.0.1', 81) }), { code: 'EADDRINUSE' });
    await assert.rejects(Meeting.open(world, { address: ipAddress(client, 82) }), { code: 'EADDRNOTAVAIL' });
  });

  test('listeners that share a port share its connections', async () => {
    const world = simWorld(1);
    const shared = { address: ipAddress(server, 80), reusePort: true };
    const meetings = [await Meeting.open(world, shared), await Meeting.open(world, shared)];
    for (let at = 0; at < 40; at++) meetings[0]!.dial();
    world.clock.advance(100);
    const shares = meetings.map(({ accepted }) => accepted.length);
    assert.equal(shares[0]! + shares[1]!, 40);
    assert.ok(Math.min(...shares) > 5, `${shares}`);
    await assert.rejects(Meeting.open(world, { address: shared.address }), { code: 'EADDRINUSE' });
  });

  test('keeps what handlers threw', async () => {
    const world = simWorld(1);
    const meeting = await Meeting.open(world);
    const pair = await meeting.connect();
    const error = new Error('broken handler');
    pair.server.on.bytes = () => {
      throw error;
    };
    pair.client.connection.write(Buffer.from('x'));
    await meeting.allClosed();
    assert.deepEqual(world.network.handlerErrors, [error]);
  });
});

describe('simulated TLS', () => {
  async function handshake(serverSide: ServerTls | undefined, clientSide: ClientTls | undefined) {
    const tls = serverSide && { server: { handshakeTimeoutMs: 100, ...serverSide }, client: {} };
    const world = simWorld(4, { tls });
    const meeting = await Meeting.open(world);
    const client = new Recorder();
    const options = { address: meeting.listener.address, connectTimeoutMs: 300 };
    client.connection = world.dialling.dial({ ...options, ...(clientSide && { tls: clientSide }) }, client);
    if (clientSide === undefined) client.connection.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    world.clock.advance(1000);
    return { dialled: client, accepted: meeting.accepted, failures: meeting.tlsFailures };
  }

  test('tells both sides what was agreed', async () => {
    const mutual = { ...clientTls, certificate: simCertificate('mesh', ['URI:spiffe://mesh/ns/a/sa/client']) };
    const { dialled, accepted } = await handshake(
      { ...serverTls, verification: { authorityPem: simAuthorities('mesh') }, requireClientCertificate: true },
      mutual,
    );
    const agreed = (end: Recorder) => {
      const { alpn, serverName, version, peerCertificate } = end.connection.tls!;
      return [alpn, serverName, version, peerCertificate?.verified, peerCertificate?.subjectAltNames];
    };
    assert.deepEqual(agreed(dialled), [
      'http/1.1',
      'server.test',
      'TLSv1.3',
      true,
      ['DNS:server.test', 'URI:spiffe://mesh/ns/a/sa/server'],
    ]);
    assert.deepEqual(agreed(accepted[0]!), [
      'http/1.1',
      'server.test',
      'TLSv1.3',
      true,
      ['URI:spiffe://mesh/ns/a/sa/client'],
    ]);
  });

  const rules = clientTls.verification!;
  const otherName = { kind: 'exact', value: 'spiffe://mesh/ns/a/sa/other' } as const;
  const strangers: readonly [name: string, check: string | undefined, server: ServerTls, client: ClientTls][] = [
    ['no client certificate', 'no-certificate', { ...serverTls, requireClientCertificate: true }, clientTls],
    [
      'a client of another authority',
      'chain',
      { ...serverTls, verification: { authorityPem: simAuthorities('mesh') } },
      { ...clientTls, certificate: simCertificate('other', ['URI:spiffe://mesh/ns/a/sa/client']) },
    ],
    [
      'a client of another name',
      'name',
      { ...serverTls, verification: { ...rules, subjectAltNames: [otherName] } },
      { ...clientTls, certificate: simCertificate('mesh', ['URI:spiffe://mesh/ns/a/sa/client']) },
    ],
    ['no common version', undefined, { ...serverTls, minVersion: 'TLSv1.3' }, { ...clientTls, maxVersion: 'TLSv1.2' }],
  ];
  for (const [name, check, serverSide, clientSide] of strangers) {
    test(`fails with ${name}`, async () => {
      const { dialled, accepted, failures } = await handshake(serverSide, clientSide);
      assert.equal(dialled.cause?.kind, 'tls-failed');
      assert.equal(accepted.length, 0);
      assert.deepEqual(
        failures.map((cause) => [cause.kind, cause.check]),
        [['tls-failed', check]],
      );
    });
  }

  for (const [name, check, verification] of [
    ['another authority', 'chain', { ...rules, authorityPem: simAuthorities('other') }],
    ['another name', 'name', { ...rules, subjectAltNames: [otherName] }],
  ] as const) {
    test(`a client refuses a server of ${name}`, async () => {
      const { dialled, accepted, failures } = await handshake(serverTls, { ...clientTls, verification });
      assert.deepEqual([dialled.cause?.kind, dialled.cause?.check], ['tls-failed', check]);
      assert.deepEqual([accepted.length, failures.length], [0, 1]);
    });
  }

  test('a plain client of a TLS listener is reset', async () => {
    const { dialled, accepted, failures } = await handshake(serverTls, undefined);
    assert.equal(dialled.cause?.kind, 'reset');
    assert.deepEqual([accepted.length, failures.length], [0, 1]);
  });

  test('TLS starts after a look at what the client has said', async () => {
    const world = simWorld(4);
    const session: unknown[] = [];
    const listener = await world.listening.listen({ address: world.freshAddress() }, (connection) => {
      connection.setHandler({
        onBytes: (hello) => connection.startTls(serverTls, hello, () => session.push(connection.tls?.serverName)),
        onEnd() {},
        onClose() {},
      });
    });
    const client = new Recorder();
    client.connection = world.dialling.dial(
      { address: listener.address, connectTimeoutMs: 300, tls: clientTls },
      client,
    );
    await world.until(() => session.length === 1, 'the handshake');
    assert.deepEqual(session, ['server.test']);
    assert.equal(client.count('connect'), 1);
  });

  test('a TLS client of a plain listener waits in vain', async () => {
    const { dialled, accepted } = await handshake(undefined, clientTls);
    assert.equal(dialled.cause?.kind, 'connect-timeout');
    assert.ok(accepted[0]!.bytes > 0);
  });
});
