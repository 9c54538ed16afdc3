import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { tokenGuest } from '@sofamesh/protocols/shared/wasm/test-support/token-guest';
import { BootstrapError } from '../config/bootstrap.ts';
import { readPluginSources } from './read-sources.ts';

const folder = mkdtempSync(join(tmpdir(), 'plugin-sources-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function read(plugins: unknown, key = 'bootstrap_extensions') {
  const type = 'type.googleapis.com/mosn.extensions.bootstrap.plugins.v1.Plugins';
  const other = { name: 'other', typed_config: { '@type': 'type.googleapis.com/some.other.Extension', x: 1 } };
  const own = { name: 'mosn.bootstrap.plugins', typed_config: { '@type': type, plugins } };
  return readPluginSources({ text: JSON.stringify({ [key]: [other, own] }), origin: 'x.json' }, folder);
}

function problems(plugins: unknown): readonly string[] {
  try {
    read(plugins);
  } catch (thrown) {
    if (thrown instanceof BootstrapError) return thrown.problems;
    throw thrown;
  }
  return [];
}

describe('plug-ins of a bootstrap', () => {
  test('are found where they are, whatever else there is', () => {
    writeFileSync(join(folder, 'codec.yaml'), 'name: described\nkinds: {}');
    const at = (index: number) => `bootstrap_extensions[1].typed_config.plugins[${index}]`;
    for (const key of ['bootstrap_extensions', 'bootstrapExtensions']) {
      assert.deepEqual(
        read(
          [
            { path: './a b.ts', config: { list: [1, null, 'x'] } },
            { package: '@scope/name' },
            { declarative: { name: 'inline' } },
            { declarative_file: 'codec.yaml' },
          ],
          key,
        ),
        [
          {
            kind: 'module',
            where: at(0),
            label: './a b.ts',
            url: `file://${folder}/a%20b.ts`,
            config: { list: [1, null, 'x'] },
          },
          { kind: 'package', where: at(1), label: '@scope/name', name: '@scope/name', folder, config: {} },
          { kind: 'declarative', where: `${at(2)}.declarative`, label: 'inline', spec: { name: 'inline' } },
          {
            kind: 'declarative',
            where: `${at(3)}.declarative_file`,
            label: 'codec.yaml',
            spec: { name: 'described', kinds: {} },
          },
        ],
      );
    }
  });

  test('have WebAssembly compiled, which threads can be given', () => {
    writeFileSync(join(folder, 'good.wasm'), tokenGuest());
    const [source] = read([{ wasm: { name: 'tokens', path: 'good.wasm' } }]);
    assert.ok(source?.kind === 'wasm');
    assert.deepEqual([source.name, source.headBytes, source.exclusive], ['tokens', 64, false]);
    assert.doesNotThrow(() => structuredClone(source));
  });

  test('are all told what is wrong with them', () => {
    writeFileSync(join(folder, 'odd.yaml'), 'a: [');
    writeFileSync(join(folder, 'odd.wasm'), tokenGuest({ pages: 9 }));
    const lines = problems([
      { path: '' },
      { declarative_file: 'none.yaml' },
      { declarative_file: 'odd.yaml' },
      { wasm: { path: 'odd.wasm' } },
      { wasm: { name: 'w', path: 'none.wasm' } },
      { wasm: { name: 'w', path: 'odd.wasm', max_memory_pages: 8 } },
      { wasm: { name: 'w', path: 'odd.wasm', max_memory_pages: 16_385 } },
      { wasm: { name: 'w', path: 'odd.wasm', head_bytes: 0 } },
    ]);
    const expected = [
      /plugins\[0\]\.path: "": must not be empty/,
      /plugins\[1\]\.declarative_file: "none\.yaml": ENOENT/,
      /odd\.yaml:\d+:\d+: /,
      /plugins\[3\]\.wasm\.name: "": must not be empty/,
      /plugins\[4\]\.wasm\.path: "none\.wasm": ENOENT/,
      /plugins\[5\]\.wasm\.path: "odd\.wasm": begins with 9 pages of memory; 8 are allowed/,
      /plugins\[6\]\.wasm\.max_memory_pages: 16385: must be 1 to 16384/,
      /plugins\[7\]\.wasm\.head_bytes: 0: must be 1 to 4096/,
    ];
    assert.equal(lines.length, expected.length);
    for (const [index, pattern] of expected.entries()) assert.match(lines[index]!, pattern);
    assert.match(problems([{ pth: 'x' }])[0]!, /plugins\[0\]\.pth: "x": is not a field .*did you mean path\?/);
    assert.match(problems([{ path: 'x', package: 'y' }])[0]!, /cannot stand beside path/);
  });

  test('are none where the text is something else', () => {
    for (const text of ['{', '[]', 'null', '{"bootstrap_extensions": {}}', '{"bootstrap_extensions": [1, null, {}]}']) {
      assert.deepEqual(readPluginSources({ text, origin: 'x' }, folder), []);
    }
  });
});
