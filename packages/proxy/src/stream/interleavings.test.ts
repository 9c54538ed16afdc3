import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import type { SeededRandom } from '@sofamesh/base/random';
import { randomInteger } from '@sofamesh/base/random';
import type { Filter } from '@sofamesh/contract/filter';
import {
  chain,
  clusterConfig,
  filterConfig,
  forward,
  httpProxy,
  listenerConfig,
  retry,
  route,
  routeTable,
  rpcProxy,
} from '../test-support/configs.ts';
import { EngineWorld, type LinePeer } from '../test-support/engine-world.ts';

/** A filter that now and then waits, answers, fails or gathers. */
const moody = (random: SeededRandom): Filter => ({
  onRequestHead(_head, exchange) {
    switch (randomInteger(random, 12)) {
      case 0:
        return exchange.sleep(randomInteger(random, 30));
      case 1:
        exchange.reply({ status: 429, body: '', details: 'moody', flags: 0 });
        return undefined;
      case 2:
        return exchange.bufferRequest(1000).then(() => {});
      case 3:
        return Promise.reject(new Error('moody'));
      default:
        return undefined;
    }
  },
  onRequestData: (chunk) => (randomInteger(random, 6) === 0 ? Promise.resolve(chunk) : chunk),
  onResponseHead: () => (randomInteger(random, 6) === 0 ? Promise.resolve() : undefined),
  onResponseData: (chunk) => (randomInteger(random, 6) === 0 ? Promise.resolve(chunk) : chunk),
});

interface Asked {
  readonly client: LinePeer;
  readonly id: number;
  /** Nobody else's. */
  readonly token: string;
  readonly oneWay: boolean;
  givenUp: boolean;
}

/** Requests of a few clients, answered, broken off and interleaved at random. */
class Bustle {
  readonly world: EngineWorld;
  readonly random: SeededRandom;
  readonly asked: Asked[] = [];
  readonly #clients: LinePeer[] = [];
  #started = 0;

  constructor(seed: number) {
    this.world = new EngineWorld([{ name: 'moody', prepare: () => () => moody(this.random) }], { seed });
    this.random = this.world.random;
  }

  async begin(): Promise<void> {
    for (const port of [1, 2]) await this.world.upstream(port, (line, peer) => this.#answer(line, peer));
    const action = forward('shop', { timeoutMs: 120, retry: retry(['5xx'], { retriesMax: 2, perTryTimeoutMs: 50 }) });
    const filters = [filterConfig('moody'), filterConfig('router')];
    const http = httpProxy({ kind: 'named', name: 'routes' }, { filters, streamIdleTimeoutMs: 200 });
    const rpc = rpcProxy({ kind: 'named', name: 'routes' }, { filters, streamIdleTimeoutMs: 200 });
    const limits = { connectionsMax: 3, pendingRequestsMax: 4, requestsMax: 8, retriesMax: 2 };
    const httpCodec = { kind: 'named', name: this.#chance(2) ? 'lines' : 'lines1' } as const;
    const rejections = await this.world.apply({
      clusters: [clusterConfig('shop', [1, 2, 3], { limits, httpCodec, bufferBytesMax: 400 })],
      routes: [routeTable([route(action)])],
      listeners: [
        listenerConfig([chain(http)], { bufferBytesMax: 400 }),
        listenerConfig([chain(rpc)], { name: 'rpc', address: ipAddress('127.0.0.1', 8081) }),
      ],
    });
    assert.deepEqual(rejections, []);
    for (const port of [8080, 8080, 8081, 8081]) this.#clients.push(await this.world.client(port));
  }

  #chance(of: number): boolean {
    return randomInteger(this.random, of) === 0;
  }

  /** An upstream has read a line. */
  #answer(line: string, peer: LinePeer): void {
    const token = /token=(t\d+)/.exec(line)?.[1];
    if (token === undefined) return;
    const [id, verb = ''] = line.split(' ') as [string, string];
    const whole = verb.startsWith('CALL');
    switch (randomInteger(this.random, 12)) {
      case 0:
        return;
      case 1:
        peer.connection.close(this.#chance(2) ? 'reset' : 'flush');
        return;
      case 2:
        peer.send(`${id} RST. ${this.#chance(2) ? 'refused' : 'remote-reset'}`);
        return;
      case 3:
        peer.send('rubbish');
        return;
      case 4:
        peer.send(`${id} ${whole ? 'BACK. 503' : 'RSP. 503'} token=${token}`);
        return;
      case 5:
        if (!whole) peer.send(`${id} RSP 200 token=${token}`, `${id} DAT ${token}`, `${id} RST. remote-reset`);
        return;
      case 6:
        peer.send(`${Number(id) + 1000} ${whole ? 'BACK.' : 'RSP.'} 200 token=unsolicited`);
        return;
      default:
        if (whole) peer.send(`${id} BACK. 200 token=${token} ${token}`);
        else if (this.#chance(2)) peer.send(`${id} RSP. 200 token=${token}`);
        else {
          peer.send(`${id} INF 103 token=${token}`, `${id} RSP 200 token=${token}`);
          for (let parts = randomInteger(this.random, 20); parts > 0; parts--)
            peer.send(`${id} DAT ${token}-${'x'.repeat(40)}`);
          peer.send(this.#chance(3) ? `${id} TRL. token=${token}` : `${id} DAT. ${token}`);
        }
    }
  }

  /** Something happens. */
  async act(): Promise<void> {
    const at = randomInteger(this.random, this.#clients.length);
    const client = this.#clients[at]!;
    switch (randomInteger(this.random, 16)) {
      case 0:
        await this.world.pass(randomInteger(this.random, 40));
        return;
      case 1: {
        const open = this.asked.filter((each) => each.client === client && !each.givenUp);
        const one = open[randomInteger(this.random, Math.max(open.length, 1))];
        if (one === undefined) return;
        one.givenUp = true;
        client.send(`${one.id} RST. remote-reset`);
        return;
      }
      case 2:
        if (!this.#chance(3)) return;
        for (const each of this.asked) if (each.client === client) each.givenUp = true;
        client.connection.close(this.#chance(2) ? 'reset' : 'now');
        this.#clients[at] = await this.world.client(at < 2 ? 8080 : 8081);
        return;
      case 3:
        if (client.connection.bytesSent % 2 === 0) client.connection.pauseReading();
        else client.connection.resumeReading();
        return;
      case 4:
        for (let steps = randomInteger(this.random, 30); steps > 0; steps--) this.world.network.step();
        for (let turns = 0; turns < 5; turns++) await Promise.resolve();
        return;
      default:
        this.#ask(client, at >= 2);
    }
  }

  #ask(client: LinePeer, rpc: boolean): void {
    const id = ++this.#started;
    const token = `t${id}`;
    const oneWay = rpc && this.#chance(6);
    this.asked.push({ client, id, token, oneWay, givenUp: false });
    if (rpc) client.send(`${id} ${oneWay ? 'TELL' : 'CALL'}. GET host / token=${token} ${token}`);
    else if (this.#chance(2)) client.send(`${id} REQ. GET host / token=${token}`);
    else {
      client.send(`${id} REQ POST host / token=${token}`);
      for (let parts = randomInteger(this.random, 12); parts > 0; parts--)
        client.send(`${id} DAT ${token}-${'y'.repeat(40)}`);
      client.send(this.#chance(2) ? `${id} DAT. ${token}` : `${id} TRL. token=${token}`);
    }
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.connection.resumeReading();
    for (const { client } of this.asked) client.connection.resumeReading();
    for (let times = 0; times < 12; times++) await this.world.pass(50);
    this.check();
    const drained = this.world.engine.drain(100);
    for (let times = 0; times < 30; times++) await this.world.pass(50);
    await drained;
    await this.world.settle();
    const { world } = this;
    assert.deepEqual(world.stats.gaugesLeft(/listeners_active|membership/), []);
    assert.deepEqual(world.network.connections, []);
    assert.equal(world.clock.nextDueMs(), undefined, 'a timer is left');
    const started = world.stats.get('http.in.downstream_rq_total');
    assert.equal(world.logs.length, started, 'one log line for each request');
    assert.ok(started > 0);
  }

  check(): void {
    for (const { client, id, token, oneWay, givenUp } of this.asked) {
      const lines = client.lines.filter((line) => line.startsWith(`${id} `));
      const endings = lines.filter((line) => /^\d+ [A-Z]+\./.test(line));
      const what = `${token}: ${lines.join(' | ')}`;
      assert.ok(endings.length <= 1, `more than one ending: ${what}`);
      assert.ok(endings.length === 0 || lines.at(-1) === endings[0], `something after the end: ${what}`);
      if (oneWay) assert.deepEqual(lines, [], what);
      else if (!givenUp && client.closed === undefined) assert.equal(endings.length, 1, `no ending: ${what}`);
      for (const line of lines) {
        const found = /\bt\d+\b|unsolicited/.exec(line)?.[0];
        assert.ok(found === undefined || found === token, `another's answer: ${what}`);
      }
    }
  }
}

const worlds = 25;

test('whatever happens in whatever order: one ending for each request, nobody else’s answer, nothing left', async () => {
  for (let seed = 1; seed <= worlds; seed++) {
    const bustle = new Bustle(seed);
    try {
      await bustle.begin();
      for (let acts = 0; acts < 60; acts++) await bustle.act();
      await bustle.end();
    } catch (thrown) {
      throw new Error(`seed ${seed}`, { cause: thrown });
    }
  }
});
