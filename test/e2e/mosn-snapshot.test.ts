import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { keepProgram } from '../../apps/meshctl/src/bundle/kept-program.ts';
import { findBundles } from './support/bundles.ts';
import { httpBootstrap, launchMosn, Mosn, mosnSources } from './support/mosn.ts';
import { Origin } from './support/origin.ts';

const bundles = await findBundles();
const snapshot = { nodeArgs: ['--snapshot-blob', bundles.mosn.snapshot ?? 'none was made'] };

for (const [form, parts] of Object.entries({ snapshot, sources: { program: mosnSources } })) {
  for (const concurrency of ['1', '2']) {
    test(`mosn from its ${form} serves, counts and drains (${concurrency} workers)`, async (t) => {
      const origin = await Origin.start();
      t.after(() => origin.stop());
      const args = ['--concurrency', concurrency];
      const mosn = await Mosn.start({ ...parts, bootstrap: httpBootstrap(origin.port).bootstrap, args });
      t.after(() => mosn.stop());
      const response = await fetch(await mosn.url());
      assert.equal(response.status, 200);
      await response.text();
      assert.equal(await mosn.stat('http.in.downstream_rq_2xx'), 1);
      mosn.process.signal('SIGTERM');
      assert.equal((await mosn.process.ended).code, 0, mosn.process.output);
    });
  }
}

describe('a snapshot', () => {
  test('reads its own command line and says what is wrong with it', async () => {
    const { bootstrap, parts: broken } = httpBootstrap(1);
    broken.cluster.connect_timeout = '-1s';
    const { process } = launchMosn({ ...snapshot, bootstrap });
    assert.equal((await process.ended).code, 1);
    assert.match(process.output, /^static_resources\.clusters\[0\]\.connect_timeout: .+: .+$/m);
  });

  test('holds a source that V8 keeps in one byte for each character', () => {
    // One character that Latin-1 has not doubles the source, in the snapshot and in every process: 5 MB of memory.
    const source = readFileSync(bundles.mosn.file, 'latin1');
    const at = source.search(/[\x80-\xff]/);
    assert.equal(at, -1, source.slice(Math.max(0, at - 80), at + 40));
  });

  test('is made once, and again when a source has changed', async (t) => {
    const project = mkdtempSync(join(tmpdir(), 'kept-program-'));
    t.after(() => rmSync(project, { recursive: true, force: true }));
    const source = join(project, 'apps', 'hello', 'src');
    const kept = join(project, 'kept');
    mkdirSync(source, { recursive: true });
    const write = (word: string) => {
      writeFileSync(join(source, 'word.ts'), `export const word: string = '${word}';`);
      writeFileSync(join(source, 'main.ts'), `import { word } from './word.ts'; console.log(word);`);
      writeFileSync(
        join(source, 'snapshot.ts'),
        `import { startupSnapshot } from 'node:v8'; import { word } from './word.ts';
         startupSnapshot.setDeserializeMainFunction(() => console.log(word, 'thawed', process.argv[2]));`,
      );
      // Two writes within one tick of the file system's clock would look alike.
      utimesSync(join(source, 'word.ts'), new Date(), new Date(Date.now() + word.length * 1_000));
    };
    const run = async () => {
      const { file, snapshot } = await keepProgram(project, 'hello', kept);
      assert.ok(snapshot !== undefined);
      const args = ['--snapshot-blob', snapshot, file, 'argument'];
      return spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout.trim();
    };
    write('hi');
    assert.equal(await run(), 'hi thawed argument');
    assert.equal(await run(), 'hi thawed argument');
    write('hello');
    assert.equal(await run(), 'hello thawed argument');
  });
});
