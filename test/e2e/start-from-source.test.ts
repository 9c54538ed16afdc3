import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { RunningProcess } from '../peers/process.ts';

const repository = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'start-from-source-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function write(file: string, text: string): string {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

async function run(...args: string[]): Promise<string> {
  const running = new RunningProcess({ name: 'node', command: process.execPath, args });
  const ending = await running.ended;
  assert.deepEqual(ending, { code: 0, signal: null }, running.output);
  return running.output;
}

interface Found {
  /** Every import: who asked, for what, and what was found. */
  readonly imports: readonly string[];
  readonly askedOfNode: number;
}

/** Loads what mosn and meshd consist of. `finder`: a module that comes before Node's own search, or none. */
async function load(finder: string | undefined): Promise<Found> {
  const apps = join(repository, 'apps');
  const probe = write(
    'probe.mjs',
    `import module from 'node:module';
    const [finder] = process.argv.slice(2);
    const imports = [];
    let askedOfNode = 0;
    module.registerHooks({ resolve: (specifier, context, next) => (askedOfNode++, next(specifier, context)) });
    if (finder !== undefined) (await import(finder)).findModules();
    module.registerHooks({
      resolve(specifier, context, next) {
        const { url, format } = next(specifier, context);
        // Node has no format for what is required and for its own modules.
        const shown = context.conditions.includes('import') && url.startsWith('file:') ? format : '';
        imports.push([context.parentURL, specifier, url, shown].join(' '));
        return { url, format };
      },
    });
    for (const file of ['mosn/src/lifecycle/program.ts', 'mosn/src/lifecycle/control-plane.ts', 'meshd/src/program.ts']) {
      await import(${JSON.stringify(`${apps}/`)} + file);
    }
    process.stdout.write(JSON.stringify({ imports: imports.sort(), askedOfNode }));`,
  );
  return JSON.parse(await run(probe, ...(finder === undefined ? [] : [finder]))) as Found;
}

const gen = join('packages', 'api', 'src', 'gen');
const finderFiles = ['find-modules.js', 'own-exports.js', 'root.js'];
const finder = join(repository, 'packages', 'base', 'bin', 'find-modules.js');

test('a start from source finds the modules that Node would find, and seldom asks Node', async () => {
  const [plain, own] = await Promise.all([load(undefined), load(finder)]);
  assert.ok(plain.imports.length > 3000);
  assert.equal(own.imports.length, plain.imports.length);
  assert.deepEqual(
    own.imports.filter((found, index) => found !== plain.imports[index]),
    [],
  );
  assert.ok(own.askedOfNode < own.imports.length / 4, `${own.askedOfNode} of ${own.imports.length}`);
});

test('a program that is started from source describes protobuf messages when they are used', async () => {
  write(
    'src/main.ts',
    `const { ListenerSchema } = await import(${JSON.stringify(join(repository, gen, 'envoy/config/listener/v3/listener_pb.js'))});
    const { get } = Object.getOwnPropertyDescriptor(ListenerSchema, 'fields') ?? {};
    console.log(typeof get, ListenerSchema.fields.length > 20);`,
  );
  const bin = join(repository, 'apps', 'mosn', 'bin', 'mosn.js');
  const program = write(
    'bin/program.js',
    readFileSync(bin, 'utf8').replaceAll(/'(@sofamesh\/.+?)'/g, (_, name) => `'${import.meta.resolve(name)}'`),
  );
  assert.equal(await run(program), 'function true\n');
});

describe('in a repository with odd corners', () => {
  const module = 'node_modules/@sofamesh';
  const name = (text: string) => `globalThis.loaded = [...(globalThis.loaded ?? []), ${JSON.stringify(text)}];`;

  function lay(): string {
    for (const file of finderFiles) {
      cpSync(join(dirname(finder), file), join(folder, 'packages', 'base', 'bin', file), { recursive: true });
    }
    write('package.json', '{"type":"module"}');
    const exported = {
      '.': './src/index.ts',
      './*': './src/*.ts',
      './odd': './src/other.ts',
      './deep/*': './lib/*.ts',
    };
    for (const workspace of ['a', 'b', 'c']) {
      write(
        `packages/${workspace}/package.json`,
        JSON.stringify({ name: `@sofamesh/${workspace}`, type: 'module', exports: exported }),
      );
    }
    mkdirSync(join(folder, module), { recursive: true });
    for (const workspace of ['a', 'b', 'c'])
      symlinkSync(`../../packages/${workspace}`, join(folder, module, workspace));
    for (const file of ['src/first', 'src/odd', 'src/other', 'src/x', 'src/deep/x', 'lib/x']) {
      write(`packages/b/${file}.ts`, name(`b/${file}`));
    }
    write('node_modules/third/package.json', '{"name":"third","type":"module","exports":"./third.js"}');
    write('node_modules/third/third.js', name('third'));
    // This one has packages of its own.
    write('packages/c/node_modules/third/package.json', '{"name":"third","type":"module","exports":"./third.js"}');
    write('packages/c/node_modules/third/third.js', name('third of c'));
    write('packages/c/node_modules/@sofamesh/b/first.js', name('b of c'));
    write('packages/c/node_modules/@sofamesh/b/package.json', '{"type":"module","exports":{"./*":"./*.js"}}');
    write('packages/c/src/c.ts', "import 'third'; import '@sofamesh/b/first';");
    write('packages/a/src/first.ts', name('a/first'));
    write('packages/a/src/first.js', name('a/first.js'));
    write('packages/a/src/real/x.ts', name('a/real/x'));
    symlinkSync('real/x.ts', join(folder, 'packages/a/src/link.ts'));
    symlinkSync('real', join(folder, 'packages/a/src/linked'));
    write('packages/a/src/old/package.json', '{"type":"commonjs"}');
    const requires = ['./x.js', './y.js', './link.js', './y', './data.json', './x.js'].map(
      (file) => `require('${file}');`,
    );
    write('packages/a/src/old/old.js', `${name('a/old')} ${requires.join(' ')} module.exports = typeof require;`);
    write('packages/a/src/old/x.js', name('a/old/x'));
    write('packages/a/src/old/y.js', name('a/old/y'));
    write('packages/a/src/old/data.json', '{}');
    symlinkSync('x.js', join(folder, 'packages/a/src/old/link.js'));
    const imports = ['./first.ts', './first.js', './real/x.ts', './link.ts', './linked/x.ts', './real/../linked/x.ts']
      .concat(['third', '@sofamesh/b/first', '@sofamesh/b/x', '@sofamesh/b/odd', '@sofamesh/b/deep/x'])
      .concat(['@sofamesh/c/c', './old/old.js', './/first.ts', './real/x.ts?again']);
    const fails = ['./gone.ts', './real', '@sofamesh/b/gone', '@sofamesh/nobody/x', './first'];
    return write(
      'packages/a/src/main.ts',
      `${imports.map((specifier) => `import '${specifier}';`).join('\n')}
      import kind from './old/old.js';
      const told: unknown[] = [...(globalThis as unknown as { loaded: string[] }).loaded, kind];
      for (const specifier of ${JSON.stringify(fails)}) {
        told.push(await import(specifier).then(() => 'found', ({ code }: { code: string }) => code));
      }
      console.log(JSON.stringify(told));`,
    );
  }

  const main = lay();
  const start = write(
    'start.mjs',
    `import { findModules } from './packages/base/bin/find-modules.js';
    if (process.argv[2] === 'own') findModules();
    await import(${JSON.stringify(main)});`,
  );

  test('it finds what Node finds', async () => {
    const [plain, own] = await Promise.all([run(start), run(start, 'own')]);
    assert.deepEqual(JSON.parse(own), JSON.parse(plain));
    assert.deepEqual(JSON.parse(plain), [
      'a/first',
      'a/first.js',
      'a/real/x',
      'third',
      'b/src/first',
      'b/src/x',
      'b/src/other',
      'b/lib/x',
      'third of c',
      'b of c',
      'a/old',
      'a/old/x',
      'a/old/y',
      'a/real/x',
      'function',
      'ERR_MODULE_NOT_FOUND',
      'ERR_UNSUPPORTED_DIR_IMPORT',
      'ERR_MODULE_NOT_FOUND',
      'ERR_MODULE_NOT_FOUND',
      'ERR_MODULE_NOT_FOUND',
    ]);
  });

  test('what is loaded before the program may change modules', async () => {
    const hooks = write(
      'hooks.mjs',
      `import module from 'node:module';
      module.registerHooks({
        load(url, context, next) {
          const loaded = next(url, context);
          return url.endsWith('/b/src/x.ts') ? { ...loaded, source: ${JSON.stringify(name('changed'))} } : loaded;
        },
      });`,
    );
    const told = JSON.parse(await run('--import', hooks, start, 'own')) as string[];
    assert.equal(told[5], 'changed');
  });
});
