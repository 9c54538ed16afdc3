import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { RunningProcess } from '../peers/process.ts';

const bin = (program: string) => join(import.meta.dirname, '..', '..', 'apps', program, 'bin', `${program}.js`);
const folder = mkdtempSync(join(tmpdir(), 'pinned-node-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a program in a Node that says that it is `version`; what that one starts in turn says the truth. */
function startAs(version: string, program: string, ...args: string[]): RunningProcess {
  const preload = join(folder, `${version}.mjs`);
  writeFileSync(
    preload,
    `if (process.env.PRETENDS === undefined) {
      process.env.PRETENDS = '1';
      Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });
    }`,
  );
  const flags = ['--import', preload, bin(program), ...args];
  return new RunningProcess({ name: program, command: process.execPath, args: flags });
}

describe('a program started by an old Node', () => {
  test('runs with the pinned one, and its exit code comes through', async () => {
    const good = startAs('20.0.0', 'mosn', '--version');
    assert.deepEqual(await good.ended, { code: 0, signal: null });
    assert.match(good.output, /^mosn \d+\.\d+\.\d+ \(node v26\./m);
    // Of a program that loads sooner.
    const bad = startAs('20.0.0', 'meshctl', '--nonsense');
    assert.equal((await bad.ended).code, 2);
  });

  test('passes signals on', async () => {
    const mosn = startAs('20.0.0', 'mosn', '--config-yaml', '{}', '--concurrency', '1');
    await mosn.printed(/\[main\] ready/);
    process.kill(mosn.pid, 'SIGTERM');
    assert.deepEqual(await mosn.ended, { code: 0, signal: null });
    assert.match(mosn.output, /\[main\] exiting/);
  });

  test('that is only somewhat old runs with it, and is warned of', async () => {
    const meshctl = startAs('24.2.0', 'meshctl', '--version');
    assert.equal((await meshctl.ended).code, 0);
    assert.match(meshctl.output, /warning: Node .* lacks fixes/);
  });
});

for (const program of ['mosn', 'meshd', 'meshctl']) {
  test(`${program} starts without a warning`, async () => {
    const running = new RunningProcess({ name: program, command: process.execPath, args: [bin(program), '--help'] });
    assert.equal((await running.ended).code, 0);
    assert.match(running.output, new RegExp(`^Usage: ${program}`));
  });
}
