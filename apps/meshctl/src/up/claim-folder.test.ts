import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { claimFolder, releaseFolder } from './claim-folder.ts';

const root = mkdtempSync(join(tmpdir(), 'claim-'));
after(() => rmSync(root, { recursive: true, force: true }));

describe('the folder of a running mesh', () => {
  const folder = join(root, '.mesh');

  test('is emptied, and free again when it is released', () => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'old'), '');
    claimFolder(folder);
    assert.ok(!existsSync(join(folder, 'old')));
    writeFileSync(join(folder, 'log'), '');
    releaseFolder(folder);
    assert.ok(existsSync(join(folder, 'log')));
    assert.ok(!existsSync(join(folder, 'pid')));
  });

  test('is refused while another process has it, and left as it is', () => {
    writeFileSync(join(folder, 'pid'), String(process.ppid));
    assert.throws(() => claimFolder(folder), { code: 'in_use', message: new RegExp(`^process ${process.ppid} runs`) });
    releaseFolder(folder);
    assert.ok(existsSync(join(folder, 'pid')));
    assert.ok(existsSync(join(folder, 'log')));
  });

  for (const left of ['999999999', 'nonsense', '', '-1', '0']) {
    test(`is taken over when its owner is gone: ${JSON.stringify(left)}`, () => {
      writeFileSync(join(folder, 'pid'), left);
      claimFolder(folder);
      assert.ok(!existsSync(join(folder, 'log')));
    });
  }
});
