import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '@sofamesh/base/clock';
import { StatsAggregate } from '../metrics/aggregate.ts';
import { ThreadStats } from '../metrics/thread-stats.ts';
import { LineFile } from './line-file.ts';

function world(t: { after(action: () => void): void }, target: string, waitingCharactersMax = 1000) {
  const folder = mkdtempSync(join(tmpdir(), 'lines-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const aggregate = new StatsAggregate();
  const stats = new ThreadStats((definition) => aggregate.define(0, definition));
  const path = join(folder, target);
  const file = new LineFile({
    clock: systemClock,
    target: path,
    flushIntervalMs: 5,
    flushCharacters: 100,
    waitingCharactersMax,
    written: stats.counter('written'),
    dropped: stats.counter('dropped'),
  });
  return { file, path, folder, value: (name: string) => aggregate.value(name) };
}

test('writes every line in order and counts them', async (t) => {
  const { file, path, value } = world(t, 'log');
  const lines = Array.from({ length: 50 }, (_, at) => `line ${at}\n`);
  for (const line of lines) file.append(line);
  await file.close();
  assert.equal(readFileSync(path, 'utf8'), lines.join(''));
  assert.equal(value('written'), 50);
});

test('drops and counts what does not fit, and never waits', async (t) => {
  const { file, path, value } = world(t, 'log', 20);
  for (let at = 0; at < 10; at++) file.append('12345678\n');
  await file.close();
  assert.equal(readFileSync(path, 'utf8'), '12345678\n'.repeat(2));
  assert.equal(value('dropped'), 8);
});

test('a file that cannot be opened costs lines, not the process, and is tried again', async (t) => {
  const { file, path, folder, value } = world(t, 'missing/log');
  file.append('lost\n');
  await t.waitFor(() => assert.equal(value('dropped'), 1));
  mkdirSync(join(folder, 'missing'));
  file.append('kept\n');
  await t.waitFor(() => assert.equal(readFileSync(path, 'utf8'), 'kept\n'), { timeout: 5000 });
  await file.close();
});
