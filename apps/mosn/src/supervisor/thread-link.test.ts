import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '@sofamesh/base/clock';
import { ManualClock } from '@sofamesh/base/manual-clock';
import type { MetricDefinition } from '@sofamesh/telemetry/metrics/thread-stats';
import { ThreadLink } from './thread-link.ts';
import { isWorkerEnded } from './worker-link.ts';

const settings = { levels: { level: 'off', components: {} }, logPath: undefined, drainMs: 1_000 } as const;

function start(
  entry: string,
  clock = systemClock,
  onMetrics: (definitions: readonly MetricDefinition[]) => void = () => {},
) {
  return ThreadLink.start({ id: 1, entry: new URL(entry, import.meta.url), settings, clock, onMetrics });
}

const entry = './test-support/thread-entry.ts';

describe('a worker thread', () => {
  test('answers, and tells of its metrics', async () => {
    const names: string[] = [];
    const link = await start(entry, systemClock, (definitions) => names.push(...definitions.map(({ name }) => name)));
    assert.deepEqual(await link.send('status', undefined), { listeners: [], clusters: [] });
    assert.deepEqual(names, ['c']);
    await assert.rejects(
      link.send('commit', []),
      (thrown: Error) => !isWorkerEnded(thrown) && /nothing prepared/.test(thrown.message),
    );
    await link.terminate();
    assert.equal(await link.ended, 'terminated');
    await assert.rejects(link.send('status', undefined), isWorkerEnded);
  });

  test('that crashes answers everything that waits for it', async () => {
    const link = await start(entry);
    const silent = link.send('close', undefined);
    const fatal = link.send('prepare', {});
    await assert.rejects(silent, isWorkerEnded);
    await assert.rejects(fatal, isWorkerEnded);
    assert.match(await link.ended, /fell over/);
  });

  test('that is stuck is ended', async () => {
    const clock = new ManualClock();
    const link = await start(entry, clock);
    const stuck = link.send('close', undefined);
    clock.advance(30_000);
    await assert.rejects(stuck, isWorkerEnded);
    assert.match(await link.ended, /no answer to close for 30 s/);
  });

  test('that cannot be loaded does not start', async () => {
    await assert.rejects(start('./test-support/missing.ts'), isWorkerEnded);
  });
});
