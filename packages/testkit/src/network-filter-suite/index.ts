import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FieldError } from '@sofamesh/base/field-error';
import type { NetworkFilterKind, NetworkFilterReader } from '@sofamesh/contract/network-filter';
import { NetworkFilterWorld } from './world.ts';

export { Behind, NetworkFilterWorld, type SuiteClient } from './world.ts';

export interface NetworkFilterFixtures<Config> {
  readonly reader: NetworkFilterReader<Config>;
  /** Encoded messages of the reader's first type. */
  readonly configs: readonly { readonly name: string; readonly message: Uint8Array }[];
  /** Those that it refuses, with the field that it names. Default: none but bytes that are no message. */
  readonly refused?: readonly { readonly message: Uint8Array; readonly field: string }[];
  /** After this much time no connection that was refused is left. Default 60,000. */
  readonly holdsMsMax?: number;
}

/** What every network filter promises, whatever it is for. Its own tests say the rest. */
export function networkFilterSuite<Config>(
  typed: NetworkFilterKind<Config>,
  { reader, configs, refused = [], holdsMsMax = 60_000 }: NetworkFilterFixtures<Config>,
): void {
  const kind = typed as NetworkFilterKind;
  const [schema] = reader.schemas as readonly { readonly typeName: string }[];
  const read = (message: Uint8Array) => structuredClone(reader.read(schema!.typeName, message));
  const makeWorld = (message: Uint8Array) => new NetworkFilterWorld(kind, read(message));

  describe(`network filter ${kind.name}`, () => {
    test('its two halves are of one kind', () => {
      assert.equal(reader.name, kind.name);
      assert.equal(reader.terminal, kind.terminal);
    });

    for (const { name, message } of configs) {
      test(`${name}: is read into plain data, the same each time`, () => {
        // Chains are kept as they are while their configuration is equal, and it crosses threads.
        assert.deepEqual(read(message), reader.read(schema!.typeName, message));
      });

      test(`${name}: serves a client until it ends`, () => {
        const world = makeWorld(message);
        const client = world.connect();
        assert.equal(world.filter.activeConnections, 1);
        client.send('one');
        client.send('two');
        client.end();
        client.end();
        world.pass(holdsMsMax);
        client.leave();
        world.checkEmpty();
      });

      test(`${name}: a client that goes at any moment leaves nothing behind`, () => {
        const moments: ((world: NetworkFilterWorld, client: ReturnType<NetworkFilterWorld['connect']>) => void)[] = [
          () => {},
          (_world, client) => client.send('one'),
          (_world, client) => client.end(),
          (world) => world.clock.advance(1),
          (world) => world.filter.drain(),
          (world) => world.filter.close(),
        ];
        for (const moment of moments) {
          const world = makeWorld(message);
          const client = world.connect();
          moment(world, client);
          client.leave();
          world.checkEmpty();
          world.clock.advance(2 * holdsMsMax);
          world.checkEmpty();
        }
      });

      test(`${name}: closing ends every connection; draining none but those that it can tell`, () => {
        const world = makeWorld(message);
        for (let count = 0; count < 5; count++) world.connect().send('x');
        world.filter.drain();
        assert.equal(world.filter.activeConnections, world.waitingForDone);
        if (!kind.terminal) assert.equal(world.behind.drains, 1, 'the filter behind it drains, too');
        world.filter.close();
        for (const { connection } of world.clients) assert.notEqual(connection.closed, undefined);
        world.settle();
        world.checkEmpty();
        world.filter.close();
      });

      test(`${name}: connections do not meet, and are counted until they are done`, () => {
        const world = makeWorld(message);
        for (let turn = 0; turn < 60; turn++) {
          const client = world.connect();
          client.send(`${turn}`);
          if (turn % 3 === 0) client.leave();
          if (turn % 7 === 0) world.clients[turn >> 1]!.end();
          if (turn % 11 === 0) world.pass(1);
          assert.equal(world.filter.activeConnections, world.waitingForDone);
        }
        for (const client of world.clients) client.end();
        world.pass(holdsMsMax);
        for (const client of world.clients) client.leave();
        world.checkEmpty();
      });

      if (!kind.terminal) {
        test(`${name}: what filters before it know goes on`, () => {
          const world = makeWorld(message);
          // The engine has more in it than the contract says.
          const state = { cluster: 'chosen before', more: 'of the engine' };
          world.connect({}, state);
          world.connect({ requestedServerName: 'name' }, state);
          assert.deepEqual(world.behind.states[0], state);
          for (const each of world.behind.states) assert.deepEqual({ ...each, cluster: state.cluster }, state);
        });

        test(`${name}: bytes pass as they are`, () => {
          const world = makeWorld(message);
          const client = world.connect();
          client.send('one');
          client.send('two');
          assert.equal(client.connection.take().toString(), 'onetwo');
        });
      }
    }

    for (const { message, field } of refused) {
      test(`refuses a bad ${field}, by its name`, () => {
        assert.throws(
          () => read(message),
          (thrown: unknown) => {
            assert.ok(thrown instanceof FieldError, `${thrown}`);
            assert.equal(thrown.path, field);
            return true;
          },
        );
      });
    }

    test('refuses what is no message', () => {
      assert.throws(() => read(Buffer.from([0x0a, 0xff, 0x01])));
    });
  });
}
