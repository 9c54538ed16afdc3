import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { systemClock } from '@sofamesh/base/clock';
import type { ConfigChange } from '@sofamesh/contract/config-store';
import { FILE_BYTES_MAX } from '@sofamesh/model/read';
import { FolderStore, type FolderStoreOptions } from './folder-store.ts';

const entry = (name: string, host = `${name}.com`) => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}, namespace: shop}
spec: {hosts: [${host}], ports: [{number: 80, name: http}]}
---
`;

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'folder-store-'));

  constructor() {
    cleanups.push(() => rmSync(this.path, { recursive: true, force: true }));
  }

  write(name: string, text: string | Buffer): void {
    mkdirSync(dirname(join(this.path, name)), { recursive: true });
    writeFileSync(join(this.path, name), text);
  }

  /** As careful programs do: a new file takes the place of the old one in one step. */
  replace(name: string, text: string): void {
    this.write(`.${name}.tmp`, text);
    renameSync(join(this.path, `.${name}.tmp`), join(this.path, name));
  }

  delete(name: string): void {
    rmSync(join(this.path, name), { recursive: true });
  }
}

/** A store that looks only when it is told to, unless `options` says more. */
async function open(paths: readonly string[], options: Partial<FolderStoreOptions> = {}) {
  const store = new FolderStore(paths, { clock: systemClock, rescanMs: 1_000_000, quietMs: 1_000_000, ...options });
  const changes: ConfigChange[] = [];
  const waiting: (() => void)[] = [];
  cleanups.push(() => store.stop());
  await store.start((change) => {
    changes.push(change);
    for (const wake of waiting.splice(0)) wake();
  });
  return {
    store,
    changes,
    names: () => store.snapshot().objects.map(({ metadata }) => metadata.name),
    hosts: () =>
      store.snapshot().objects.flatMap((object) => (object.kind === 'ServiceEntry' ? object.spec.hosts : [])),
    findings: () =>
      store.snapshot().findings.map(({ file, line, reason }) => `${file.split('/').at(-1)}:${line} ${reason}`),
    nextChange: () => new Promise<void>((resolve) => waiting.push(resolve)),
  };
}

describe('folder store', () => {
  test('reads the files of a folder and its sub-folders, in the order of their paths', async () => {
    const folder = new Folder();
    folder.write('b.yml', entry('b'));
    folder.write('a.yaml', entry('a2') + entry('a1'));
    folder.write('sub/c.yaml', entry('c'));
    folder.write(
      'd.json',
      '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "d"}, "spec": {"ports": [{"port": 1}]}}',
    );
    folder.write('readme.md', '- [');
    folder.write('.a.yaml.swp', '- [');
    const { store, names, findings } = await open([folder.path]);
    assert.deepEqual(names(), ['a2', 'a1', 'b', 'd', 'c']);
    assert.deepEqual(findings(), []);
    assert.equal(store.snapshot().revision, 1);
    assert.equal(store.snapshot().objects[2]?.source.file, join(folder.path, 'b.yml'));
  });

  test('a change tells what changed and what is gone; the rest stays the same object', async () => {
    const folder = new Folder();
    folder.write('a.yaml', entry('a') + entry('b') + entry('c'));
    const { store, changes } = await open([folder.path]);
    const before = store.snapshot().objects;
    folder.write('a.yaml', `# a comment\n${entry('a')}${entry('b', 'other.com')}${entry('d')}`);
    await store.look();
    const after = store.snapshot().objects;
    assert.equal(after[0], before[0]);
    const [change] = changes;
    assert.equal(change?.revision, 2);
    assert.deepEqual(change.changed, [after[1], after[2]]);
    assert.deepEqual(change.removed, [before[2]]);
    await store.look();
    folder.write('a.yaml', `# another\n${entry('a')}${entry('b', 'other.com')}${entry('d')}`);
    await store.look();
    assert.equal(changes.length, 1, 'nothing was said of what says the same');
    assert.equal(store.snapshot().objects, after);
  });

  test('an object that becomes wrong stays as it was; the others in its file change', async () => {
    const folder = new Folder();
    folder.write('a.yaml', entry('a') + entry('b'));
    const { store, hosts, findings } = await open([folder.path]);
    folder.write('a.yaml', entry('a', '"?"') + entry('b', 'new.com'));
    await store.look();
    assert.deepEqual(hosts().sort(), ['a.com', 'new.com']);
    assert.deepEqual(findings(), ['a.yaml:4 must be a host name; its part "?" is no DNS label']);
    folder.write('a.yaml', entry('b', 'new.com'));
    await store.look();
    assert.deepEqual(hosts(), ['new.com']);
    assert.deepEqual(findings(), []);
  });

  test('a file that is half written takes nothing away, and is read when it is whole', async () => {
    const folder = new Folder();
    const whole = entry('a', 'new.com') + entry('b');
    folder.write('a.yaml', entry('a') + entry('b'));
    folder.write('z.yaml', entry('z'));
    const { store, hosts, findings } = await open([folder.path], { clock: { ...systemClock, wallMs: () => 0 } });
    for (const cut of [0, 20, 90, 140]) {
      folder.write('a.yaml', whole.slice(0, cut));
      folder.write('z.yaml', entry('z', `z${cut}.com`));
      await store.look();
      assert.equal(hosts().length, 3, `cut at ${cut}`);
      assert.ok(hosts().includes(`z${cut}.com`), 'other files go on');
    }
    assert.ok(findings().length > 0 && findings().every((text) => text.startsWith('a.yaml:4')), findings().join('\n'));
    folder.write('a.yaml', whole);
    await store.look();
    assert.deepEqual(hosts(), ['new.com', 'b.com', 'z140.com']);
    assert.deepEqual(findings(), []);
  });

  test('a file that stays empty holds nothing', async () => {
    const folder = new Folder();
    folder.write('a.yaml', entry('a'));
    const { store, names } = await open([folder.path], {
      clock: { ...systemClock, wallMs: () => Date.now() + 60_000 },
    });
    folder.write('a.yaml', '');
    await store.look();
    assert.deepEqual(names(), []);
  });

  test('of two places that define an object the first counts, and the second is reported', async () => {
    const folder = new Folder();
    const other = new Folder();
    folder.write('a.yaml', entry('a', 'first.com'));
    folder.write('b.yaml', entry('b') + entry('a', 'second.com').replace('/v1', '/v1beta1'));
    other.write('0.yaml', entry('a', 'third.com'));
    const { store, hosts, findings } = await open([folder.path, other.path]);
    assert.deepEqual(hosts(), ['first.com', 'b.com']);
    const reason = `repeats the ServiceEntry shop/a of ${folder.path}/a.yaml:1, which is the one that counts`;
    assert.deepEqual(findings(), [`b.yaml:6 ${reason}`, `0.yaml:1 ${reason}`]);
    folder.delete('a.yaml');
    await store.look();
    assert.deepEqual(hosts(), ['b.com', 'second.com']);
  });

  test('a folder that goes keeps what it held, and counts again when it comes back', async () => {
    const folder = new Folder();
    const config = join(folder.path, 'config');
    folder.write('config/a.yaml', entry('a'));
    folder.write('config/sub/b.yaml', entry('b'));
    const { store, names, findings } = await open([config]);
    folder.delete('config');
    await store.look();
    assert.deepEqual(names(), ['a', 'b']);
    assert.deepEqual(findings(), ['config:1 does not exist']);
    folder.write('config/a.yaml', entry('c'));
    await store.look();
    assert.deepEqual(names(), ['c']);
    assert.deepEqual(findings(), []);
    folder.write('config/sub/d.yaml', entry('d'));
    await store.look();
    folder.delete('config/sub');
    await store.look();
    assert.deepEqual(names(), ['c'], 'a sub-folder may go for good');
  });

  test('a folder that is not there yet is waited for', async () => {
    const folder = new Folder();
    const { store, names, findings } = await open([join(folder.path, 'later')]);
    assert.deepEqual(names(), []);
    assert.deepEqual(findings(), ['later:1 does not exist']);
    folder.write('later/a.yaml', entry('a'));
    await store.look();
    assert.deepEqual(names(), ['a']);
  });

  test('files that nobody should have put there', async () => {
    const folder = new Folder();
    folder.write('a.yaml', entry('a'));
    folder.write('large.yaml', Buffer.alloc(FILE_BYTES_MAX + 1, '#'));
    folder.write('noise.yaml', Buffer.from([0, 255, 254, 10, 128, 45, 45]));
    mkdirSync(join(folder.path, 'folder.yaml'));
    symlinkSync('..', join(folder.path, 'folder.yaml', 'loop'));
    symlinkSync('nowhere', join(folder.path, 'broken.yaml'));
    symlinkSync('a.yaml', join(folder.path, 'link.yaml'));
    const { names, findings } = await open([folder.path, folder.path]);
    assert.deepEqual(names(), ['a']);
    assert.equal(findings().filter((text) => text.startsWith('large.yaml:1 is larger than')).length, 1);
    assert.equal(findings().filter((text) => text.startsWith('link.yaml:1 repeats')).length, 1);
    assert.ok(
      findings().every((text) => /^(large|link|noise)\.yaml/.test(text)),
      findings().join('\n'),
    );
  });

  test('a file that may not be read keeps what it held', {
    skip: process.getuid?.() === 0 && 'root may read all',
  }, async () => {
    const folder = new Folder();
    folder.write('a.yaml', entry('a'));
    const { store, names, findings } = await open([folder.path]);
    chmodSync(join(folder.path, 'a.yaml'), 0);
    await store.look();
    assert.deepEqual(names(), ['a']);
    assert.deepEqual(findings(), ['a.yaml:1 may not be read: permission denied']);
  });

  test('a file in place of the folder', async () => {
    const folder = new Folder();
    folder.write('a', '');
    const { findings } = await open([join(folder.path, 'a')]);
    assert.deepEqual(findings(), ['a:1 is not a folder']);
  });
});

describe('folder store, watching', () => {
  const saves: readonly (readonly [how: string, save: (folder: Folder) => void, hosts: readonly string[]])[] = [
    ['written in place', (folder) => folder.write('a.yaml', entry('a', 'new.com')), ['new.com']],
    ['replaced', (folder) => folder.replace('a.yaml', entry('a', 'new.com')), ['new.com']],
    ['deleted', (folder) => folder.delete('a.yaml'), []],
    ['added', (folder) => folder.write('b.yaml', entry('b')), ['a.com', 'b.com']],
    ['added in a new folder', (folder) => folder.write('sub/b.yaml', entry('b')), ['a.com', 'b.com']],
  ];
  for (const [how, save, expected] of saves) {
    test(`sees a file that is ${how}, without looking by itself`, async () => {
      const folder = new Folder();
      folder.write('a.yaml', entry('a'));
      const { hosts, nextChange } = await open([folder.path], { quietMs: 10 });
      const changed = nextChange();
      save(folder);
      await changed;
      assert.deepEqual(hosts(), expected);
    });
  }

  test('sees a folder that comes back, and what is written there later', async () => {
    const folder = new Folder();
    const config = join(folder.path, 'config');
    folder.write('config/a.yaml', entry('a'));
    const { hosts, nextChange } = await open([config], { quietMs: 10, rescanMs: 20 });
    const gone = nextChange();
    folder.delete('config');
    await gone;
    const back = nextChange();
    folder.write('config/a.yaml', entry('a', 'new.com'));
    await back;
    while (hosts()[0] !== 'new.com') await nextChange();
    const later = nextChange();
    folder.write('config/b.yaml', entry('b'));
    await later;
    assert.deepEqual(hosts(), ['new.com', 'b.com']);
  });

  test('many saves in a moment are one change', async () => {
    const folder = new Folder();
    folder.write('a.yaml', entry('a'));
    const { changes, hosts, nextChange } = await open([folder.path], { quietMs: 100 });
    const changed = nextChange();
    for (let at = 0; at < 20; at++) folder.write('a.yaml', entry('a', `h${at}.com`));
    await changed;
    assert.deepEqual(hosts(), ['h19.com']);
    assert.equal(changes.length, 1);
  });
});
