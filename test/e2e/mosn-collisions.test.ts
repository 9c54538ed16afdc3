import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomInteger, SeededRandom } from '@sofamesh/base/random';
import { freePort } from '../peers/ports.ts';
import { rpcWires } from '../sim/support/wires.ts';
import { Mosn } from './support/mosn.ts';
import { routesTo, rpcCluster, rpcListener } from './support/rpc-bootstrap.ts';
import { TokenClient, TokenServer, type Troubles } from './support/token-peers.ts';

const clientCount = 100;
const callsPerClient = 8;
const troubles: Troubles = { slow: 30, drop: 8, twice: 20, stray: 20, reset: 2 };
/** Clients begin within this time. */
const spreadMs = 300;
const timeout = '0.8s';

/** One way of calls through mosn, with servers of its own. */
const ways = [
  { name: 'bolt inside HTTP/2', protocol: 'bolt', listener: 'bolt' },
  { name: 'thrift, a call at a time on a connection', protocol: 'thrift', listener: 'thrift' },
  { name: 'tars', protocol: 'tars', listener: 'tars' },
] as const;

describe(`${clientCount} clients whose ids collide, and servers that are slow, silent, wrong or gone`, () => {
  const random = new SeededRandom(20_260_101);
  const servers = new Map<string, readonly TokenServer[]>();
  let mosn: Mosn;

  before(async () => {
    for (const { protocol } of ways) {
      const both = [new TokenServer(rpcWires[protocol], random), new TokenServer(rpcWires[protocol], random)];
      for (const server of both) await server.start();
      servers.set(protocol, both);
    }
    const ports = (protocol: string) => servers.get(protocol)!.map(({ port }) => port);
    const inbound = await freePort();
    mosn = await Mosn.start({
      bootstrap: {
        admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
        static_resources: {
          listeners: [
            rpcListener('inbound', 'bolt', inbound, { route_config: routesTo('bolt-servers', timeout) }),
            rpcListener('bolt', 'bolt', 0, { route_config: routesTo('sidecar', '1.5s') }),
            rpcListener('thrift', 'thrift', 0, { route_config: routesTo('thrift-servers', timeout) }),
            rpcListener('tars', 'tars', 0, { route_config: routesTo('tars-servers', timeout) }),
          ],
          clusters: [
            rpcCluster('sidecar', [inbound], { carrier: 'HTTP2' }),
            ...ways.map(({ protocol }) =>
              // A reset costs all calls of a connection, so that there are some more of these.
              rpcCluster(`${protocol}-servers`, ports(protocol), { connections_per_host: 4 }),
            ),
          ],
        },
      },
    });
  });

  after(async () => {
    await mosn?.stop();
    for (const server of [...servers.values()].flat()) await server.stop();
  });

  for (const { name, protocol, listener } of ways) {
    test(name, async (context) => {
      const wire = rpcWires[protocol];
      const port = Number(new URL(await mosn.url(listener)).port);
      for (const server of servers.get(protocol)!) server.troubles = troubles;
      const clients = await Promise.all(
        Array.from({ length: clientCount }, (_, at) => TokenClient.connect(wire, String(at), port)),
      );
      const oneWays: string[] = [];
      const endings = clients.map(async (client) => {
        const calls: Promise<unknown>[] = [];
        await sleep(randomInteger(random, spreadMs));
        for (let id = 1; id <= callsPerClient; id++) calls.push(client.call(id, id === 1 ? 20_000 : 50));
        oneWays.push(client.callOneWay(callsPerClient + 1));
        await Promise.all(calls);
        // The same ids once more, each as soon as it is free.
        for (let id = 1; id <= 2; id++) await client.call(id);
      });
      await Promise.all(endings);
      const sum = (what: 'answer' | 'error') => clients.reduce((total, { counts }) => total + counts[what], 0);
      context.diagnostic(`${sum('answer')} answers, ${sum('error')} errors`);
      assert.equal(sum('answer') + sum('error'), clientCount * (callsPerClient + 2));
      // How many are too late depends on the machine.
      assert.ok(sum('answer') > clientCount, 'calls are answered');
      assert.ok(sum('error') > 0, 'some servers did wrong');

      for (const server of servers.get(protocol)!) server.troubles = {};
      // Whatever happened: every client is still connected and served.
      for (let round = 0; round < 2; round++) await Promise.all(clients.map((client) => client.call(7)));
      const last = await Promise.all(clients.map((client) => client.call(7)));
      assert.deepEqual(new Set(last), new Set(['answer']));
      assert.deepEqual(
        clients.flatMap(({ violations }) => violations),
        [],
      );
      const seen = servers.get(protocol)!.flatMap((server) => [...server.seen]);
      assert.deepEqual(
        seen.filter(([, times]) => times > 1),
        [],
        'nothing is carried out twice',
      );
      const arrived = new Set(seen.map(([token]) => token));
      assert.ok(oneWays.filter((token) => arrived.has(token)).length > clientCount / 2, 'one-way calls arrive');

      const prefix = `http.${listener}.downstream_rq_`;
      const total = await mosn.stat(`${prefix}total`);
      assert.equal(total, clientCount * (callsPerClient + 2 + 1 + 3));
      assert.equal((await mosn.stat(`${prefix}completed`)) + (await mosn.stat(`${prefix}one_way`)), total);
      assert.equal(await mosn.stat(`${prefix}active`), 0);
      for (const client of clients) client.close();
    });
  }
});
