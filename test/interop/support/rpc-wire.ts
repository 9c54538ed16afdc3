import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsMosn } from './proxy.ts';
import { RawConnection } from './raw-connection.ts';
import { labelOf } from './rpc-matrix.ts';
import { RpcProgram } from './rpc-programs.ts';
import { listenerName, type RpcCaller, type RpcWorld } from './rpc-world.ts';

/** What only a look at the bytes, or at several clients together, shows. */
export interface WireCases {
  /** Heartbeats and the answers to them, in hex. */
  heartbeats: readonly (readonly [request: string, answer: string])[];
  /** The head of a frame that claims to be longer than any frame may be, in hex. */
  oversized?: string;
  /** No client closes a connection by itself, so that the proxy would be to blame for each that has ended. */
  clientsKeepConnections: boolean;
  /** A caller of which several are started, all with the same request ids, beside the ones that run. */
  crowd: RpcCaller;
}

const crowdSize = 4;

export function rpcWire(world: RpcWorld, { heartbeats, oversized, clientsKeepConnections, crowd }: WireCases): void {
  const endpoint = crowd.to[0]!;
  const here = listenerName('one proxy', endpoint);

  if (clientsKeepConnections)
    test('no client has lost a connection, for all its heartbeats, timeouts and errors', {
      skip: needsMosn,
    }, async () => {
      for (const listener of world.near.listeners)
        assert.equal(await world.near.connectionsEnded(listener), 0, `on ${listener}`);
    });

  if (heartbeats.length > 0)
    test('heartbeats are answered without an upstream', { skip: needsMosn }, async () => {
      const connection = await RawConnection.open(world.near.port(listenerName('dead', endpoint)));
      for (const [request, answer] of heartbeats) {
        connection.send(Buffer.from(request, 'hex'));
        assert.equal((await connection.take(answer.length / 2)).toString('hex'), answer);
      }
      connection.end();
    });

  test('clients with the same request ids each get their own answers', async () => {
    const launch = world.spec.clients[crowd.client]!;
    const more = await Promise.all(Array.from({ length: crowdSize }, () => RpcProgram.start(launch())));
    try {
      const address = world.near.address(here);
      const callers = world.spec.callers.filter(({ to, streams }) => to.includes(endpoint) && !streams);
      const clients = [
        ...more.map((program) => program.at(address, crowd.style)),
        ...callers.map((caller) => world.client(caller, 'one proxy', endpoint)),
      ];
      const right = await Promise.all(clients.map((client, i) => client.get('many', `client-${i}`, 200, 8)));
      assert.deepEqual(
        right,
        clients.map(() => '200'),
      );
    } finally {
      await Promise.all(more.map(({ running }) => running.stop()));
    }
  });

  if (oversized !== undefined)
    test(`nonsense closes its own connection only: ${labelOf(crowd)}`, { skip: needsMosn }, async () => {
      const client = world.client(crowd, 'one proxy', endpoint);
      const calls = client.get('many', 'bystander', 200, 8);
      const frame = Buffer.from(oversized, 'hex');
      for (const nonsense of [Buffer.from('NONSENSE / nothing\r\n\r\n'.repeat(4)), frame]) {
        const vandal = await RawConnection.open(world.near.port(here));
        vandal.send(nonsense);
        await vandal.closed();
      }
      const quitter = await RawConnection.open(world.near.port(here));
      quitter.send(frame.subarray(0, frame.length - 1));
      quitter.finish();
      assert.equal((await quitter.closed()).length, 0);
      assert.equal(await calls, '200');
      assert.equal(await client.get('echo', 'unharmed'), 'unharmed');
    });
}
