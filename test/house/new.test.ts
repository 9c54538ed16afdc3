import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, mock, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** The parts of the repository that a scaffold needs: its sources are copies, everything that they import is the real thing. */
const tree = mkdtempSync(join(tmpdir(), 'sofamesh-new-'));
after(() => rmSync(tree, { recursive: true }));

for (const folder of ['apps/mosn/src', 'apps/meshd/src', 'apps/meshctl/src']) {
  mkdirSync(join(tree, folder), { recursive: true });
}
for (const name of ['protocols', 'filters', 'balancers']) {
  const source = join(root, 'packages', name, 'src');
  mkdirSync(join(tree, 'packages', name, 'src'), { recursive: true });
  for (const folder of ['shared', ...(name === 'protocols' ? ['example'] : name === 'balancers' ? ['random'] : [])]) {
    symlinkSync(join(source, folder), join(tree, 'packages', name, 'src', folder));
  }
}
mkdirSync(join(tree, 'packages/filters/src/network'));
cpSync(join(root, 'scripts'), join(tree, 'scripts'), { recursive: true });
cpSync(join(root, 'package.json'), join(tree, 'package.json'));
for (const file of ['biome.json', '.gitignore']) cpSync(join(root, file), join(tree, file));
symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));

const { main }: typeof import('../../scripts/new.ts') = await import(join(tree, 'scripts/new.ts'));

/** As `npm run new`, with what it says. */
function make(...args: readonly string[]): { code: number; output: string } {
  let output = '';
  const say = (line: string) => {
    output += `${line}\n`;
  };
  const mocks = [mock.method(console, 'log', say), mock.method(console, 'error', say)];
  const code = main(args);
  for (const each of mocks) each.mock.restore();
  return { code, output };
}

function runTests(patterns: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn(process.execPath, ['--test', '--test-isolation=none', ...patterns], { cwd: tree, env });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk;
      });
    }
    child.on('close', (code) => resolve({ code, output }));
  });
}

const read = (path: string) => readFileSync(join(tree, path), 'utf8');

/** What the tests make: its kind, name and folder, how the catalogue has it, and what its own tests are headed. */
const made = [
  ['protocol', 'parcel-post', 'packages/protocols/src', 'protocols/parcel-post/parcel-post', 'protocol parcel-post'],
  ['filter', 'add-team', 'packages/filters/src', 'filters/add-team/add-team', 'filter mosn.filters.http.add_team'],
  [
    'network-filter',
    'keep-out',
    'packages/filters/src/network',
    'filters/network/keep-out/keep-out',
    'network filter mosn.filters.network.keep_out',
  ],
  ['balancer', 'any-host', 'packages/balancers/src', 'balancers/any-host/any-host', 'balancer any_host'],
] as const;

describe('npm run new', () => {
  for (const [kind, name, folder, catalogued] of made) {
    test(`a ${kind} is made, and is in the catalogue`, () => {
      const { code, output } = make(kind, name);
      assert.equal(code, 0, output);
      assert.match(output, new RegExp(`made ${folder}/${name}`));
      const files = readdirSync(join(tree, folder, name));
      assert.ok(files.includes(`${name}.ts`) && files.includes(`${name}.test.ts`), `${files}`);
      for (const file of files) {
        const [leftover] =
          /\b[Ee]xample|NAME|PASCAL|SNAKE|RandomBalancer|0xe1/.exec(read(`${folder}/${name}/${file}`)) ?? [];
        assert.equal(leftover, undefined, file);
      }
      assert.match(read('apps/mosn/src/catalogue.gen.ts'), new RegExp(catalogued));
      assert.deepEqual(make(kind, name), { code: 1, output: `${folder}/${name} is there already\n` });
    });
  }

  // All in one process: loading what they need takes longer than the tests.
  test('each of them works as it is made', async () => {
    const tests = await runTests(made.map(([, name, folder]) => `${folder}/${name}/*.test.ts`));
    assert.equal(tests.code, 0, tests.output);
    for (const [kind, , , , heading] of made) {
      assert.match(tests.output, new RegExp(`^✔ ${heading} `, 'm'), `${kind}: ${tests.output}`);
    }
  });

  test('names that are none are refused, and nothing is made', () => {
    const long = 'x'.repeat(41);
    for (const name of ['Parcel', 'parcel_post', 'parcel--post', '-a', 'a-', '1a', '../parcel', 'päckchen', long]) {
      const { code, output } = make('protocol', name);
      assert.equal(code, 1, name);
      assert.match(output, /is no name for a folder/);
    }
    assert.equal(make('protocol', 'shared').code, 1);
    for (const name of ['auto', 'http', 'http-x']) {
      assert.match(make('protocol', name).output, /means something else where one is chosen by name/);
    }
    for (const args of [[], ['protocol'], ['registry', 'x'], ['toString', 'x'], ['protocol', 'a', 'b']]) {
      const { code, output } = make(...args);
      assert.equal(code, 2, args.join(' '));
      assert.match(output, /^usage: npm run new protocol\|filter\|network-filter\|balancer NAME/);
    }
    const folders = readdirSync(join(tree, 'packages/protocols/src')).filter((each) => each !== 'parcel-post');
    assert.deepEqual(folders.sort(), ['example', 'shared']);
  });
});
