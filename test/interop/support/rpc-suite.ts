import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../peers/ports.ts';
import type { Mesh } from './bootstrap.ts';
import { BreakingRelay } from './breaking-relay.ts';
import { needsMosn, type RunningProxy, startProxy } from './proxy.ts';
import { RawConnection } from './raw-connection.ts';
import {
  findRpcPrograms,
  hasteMs,
  type Maker,
  patienceMs,
  type RpcClient,
  RpcPrograms,
  type RpcServer,
} from './rpc-programs.ts';

export interface RpcCase {
  protocol: 'bolt' | 'dubbo';
  clients: readonly Maker[];
  /** The header under which routes see what a Java client carries under the key "tenant". */
  tenantHeader: string;
  /** A heartbeat and the answer to it, in hex. */
  heartbeats: readonly (readonly [request: string, answer: string])[];
  /** The head of a frame that claims to be longer than any frame may be, in hex. */
  oversized: string;
  /** What this protocol's Java client calls a timeout. */
  timeoutError: RegExp;
}

const servers: readonly Maker[] = ['java', 'npm'];
const bigText = 1024 * 1024;

/** Real clients and servers of one RPC protocol, first face to face, then with the proxy between them. */
export async function rpcSuite(it: RpcCase): Promise<void> {
  const { peers, skip } = await findRpcPrograms(it.protocol);

  describe(`${it.protocol} clients and servers`, { skip }, () => {
    const programs = new RpcPrograms(it.protocol, peers!.java);
    const upstream = new Map<Maker, RpcServer>();
    const opened: RpcClient[] = [];
    let mortalPort = 0;
    let relay: BreakingRelay;
    let proxy: RunningProxy;

    const client = async (maker: Maker, address: string, heartbeatMs?: number) => {
      const started = await programs.client(maker, address, heartbeatMs);
      opened.push(started);
      return started;
    };
    const through = (maker: Maker, listener: string, heartbeatMs?: number) =>
      client(maker, proxy.address(listener), heartbeatMs);

    before(async () => {
      for (const maker of servers) upstream.set(maker, await programs.server(maker));
      mortalPort = await freePort();
      const java = upstream.get('java')!.port;
      relay = await BreakingRelay.start(java);
      proxy = await startProxy(
        mesh(it, {
          java,
          npm: upstream.get('npm')!.port,
          mortal: mortalPort,
          fragile: relay.port,
          dead: await freePort(),
        }),
      );
    });
    after(async () => {
      await Promise.all(opened.map((one) => one.running.stop()));
      await proxy?.stop();
      relay?.stop();
      await Promise.all([...upstream.values()].map((one) => one.running.stop()));
    });

    for (const server of servers)
      for (const maker of it.clients) {
        test(`${maker} client, ${server} server, face to face`, async () => {
          const caller = await client(maker, `127.0.0.1:${upstream.get(server)!.port}`);
          assert.equal(await caller.get('echo', 'Grüße'), 'Grüße');
          assert.equal(await caller.get('who'), server);
          await caller.running.stop();
        });

        test(`${maker} client through the proxy to ${server} server`, async () => {
          const caller = await through(maker, `to-${server}`);
          assert.equal(await caller.get('echo', 'Grüße'), 'Grüße');
          assert.equal(await caller.get('who'), server);
          assert.equal(await caller.get('delay', 'later', 100), 'later');
          assert.equal(await caller.get('big', bigText), String(bigText));
          assert.equal(await caller.get('many', `${maker}-${server}`, 300, 16), '300');

          // The application's own exception, or whatever the server's library makes of it; nothing else suffers.
          const refused = await caller.failure('fail', 'out of stock');
          if (server === 'java' && maker !== 'npm2') assert.match(refused.error, /out of stock/);
          assert.ok(refused.ms < patienceMs / 2, `took ${refused.ms} ms: ${refused.error}`);
          assert.equal(await caller.get('echo', 'still here'), 'still here');
          await caller.running.stop();
        });
      }

    for (const server of servers)
      test(`one-way calls of a java client to ${server} server`, async () => {
        const caller = await through('java', `to-${server}`);
        const tokens = Array.from({ length: 20 }, (_, i) => `one-way-${i}`);
        for (const token of tokens) await caller.get('note', token);
        let notes: string[] = [];
        await caller.running.until('all taken', async () => {
          notes = (await caller.get('notes')).replace(/[[\] ]/g, '').split(',');
          return notes.length >= tokens.length;
        });
        assert.deepEqual(notes.sort(), tokens.sort());
        // A server's answers to one-way calls, if it sends any, reach nobody.
        assert.equal(await caller.get('many', 'after-one-way', 100, 8), '100');
        await caller.running.stop();
      });

    test('what a java call carries beside its arguments arrives', async () => {
      const caller = await through('java', 'to-java');
      assert.equal(await caller.get('contextWith', 'tenant', 'beta'), 'beta');
      assert.equal(await caller.get('contextWith', 'tenant', 'alpha'), 'alpha');
      await caller.running.stop();
    });

    test('calls are routed by header and by method', { skip: needsMosn }, async () => {
      const caller = await through('java', 'routed');
      assert.equal(await caller.get('who'), 'java');
      assert.equal(await caller.get('whoWith', 'tenant', 'beta'), 'npm');
      assert.equal(await caller.get('whoWith', 'tenant', 'alpha'), 'java');
      // The method notes goes to the npm server, which alone knows this token.
      const other = await through('java', 'to-npm');
      await other.get('note', 'for-npm-alone');
      await other.running.until('noted', async () => (await other.get('notes')).includes('for-npm-alone'));
      assert.match(await caller.get('notes'), /for-npm-alone/);
      const npm = await through('npm', 'routed');
      for (let i = 0; i < 3; i++) {
        assert.equal(await npm.get('who'), 'java');
        assert.match(await npm.get('notes'), /for-npm-alone/);
      }
      await npm.running.stop();
      await other.running.stop();
      await caller.running.stop();
    });

    test('a call that no route wants gets a native error', { skip: needsMosn }, async () => {
      const caller = await through('java', 'echo-only');
      const taken = await proxy.connectionsTaken('echo-only');
      const refused = await caller.failure('who');
      assert.ok(refused.ms < patienceMs / 2, `took ${refused.ms} ms: ${refused.error}`);
      assert.equal(await caller.get('echo', 'this one'), 'this one');
      assert.equal(await proxy.connectionsTaken('echo-only'), taken);
      assert.match((await proxy.logged('NR', (line) => line.flags.includes('NR'))).path, /^\/who$/);
      await caller.running.stop();
    });

    for (const maker of it.clients)
      test(`a dead upstream costs a ${maker} client native errors, not its connection`, {
        skip: needsMosn,
      }, async () => {
        const caller = await through(maker, 'dead');
        const refused = await caller.failure('echo', 'anybody?');
        assert.ok(refused.ms < patienceMs / 2, `took ${refused.ms} ms: ${refused.error}`);
        const taken = await proxy.connectionsTaken('dead');
        for (let i = 0; i < 5; i++) await caller.failure('echo', `anybody ${i}?`);
        assert.equal(await proxy.connectionsTaken('dead'), taken);
        await caller.running.stop();
      });

    for (const maker of it.clients)
      test(`an upstream killed in a call of a ${maker} client, then back`, { skip: needsMosn }, async () => {
        const first = await programs.server('npm', 'first', mortalPort);
        const caller = await through(maker, 'mortal');
        assert.equal(await caller.get('who'), 'first');
        const taken = await proxy.connectionsTaken('mortal');
        const lost = caller.failure('delay', 'never', patienceMs - 1_000);
        await sleep(200); // The call is on its way; nothing outside tells when it has arrived.
        await first.running.kill();
        const { error, ms } = await lost;
        assert.ok(ms < patienceMs - 1_500, `took ${ms} ms: ${error}`);

        const second = await programs.server('npm', 'second', mortalPort);
        await caller.running.until('served again', async () => (await caller.ask('who')).value === 'second', 10_000);
        assert.equal(await caller.get('many', 'revived', 50, 8), '50');
        assert.equal(await proxy.connectionsTaken('mortal'), taken, 'the client had to connect again');
        await caller.running.stop();
        await second.running.stop();
      });

    for (const maker of it.clients)
      test(`an answer to a ${maker} client that breaks off in the middle of its frame`, {
        skip: needsMosn,
      }, async () => {
        const caller = await through(maker, 'fragile');
        assert.equal(await caller.get('echo', 'whole'), 'whole');
        const taken = await proxy.connectionsTaken('fragile');
        for (const how of ['close', 'reset'] as const) {
          relay.breakAnswers(how, bigText / 4);
          const { error, ms } = await caller.failure('big', bigText);
          assert.ok(ms < patienceMs / 2, `took ${ms} ms after a ${how}: ${error}`);
          relay.mend();
          assert.equal(await caller.get('big', bigText), String(bigText));
          assert.equal(await caller.get('many', `after-${how}`, 50, 8), '50');
        }
        assert.equal(await proxy.connectionsTaken('fragile'), taken, 'the client had to connect again');
        await proxy.logged('UC', (line) => line.cluster === 'fragile' && line.flags.includes('UC'));
        await caller.running.stop();
      });

    for (const maker of it.clients)
      test(`the timeout in a ${maker} client's frame`, { skip: needsMosn }, async () => {
        const caller = await through(maker, 'to-java');
        await caller.get('echo', 'warm'); // A JVM's first call can take longer than the haste.
        const { error, ms } = await caller.failure('hastyDelay', 'late', hasteMs + 800);
        assert.ok(ms >= hasteMs - 100 && ms < hasteMs + 500, `took ${ms} ms: ${error}`);
        // The late answer reaches nobody.
        await sleep(800);
        assert.equal(await caller.get('many', 'after-timeout', 100, 8), '100');
        await caller.running.stop();
      });

    test('the route timeout is answered in the native form', { skip: needsMosn }, async () => {
      const caller = await through('java', 'impatient');
      await caller.get('echo', 'warm').catch(() => {});
      const { error, ms } = await caller.failure('delay', 'late', 2_000);
      assert.ok(ms >= 250 && ms < 1_500, `took ${ms} ms: ${error}`);
      assert.match(error, it.timeoutError);
      assert.equal(await caller.get('echo', 'next'), 'next');
      assert.match((await proxy.logged('UT', (line) => line.flags.includes('UT'))).path, /^\/delay$/);
      await caller.running.stop();
    });

    test('heartbeats are answered without an upstream', { skip: needsMosn }, async () => {
      const connection = await RawConnection.open(proxy.port('dead'));
      for (const [request, answer] of it.heartbeats) {
        connection.send(Buffer.from(request, 'hex'));
        assert.equal((await connection.take(answer.length / 2)).toString('hex'), answer);
      }
      connection.end();
    });

    test('a java client that sends heartbeats keeps its connection', { skip: needsMosn }, async () => {
      const caller = await through('java', 'heartbeats', 300);
      assert.equal(await caller.get('echo', 'before'), 'before');
      const taken = await proxy.connectionsTaken('heartbeats');
      await sleep(2_500); // More beats than the three that either library would miss before it gives up.
      assert.equal(await caller.get('echo', 'after'), 'after');
      assert.equal(await proxy.connectionsTaken('heartbeats'), taken);
      await caller.running.stop();
    });

    test('several clients with the same request ids each get their own answers', async () => {
      const makers: Maker[] = [...it.clients, 'npm', 'npm'];
      const callers = await Promise.all(makers.map((maker) => through(maker, 'to-java')));
      const right = await Promise.all(callers.map((caller, i) => caller.get('many', `client-${i}`, 500, 24)));
      assert.deepEqual(
        right,
        makers.map(() => '500'),
      );
      for (const caller of callers) await caller.running.stop();
    });

    test('nonsense closes its own connection only', { skip: needsMosn }, async () => {
      const caller = await through('java', 'to-java');
      const calls = caller.get('many', 'bystander', 300, 8);
      const oversized = Buffer.from(it.oversized, 'hex');
      for (const nonsense of ['GET / HTTP/1.1\r\nhost: x\r\n\r\n', oversized]) {
        const vandal = await RawConnection.open(proxy.port('to-java'));
        vandal.send(nonsense);
        await vandal.closed();
      }
      const quitter = await RawConnection.open(proxy.port('to-java'));
      quitter.send(oversized.subarray(0, oversized.length - 1));
      quitter.finish();
      assert.equal((await quitter.closed()).length, 0);
      assert.equal(await calls, '300');
      assert.equal(await caller.get('echo', 'unharmed'), 'unharmed');
      await caller.running.stop();
    });
  });
}

function mesh(it: RpcCase, ports: Record<'java' | 'npm' | 'mortal' | 'fragile' | 'dead', number>): Mesh {
  const protocol = it.protocol;
  const all = { prefix: '/' };
  const plain = (name: string, cluster: string) => ({ name, protocol, routes: [{ match: all, cluster }] });
  return {
    listeners: [
      plain('to-java', 'java'),
      plain('to-npm', 'npm'),
      plain('heartbeats', 'java'),
      plain('mortal', 'mortal'),
      plain('fragile', 'fragile'),
      plain('dead', 'dead'),
      {
        name: 'routed',
        protocol,
        routes: [
          { match: { prefix: '/', headers: { [it.tenantHeader]: 'beta' } }, cluster: 'npm' },
          { match: { path: '/notes' }, cluster: 'npm' },
          { match: all, cluster: 'java' },
        ],
      },
      { name: 'echo-only', protocol, routes: [{ match: { path: '/echo' }, cluster: 'java' }] },
      { name: 'impatient', protocol, routes: [{ match: all, cluster: 'java', timeout: '0.3s' }] },
    ],
    clusters: Object.entries(ports).map(([name, port]) => ({ name, ports: [port] })),
  };
}
