import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Exchange, Filter, FilterKind } from '@sofamesh/contract/filter';
import { ResponseFlag } from '@sofamesh/contract/message';
import {
  chain,
  clusterConfig,
  filterConfig,
  forward,
  httpProxy,
  inline,
  listenerConfig,
  prefix,
  route,
  rpcProxy,
} from '../test-support/configs.ts';
import { answering, EngineWorld, type LinePeer, routerKind, type Upstream } from '../test-support/engine-world.ts';

const gauges = /cx_(\w+_)?active|listeners_active|membership|_open$/;

/** Something that a test can wait for and let go. */
class Gate {
  open!: () => void;
  fail!: (reason: Error) => void;
  readonly passed = new Promise<void>((resolve, reject) => {
    this.open = resolve;
    this.fail = reject;
  });
}

interface Made {
  readonly world: EngineWorld;
  readonly client: LinePeer;
  readonly rpc: LinePeer;
  readonly upstream: Upstream;
}

/** Filters by name; the chain is these in order, then the router. */
async function made(filters: Readonly<Record<string, (name: string) => Filter>>): Promise<Made> {
  const kinds = Object.entries(filters).map(([name, make]): FilterKind => ({ name, prepare: () => () => make(name) }));
  const world = new EngineWorld(kinds);
  const upstream = await world.upstream(1);
  const routes = inline([
    route(forward('shop'), prefix('/special'), { name: 'special', filterConfigs: { a: 'own' } }),
    route(forward('shop')),
  ]);
  const configs = [...Object.keys(filters), 'router'].map((name) => filterConfig(name));
  const rejections = await world.apply({
    clusters: [clusterConfig('shop', [1])],
    listeners: [
      listenerConfig([chain(httpProxy(routes, { filters: configs }))]),
      listenerConfig([chain(rpcProxy(routes, { filters: configs }))], {
        name: 'rpc',
        address: { kind: 'ip', host: '127.0.0.1', port: 8081 },
      }),
    ],
  });
  assert.deepEqual(rejections, []);
  return { world, client: await world.client(), rpc: await world.client(8081), upstream };
}

/** Notes every hook that is called. */
function noting(notes: string[]): (name: string) => Filter {
  return (name) => ({
    onRequestHead(head, _exchange, end) {
      notes.push(`${name} head ${head.path} ${end}`);
      return undefined;
    },
    onRequestData(chunk, _exchange, end) {
      notes.push(`${name} data ${chunk} ${end}`);
      return chunk;
    },
    onRequestTrailers(trailers) {
      notes.push(`${name} trailers ${trailers.get('t')}`);
      return undefined;
    },
    onResponseHead(head, _exchange, end) {
      notes.push(`${name} response ${head.status} ${end}`);
      return undefined;
    },
    onResponseData(chunk, _exchange, end) {
      notes.push(`${name} response data ${chunk} ${end}`);
      return chunk;
    },
    onResponseTrailers(trailers) {
      notes.push(`${name} response trailers ${trailers.get('t')}`);
      return undefined;
    },
    onEnd() {
      notes.push(`${name} end`);
    },
  });
}

describe('a chain of filters', () => {
  test('requests pass in order, responses in reverse, all in one turn', async () => {
    const notes: string[] = [];
    const { world, client, upstream } = await made({ a: noting(notes), b: noting(notes) });
    client.send('1 REQ POST host /x', '1 DAT body', '1 TRL. t=1');
    while (world.network.step());
    assert.deepEqual(notes.splice(0), [
      'a head /x false',
      'b head /x false',
      'a data body false',
      'b data body false',
      'a trailers 1',
      'b trailers 1',
    ]);
    upstream.peer.send('1 RSP 200', '1 DAT answer', '1 TRL. t=2');
    while (world.network.step());
    assert.deepEqual(notes, [
      'b response 200 false',
      'a response 200 false',
      'b response data answer false',
      'a response data answer false',
      'b response trailers 2',
      'a response trailers 2',
      'a end',
      'b end',
    ]);
  });

  for (const waits of [false, true]) {
    test(`a filter puts data in place of a response's trailers${waits ? ', later' : ''}`, async () => {
      const notes: string[] = [];
      const frame = (text: string | undefined) => Buffer.from(`[${text}]`);
      const change: Filter = {
        onResponseTrailers: (trailers) =>
          waits ? Promise.resolve(frame(trailers.get('t'))) : frame(trailers.get('t')),
      };
      const { world, client, upstream } = await made({ a: noting(notes), change: () => change, b: noting(notes) });
      client.send('1 REQ. GET host /x');
      await world.settle();
      upstream.peer.send('1 RSP 200', '1 DAT answer', '1 TRL. t=2');
      await world.settle();
      assert.deepEqual(client.lines.slice(1), ['1 DAT answer', '1 DAT. %5B2%5D']);
      assert.deepEqual(
        notes.filter((note) => /trailers|\[2\]|end$/.test(note)),
        ['b response trailers 2', 'a response data [2] true', 'a end', 'b end'],
      );
    });
  }

  test('the body of a whole message is shown once, and what is made of it is sent', async () => {
    const notes: string[] = [];
    const change: Filter = {
      onRequestData: (chunk) => Buffer.from(`${chunk}!`),
      onResponseData: (chunk) => Promise.resolve(Buffer.from(`${chunk}?`)),
    };
    const { world, rpc, upstream } = await made({ a: noting(notes), change: () => change, b: noting(notes) });
    rpc.send('5 CALL. GET host /x a=b body');
    await world.settle();
    assert.match(upstream.lines[0]!, / a=b body!$/);
    upstream.peer.send('1 BACK. 200 c=d answer');
    await world.settle();
    assert.equal(rpc.lines[0], '5 BACK. 200 c=d answer%3F');
    assert.deepEqual(notes.slice(0, 6), [
      'a head /x true',
      'a data body true',
      'b head /x true',
      'b data body! true',
      'b response 200 true',
      'b response data answer true',
    ]);
  });

  test('a filter that waits holds its direction, and nothing is lost or reordered', async () => {
    const gates = { head: new Gate(), data: new Gate(), response: new Gate(), responseData: new Gate() };
    const waiting: Filter = {
      onRequestHead: () => gates.head.passed,
      onRequestData: (chunk, _exchange, end) => (end ? chunk : gates.data.passed.then(() => Buffer.from(`<${chunk}>`))),
      onResponseHead: () => gates.response.passed,
      onResponseData: (chunk, _exchange, end) =>
        end ? chunk : gates.responseData.passed.then(() => Buffer.from(`(${chunk})`)),
    };
    const { world, client, upstream } = await made({ waiting: () => waiting });
    client.send('1 REQ POST host /', '1 DAT one', '1 DAT. two', '2 REQ. GET host /tea');
    await world.settle();
    assert.deepEqual(upstream.peers, []);
    gates.head.open();
    await world.settle();
    assert.deepEqual(
      upstream.take().map((line) => line.slice(0, 5)),
      ['1 REQ', '2 REQ'],
    );
    gates.data.open();
    await world.settle();
    assert.deepEqual(upstream.take(), ['1 DAT %3Cone%3E', '1 DAT. two']);
    upstream.peer.send('1 RSP 200', '1 DAT three', '1 DAT. four');
    await world.settle();
    assert.deepEqual(client.lines, []);
    gates.response.open();
    await world.settle();
    assert.equal(client.take().length, 1);
    gates.responseData.open();
    await world.settle();
    assert.deepEqual(client.take(), ['1 DAT (three)', '1 DAT. four']);
  });

  test('between two filters that wait, no data slips in', async () => {
    const gates = [new Gate(), new Gate()];
    let seen = 0;
    const { world, client, upstream } = await made({
      a: () => ({
        onRequestHead: () => gates[0]!.passed,
        onRequestData(chunk) {
          seen++;
          return chunk;
        },
      }),
      b: () => ({ onRequestHead: () => gates[1]!.passed }),
    });
    client.send('1 REQ POST host /');
    for (let parts = 0; parts < 20; parts++) client.send(`1 DAT ${parts}`);
    client.send('1 DAT. end');
    await world.settle();
    gates[0]!.open();
    await world.settle();
    assert.equal(upstream.peers.length, 0);
    assert.equal(seen, 0);
    gates[1]!.open();
    await world.settle();
    assert.equal(seen, 21);
    assert.equal(upstream.lines.length, 22);
  });

  test('an answer of a filter passes the response filters before it, and ends the chain', async () => {
    const notes: string[] = [];
    const answer: Filter = {
      onRequestHead(_head, exchange) {
        exchange.reply({
          status: 429,
          body: 'slow down',
          details: 'limited',
          flags: ResponseFlag.rateLimited,
          headers: [['retry-after', '1']],
        });
        return undefined;
      },
    };
    const mark: Filter = {
      onResponseHead(head) {
        head.set('marked', head.get('retry-after') ?? '');
        head.status = 430;
        return Promise.resolve();
      },
    };
    const { world, client, rpc, upstream } = await made({
      mark: () => mark,
      answer: () => answer,
      never: noting(notes),
    });
    client.send('1 REQ. GET host /');
    rpc.send('2 CALL. GET host / a=b body');
    await world.settle();
    assert.match(client.lines[0]!, /^1 RSP 430 retry-after=1;marked=1;date=[^;]*;local=limited$/);
    assert.equal(rpc.lines[0], '2 BACK. 430 retry-after=1;marked=1;local=limited slow%20down');
    assert.deepEqual(notes, ['never end', 'never end']);
    assert.deepEqual(world.logs, ['430 RL limited 0 -', '430 RL limited 0 -']);
    assert.deepEqual(upstream.peers, []);
  });

  test('an answer after a wait, or to a part of the body', async () => {
    const reply = (exchange: Exchange, details: string) =>
      exchange.reply({ status: 403, body: '', details, flags: ResponseFlag.none });
    const late: Filter = {
      async onRequestHead(head, exchange) {
        await exchange.sleep(10);
        if (head.path === '/late') reply(exchange, 'late');
      },
      onRequestData(chunk, exchange) {
        if (chunk.includes('bad')) reply(exchange, 'bad body');
        return chunk;
      },
    };
    const { world, client, upstream } = await made({ late: () => late });
    client.send('1 REQ. GET host /late', '2 REQ POST host /', '2 DAT good');
    await world.pass(15);
    client.send('2 DAT bad', '2 DAT. good');
    await world.settle();
    assert.deepEqual(world.logs, ['403 - late 0 -', '403 - bad body 1 10.0.0.1:1']);
    assert.deepEqual(upstream.lines.slice(1), ['1 DAT good', '1 RST. local-reset']);
    assert.deepEqual(world.stats.gaugesLeft(gauges), []);
  });

  test("a route's own configuration, and a route that is matched again", async () => {
    const seen: unknown[] = [];
    const a: Filter = {
      onRequestHead(head, exchange) {
        seen.push(exchange.route?.name, exchange.routeConfig('a'), exchange.routeConfig('b'));
        head.path = '/special';
        exchange.clearRoute();
        seen.push(exchange.route?.name, exchange.routeConfig('a'), exchange.route?.cluster);
        return undefined;
      },
    };
    const { world, client } = await made({ a: () => a });
    client.send('1 REQ. GET host /');
    await world.settle();
    assert.deepEqual(seen, ['r', undefined, undefined, 'special', 'own', 'shop']);
  });

  test('delays and faults, as the fault filter makes them', async () => {
    /** Delays that ended because their request did. */
    const woken: number[] = [];
    const fault: Filter = {
      onRequestHead(head, exchange) {
        const delayMs = Number(head.get('delay') ?? 0);
        exchange.addFlags(ResponseFlag.delayInjected);
        const slept = exchange.sleep(delayMs);
        slept.catch(() => woken.push(delayMs));
        return slept.then(() => {
          if (head.get('abort') === undefined) return;
          exchange.reply({ status: 503, body: '', details: 'abort', flags: ResponseFlag.faultInjected });
        });
      },
    };
    const { world, client, upstream } = await made({ fault: () => fault });
    client.send('1 REQ. GET host / delay=50', '2 REQ. GET host / delay=30;abort=1', '3 REQ. GET host / delay=100');
    await world.pass(45);
    assert.deepEqual(world.logs, ['503 DI,FI abort 0 -']);
    await world.pass(10);
    assert.equal(upstream.lines.length, 1);
    upstream.peer.send('1 RSP. 200');
    await world.settle();
    client.connection.close('now');
    await world.pass(1000);
    assert.deepEqual(world.logs.slice(1), [
      '200 DI via_upstream 1 10.0.0.1:1',
      '0 DC,DI downstream_remote_disconnect 0 -',
    ]);
    assert.deepEqual(woken, [100]);
    assert.equal(upstream.lines.length, 1, 'nothing runs for a request that is over');
    assert.equal(world.stats.get('vhost.all.route.r.upstream_rq_injected'), 1);
    assert.equal(world.stats.get('vhost.all.route.r.upstream_rq_error'), 0);
    assert.equal(world.records[1]!.upstreamServiceMs, 0, 'the delay is not the upstream’s');
  });
});

describe('a filter that wants the whole body', () => {
  const gathering = (bytesMax: number, seen: string[]): Filter => ({
    async onRequestHead(head, exchange) {
      const body = await exchange.bufferRequest(bytesMax);
      seen.push(body.toString());
      head.set('length', String(body.length));
    },
  });

  test('gets it, then the request goes on with it', async () => {
    const seen: string[] = [];
    const notes: string[] = [];
    const { world, client, rpc, upstream } = await made({
      before: noting(notes),
      gather: () => gathering(100, seen),
      after: noting(notes),
    });
    client.send('1 REQ POST host /', '1 DAT one', '1 DAT two');
    await world.settle();
    assert.equal(upstream.peers.length, 0);
    client.send('1 TRL. t=1', '2 REQ. GET host /', '3 REQ POST host /', '3 DAT. three');
    rpc.send('4 CALL. GET host / a=b body');
    await world.settle();
    assert.deepEqual(seen.toSorted(), ['', 'body', 'onetwo', 'three']);
    assert.deepEqual(
      notes.filter((note) => /data|trailers/.test(note)),
      [
        'before data one false',
        'before data two false',
        'before trailers 1',
        'before data three true',
        'before data body true',
        'after data onetwo false',
        'after trailers 1',
        'after data three true',
        'after data body true',
      ],
    );
    assert.deepEqual(
      upstream.peers[0]!.lines.map((line) => line.replace(/ .*length=/, ' ')).toSorted(),
      ['1 6', '1 DAT onetwo', '1 TRL. t=1', '2 0', '3 5', '3 DAT. three'].toSorted(),
    );
  });

  test('413 beyond its limit, streamed or whole', async () => {
    const seen: string[] = [];
    const { world, client, rpc, upstream } = await made({ gather: () => gathering(5, seen) });
    client.send('1 REQ POST host /', '1 DAT 123', '1 DAT 456', '1 DAT. 7');
    rpc.send('2 CALL. GET host / a=b 123456');
    await world.settle();
    assert.deepEqual(seen, []);
    assert.match(client.lines[0]!, /^1 RSP 413 .*request_payload_too_large/);
    assert.match(rpc.lines[0]!, /^2 BACK\. 413 /);
    assert.deepEqual(upstream.peers, []);
    assert.deepEqual(world.stats.gaugesLeft(gauges), []);
  });

  test('a client that leaves in between', async () => {
    const seen: string[] = [];
    const { world, client } = await made({ gather: () => gathering(50, seen) });
    client.send('1 REQ POST host /', '1 DAT 123');
    await world.settle();
    client.send('1 RST.');
    await world.settle();
    assert.deepEqual(seen, []);
    assert.deepEqual(world.logs, ['0 DC downstream_remote_disconnect 0 -']);
  });
});

describe('a chain that cannot be', () => {
  const refusals: readonly (readonly [names: readonly string[], reason: RegExp])[] = [
    [[], /at least a terminal filter/],
    [['a'], /\[0\] \(a\): the last filter must forward or answer/],
    [['router', 'a', 'router'], /\[0\] \(router\): must be the last filter/],
    [['nobody', 'router'], /\[0\] \(nobody\): no such filter/],
    [['bad', 'router'], /\[0\] \(bad\): percentage: -1/],
  ];
  for (const [names, reason] of refusals) {
    test(names.join(', ') || 'empty', async () => {
      const world = new EngineWorld([
        { name: 'a', prepare: () => () => ({}) },
        {
          name: 'bad',
          prepare: () => {
            throw new Error('percentage: -1');
          },
        },
      ]);
      const filters = names.map((name) => filterConfig(name));
      const [rejection, ...others] = await world.apply({
        listeners: [listenerConfig([chain(httpProxy(inline([]), { filters }))])],
      });
      assert.deepEqual([rejection?.kind, rejection?.name, others], ['listener', 'main', []]);
      assert.match(rejection!.reason, reason);
      assert.match(rejection!.reason, /^filter_chains\[0\]/);
    });
  }

  test('a disabled filter does not count', async () => {
    const world = new EngineWorld([{ name: 'a', prepare: () => assert.fail('must not be prepared') }]);
    await world.upstream(1, answering('RSP. 200'));
    const filters = [filterConfig('router'), { name: 'a', config: undefined, disabled: true }];
    const proxy = httpProxy(inline([route(forward('shop'))]), { filters });
    assert.deepEqual(
      await world.apply({ clusters: [clusterConfig('shop', [1])], listeners: [listenerConfig([chain(proxy)])] }),
      [],
    );
  });
});

test('a terminal filter alone may wait and gather as well', async () => {
  const terminal: FilterKind = {
    name: 'terminal',
    terminal: true,
    prepare: () => () => ({
      async onRequestHead(_head, exchange) {
        const body = await exchange.bufferRequest(100);
        exchange.reply({ status: 200, body: `got ${body}`, details: 'own', flags: 0 });
      },
    }),
  };
  const world = new EngineWorld([terminal, routerKind]);
  const proxy = httpProxy(inline([]), { filters: [filterConfig('terminal')] });
  await world.apply({ listeners: [listenerConfig([chain(proxy)])] });
  const client = await world.client();
  client.send('1 REQ POST host /', '1 DAT. body');
  await world.settle();
  assert.equal(client.lines[1], '1 DAT. got%20body');
});
