import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const rules = JSON.parse(readFileSync(join(root, 'layers.json'), 'utf8')) as {
  layers: Record<string, string[]>;
  config: string[];
  tests: string[];
  sockets: { modules: string[]; pure: string[]; allowed: string[]; exceptions: Record<string, string[]> };
  workers: { entries: string[]; forbidden: string[] };
};

interface Workspace {
  readonly folder: string;
  readonly name: string;
  readonly layer: string;
  readonly dependencies: ReadonlySet<string>;
}

/** Tools of all tests. */
const testTools = new Set(Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies));

const workspaces: readonly Workspace[] = globSync(
  ['apps/*/package.json', 'packages/*/package.json', 'packages/registries/*/package.json'],
  {
    cwd: root,
  },
).map((file) => {
  const manifest = JSON.parse(readFileSync(join(root, file), 'utf8'));
  const folder = dirname(file);
  return {
    folder,
    name: manifest.name,
    layer: folder.startsWith('packages/registries/') ? 'registry' : folder.split('/')[1]!,
    dependencies: new Set(
      Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.devDependencies }),
    ),
  };
});

const importPattern = /^(?:import|export)\s(?:[^'";]*?\sfrom\s)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

/** Imports of nothing but functions that look at an address's text, which open no socket. */
const addressImports = new RegExp(`^import \\{ (?:(?:${rules.sockets.pure.join('|')}),? )+\\} from 'node:net';$`, 'gm');

function importsOf(file: string): string[] {
  return importsIn(readFileSync(join(root, file), 'utf8'));
}

function importsIn(text: string): string[] {
  return [...text.replace(addressImports, '').matchAll(importPattern)].map((match) => (match[1] ?? match[2])!);
}

/** As {@link importsOf}, without those that are only types: they are gone at run time. */
function runtimeImportsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8').replace(/^(?:import|export) type [^;]*;/gm, '');
  return [...text.matchAll(importPattern)].map((match) => (match[1] ?? match[2])!);
}

function packageNameOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? `${parts[0]}/${parts[1]}` : parts[0]!;
}

const isTest = (file: string) => /\.test\.ts$|\/test-support\/|\/golden\//.test(file);
const isConfig = (file: string) => /(^|\/)config\.ts$/.test(file);

const looked = new Map<string, boolean>();

/** `file`: relative to the root. */
function isThere(file: string): boolean {
  const known = looked.get(file) ?? existsSync(join(root, file));
  looked.set(file, known);
  return known;
}

/** Every broken rule of one file, as sentences. */
function faultsOf(file: string, imports: readonly string[]): string[] {
  const owner = workspaces.find(({ folder }) => file.startsWith(`${folder}/`));
  if (owner === undefined) return [];
  const faults: string[] = [];
  const allowed = new Set([owner.layer, ...(rules.layers[owner.layer] ?? [])]);
  if (isConfig(file)) for (const layer of rules.config) allowed.add(layer);
  if (isTest(file) || owner.layer === 'testkit') for (const layer of rules.tests) allowed.add(layer);
  for (const specifier of imports) {
    if (specifier.startsWith('.')) {
      const target = relative(root, resolve(root, dirname(file), specifier));
      if (!target.startsWith(`${owner.folder}/`)) faults.push(`${file}: ${specifier} leaves its package`);
      // The compiler finds `x.ts` under the name `x.js`, Node does not.
      else if (!isThere(target)) faults.push(`${file}: ${specifier} is no file`);
      continue;
    }
    const name = packageNameOf(specifier.replace(/^node:/, ''));
    if (specifier.startsWith('node:')) {
      const opensSockets = rules.sockets.modules.includes(name) && !rules.sockets.allowed.includes(owner.layer);
      if (opensSockets && !isTest(file))
        faults.push(`${file}: ${specifier}: only ${rules.sockets.allowed.join(', ')} may open sockets`);
      continue;
    }
    if (!owner.dependencies.has(name) && name !== owner.name && !(isTest(file) && testTools.has(name)))
      faults.push(`${file}: ${name} is not declared in ${owner.folder}/package.json`);
    const exception = rules.sockets.exceptions[name];
    if (exception !== undefined && !exception.includes(owner.layer))
      faults.push(`${file}: ${name} may only be used by ${exception.join(', ')}`);
    const target = workspaces.find((workspace) => workspace.name === name);
    if (target !== undefined && !allowed.has(target.layer))
      faults.push(`${file}: layer ${owner.layer} may not import ${target.layer}`);
  }
  return faults;
}

const sources = globSync(['apps/*/src/**/*.ts', 'packages/*/src/**/*.ts', 'packages/registries/*/src/**/*.ts'], {
  cwd: root,
}).filter((file) => !file.includes('/gen/'));

describe('layers', () => {
  test('every workspace has a layer', () => {
    for (const { layer, folder } of workspaces)
      assert.ok(layer in rules.layers, `${folder} has no layer in layers.json`);
  });

  test('imports go down, are declared, and stay in their package', () => {
    assert.ok(sources.length > 20, `only ${sources.length} sources found`);
    assert.deepEqual(
      sources.flatMap((file) => faultsOf(file, importsOf(file))),
      [],
    );
  });

  test('finds each kind of fault', () => {
    assert.match(
      faultsOf('packages/base/src/x.ts', ['@sofamesh/contract/filter']).join('\n'),
      /layer base may not import contract/,
    );
    assert.match(faultsOf('packages/proxy/src/x.ts', ['../../base/src/clock.ts']).join('\n'), /leaves its package/);
    assert.match(faultsOf('packages/base/src/x.ts', ['./clock.js']).join('\n'), /clock\.js is no file/);
    assert.deepEqual(faultsOf('packages/base/src/x.ts', ['./clock.ts']), []);
    assert.match(faultsOf('packages/proxy/src/x.ts', ['yaml']).join('\n'), /not declared/);
    assert.match(faultsOf('packages/proxy/src/x.ts', ['node:net']).join('\n'), /may open sockets/);
    assert.deepEqual(importsIn("import { isIP } from 'node:net';\nimport { isIP, connect } from 'node:net';"), [
      'node:net',
    ]);
    assert.match(
      faultsOf('packages/filters/src/fault/fault.ts', ['@sofamesh/api/gen/x']).join('\n'),
      /may not import api/,
    );
    assert.deepEqual(faultsOf('packages/filters/src/fault/config.ts', ['@sofamesh/api/gen/x']), []);
  });
});

describe('the hot path', () => {
  for (const entry of rules.workers.entries) {
    test(`${entry} never reaches protobuf`, { skip: !existsSync(join(root, entry)) }, () => {
      const seen = new Set<string>();
      const visit = (file: string, path: readonly string[]): void => {
        if (seen.has(file)) return;
        seen.add(file);
        for (const specifier of runtimeImportsOf(file)) {
          const forbidden = rules.workers.forbidden.find(
            (name) => specifier === name || specifier.startsWith(`${name}/`),
          );
          assert.equal(forbidden, undefined, `${[...path, file].join(' → ')} imports ${forbidden}`);
          const target = sourceOf(file, specifier);
          if (target !== undefined) visit(target, [...path, file]);
        }
      };
      visit(entry, []);
      assert.ok(seen.size > 10, `only ${seen.size} files reached`);
    });
  }
});

/** File behind an import, for our own packages. */
function sourceOf(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return relative(root, resolve(root, dirname(from), specifier));
  const owner = workspaces.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`));
  if (owner === undefined) return undefined;
  const rest = specifier.slice(owner.name.length + 1);
  return `${owner.folder}/src/${rest === '' ? 'index' : rest}.ts`;
}
