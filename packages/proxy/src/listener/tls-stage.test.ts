import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '@sofamesh/base/logger';
import type { EarlyNetworkFilterKind, TerminalNetworkFilterKind } from '@sofamesh/contract/network-filter';
import type { ServerTls } from '@sofamesh/contract/transport';
import { Behind } from '@sofamesh/testkit/network-filter-suite/index';
import { ScriptedConnection } from '@sofamesh/testkit/scripted-connection';
import type { CatalogueFilterConfig } from '../config/listener.ts';
import { chain, listenerConfig } from '../test-support/configs.ts';
import { EngineWorld } from '../test-support/engine-world.ts';
import { TlsStage } from './tls-stage.ts';

const filter = (name: string, config?: unknown): CatalogueFilterConfig => ({ kind: 'catalogue', name, config });

class World extends EngineWorld {
  /** What was seen of connections, by whom. */
  readonly seen: string[];

  constructor() {
    const seen: string[] = [];
    const early = (name: string, beforeTls: boolean, pass: boolean): EarlyNetworkFilterKind => ({
      name,
      terminal: false,
      ...(beforeTls && { beforeTls }),
      wrap: (word, _environment, next) => ({
        accept: (connection, done, state) => {
          seen.push(`${word} ${connection.tls === undefined ? 'plain' : 'TLS'}`);
          next.accept(connection, done, pass ? state : {});
        },
        drain: () => next.drain(),
        close: () => next.close(),
        get activeConnections() {
          return next.activeConnections;
        },
      }),
    });
    const ends: TerminalNetworkFilterKind = {
      name: 'ends',
      terminal: true,
      create: () => {
        const behind = new Behind();
        return {
          accept: (connection, done, state) => {
            seen.push(`last ${connection.tls === undefined ? 'plain' : 'TLS'} ${JSON.stringify(state ?? {})}`);
            behind.accept(connection, done, state);
          },
          drain: () => behind.drain(),
          close: () => behind.close(),
          get activeConnections() {
            return behind.activeConnections;
          },
        };
      },
    };
    super([], {
      networkFilters: [early('before', true, true), early('after', false, true), early('forgets', true, false), ends],
    });
    this.seen = seen;
  }

  async start(version: string, tls: ServerTls | undefined, ...earlyFilters: CatalogueFilterConfig[]): Promise<void> {
    const listener = listenerConfig([chain(filter('ends'), { tls, earlyFilters })], { version });
    assert.deepEqual(await this.apply({ listeners: [listener] }), []);
  }

  /** What a connection is seen by, and whether it is served. */
  async connect(): Promise<readonly [seen: string[], served: boolean]> {
    const client = await this.client();
    client.send('hello');
    await this.settle();
    const served = client.take().length === 1;
    client.connection.close('now');
    await this.settle();
    assert.equal(this.engine.status().listeners[0]!.connections, 0);
    return [this.seen.splice(0), served];
  }
}

const tls = { certificates: [] } as unknown as ServerTls;

describe('TLS among network filters', () => {
  test('begins before the first that needs it', async () => {
    const world = new World();
    await world.start('1', tls, filter('before', 'a'), filter('after', 'b'), filter('before', 'c'));
    assert.deepEqual(await world.connect(), [['a plain', 'b TLS', 'c TLS', 'last TLS {}'], true]);
    await world.start('2', tls, filter('before', 'a'), filter('before', 'b'));
    assert.deepEqual(await world.connect(), [['a plain', 'b plain', 'last TLS {}'], true]);
    await world.start('3', tls, filter('after', 'a'), filter('before', 'b'));
    assert.deepEqual(await world.connect(), [['a TLS', 'b TLS', 'last TLS {}'], true]);
    await world.start('4', tls);
    assert.deepEqual(await world.connect(), [['last TLS {}'], true]);
  });

  test('comes and goes with the configuration, and nobody is served without what it asks for', async () => {
    const world = new World();
    const filters = [filter('before', 'a'), filter('before', 'b')];
    await world.start('1', undefined, ...filters);
    assert.deepEqual(await world.connect(), [['a plain', 'b plain', 'last plain {}'], true]);
    await world.start('2', tls, ...filters);
    assert.deepEqual(await world.connect(), [['a plain', 'b plain', 'last TLS {}'], true]);
    await world.start('3', { ...tls, certificates: [{}] } as never, ...filters);
    assert.deepEqual(await world.connect(), [['a plain', 'b plain', 'last TLS {}'], true]);
    await world.start('4', undefined, ...filters);
    assert.deepEqual(await world.connect(), [['a plain', 'b plain', 'last plain {}'], true]);
  });

  test('is not left out by a filter that does not pass on what came', async () => {
    const world = new World();
    await world.start('1', tls, filter('forgets', 'a'));
    assert.deepEqual(await world.connect(), [['a plain'], false]);
  });

  test('that fails ends the connection', async () => {
    const world = new World();
    world.network.tlsFailure = { kind: 'tls-failed', reason: 'x' };
    await world.start('1', tls, filter('before', 'a'));
    assert.deepEqual(await world.connect(), [['a plain'], false]);
    assert.equal(world.stats.value('listener.127.0.0.1_8080.ssl.connection_error'), 1);
  });

  test('is cut by closing, and counted until then', () => {
    const behind = new Behind();
    const stage = new TlsStage(behind, silentLogger);
    const [one, two] = [new ScriptedConnection(), new ScriptedConnection()];
    const told: string[] = [];
    const ends = new Map<string, () => void>();
    for (const [name, connection] of [
      ['one', one],
      ['two', two],
    ] as const) {
      const secure = (secured: () => void, gone: () => void) => {
        ends.set(`${name} secured`, secured).set(`${name} gone`, gone);
      };
      stage.accept(connection, () => told.push(name), { secure, cluster: 'c' });
    }
    assert.equal(stage.activeConnections, 2);
    ends.get('one secured')!();
    assert.deepEqual([stage.activeConnections, behind.activeConnections], [2, 1]);
    assert.deepEqual(behind.states, [{ cluster: 'c' }]);
    stage.drain();
    assert.equal(behind.drains, 1);
    stage.close();
    assert.deepEqual([one.closed, two.closed], ['now', 'now']);
    ends.get('two gone')!();
    assert.deepEqual([told, stage.activeConnections], [['two'], 1]);
  });
});
