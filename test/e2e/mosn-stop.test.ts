import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { accepts } from '../peers/process.ts';
import { httpBootstrap, Mosn } from './support/mosn.ts';
import { Origin } from './support/origin.ts';

/** A mosn before a server that answers only when told. */
async function slowWorld(args: readonly string[]) {
  let finish: (() => void) | undefined;
  const origin = await Origin.start((_request, response) => {
    finish = () => response.end('late');
  });
  const mosn = await Mosn.start({ ...httpBootstrap(origin.port), args });
  const url = await mosn.url();
  const response = fetch(url);
  response.catch(() => {});
  await mosn.process.until('passed on the request', () => finish);
  const close = async () => {
    await mosn.stop();
    await origin.stop();
  };
  return { mosn, url, response, finish: () => finish!(), close };
}

describe('mosn that is told to stop', () => {
  for (const concurrency of ['1', '2']) {
    test(`finishes what it began, takes nothing new, and exits with 0 (${concurrency} workers)`, async (t) => {
      const { mosn, url, response, finish, close } = await slowWorld([
        '--concurrency',
        concurrency,
        '--drain-time-s',
        '20',
      ]);
      t.after(close);
      mosn.process.signal('SIGTERM');
      const port = Number(new URL(url).port);
      await mosn.process.until('stopped accepting', async () => !(await accepts(port)));
      assert.deepEqual(await mosn.ask('/ready'), { status: 503, text: 'DRAINING\n' });
      // The same signal, passed on by a parent.
      mosn.process.signal('SIGTERM');
      finish();
      assert.equal(await (await response).text(), 'late');
      assert.deepEqual(await mosn.process.ended, { code: 0, signal: null });
    });
  }

  test('gives up on connections at its deadline', async (t) => {
    const { mosn, response, close } = await slowWorld(['--concurrency', '1', '--drain-time-s', '1']);
    t.after(close);
    mosn.process.signal('SIGINT');
    await assert.rejects(response);
    assert.deepEqual(await mosn.process.ended, { code: 0, signal: null });
  });

  test('to drain its listeners closes those and goes on running', async (t) => {
    const origin = await Origin.start();
    t.after(() => origin.stop());
    const mosn = await Mosn.start({ ...httpBootstrap(origin.port) });
    t.after(() => mosn.stop());
    const port = Number(new URL(await mosn.url()).port);
    assert.deepEqual(await mosn.ask('/drain_listeners?inboundonly', { method: 'POST' }), { status: 200, text: 'OK\n' });
    assert.equal(await accepts(port), true);
    assert.deepEqual(await mosn.ask('/drain_listeners?graceful', { method: 'POST' }), { status: 200, text: 'OK\n' });
    await mosn.process.until('stopped accepting', async () => !(await accepts(port)));
    assert.equal((await mosn.ask('/listeners')).text, '');
    assert.equal((await mosn.ask('/ready')).status, 200);
  });

  test('by POST /quitquitquit exits with 0', async (t) => {
    const origin = await Origin.start();
    t.after(() => origin.stop());
    const mosn = await Mosn.start({ ...httpBootstrap(origin.port) });
    assert.equal((await fetch(await mosn.url())).status, 200);
    assert.deepEqual(await mosn.ask('/quitquitquit', { method: 'POST' }), { status: 200, text: 'OK\n' });
    assert.deepEqual(await mosn.process.ended, { code: 0, signal: null });
  });
});
