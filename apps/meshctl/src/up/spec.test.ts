import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { readUpSpec } from './spec.ts';

const folder = mkdtempSync(join(tmpdir(), 'up-spec-'));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'config'));
mkdirSync(join(folder, 'more'));

function read(text: string) {
  writeFileSync(join(folder, 'up.yaml'), text);
  return readUpSpec(folder);
}

/** What is said about a file, without the folder's name. */
function complaint(text: string): string {
  try {
    read(text);
  } catch (thrown) {
    return (thrown as Error).message.replaceAll(`${folder}/`, '');
  }
  return 'accepted';
}

describe('up.yaml', () => {
  test('has defaults, and hands out addresses around those that are taken', () => {
    const spec = read(`
workloads:
- name: a
- {name: b, namespace: shop, address: 127.0.0.12, labels: {app: b}, command: [node, b.js], env: {PORT: '1'}}
- {name: c, sidecar: false, command: [c]}
`);
    assert.deepEqual(spec.configFolders, [join(folder, 'config')]);
    assert.deepEqual(
      spec.workloads.map(({ name, namespace, address, sidecar }) => [name, namespace, address, sidecar]),
      [
        ['a', 'default', '127.0.0.11', true],
        ['b', 'shop', '127.0.0.12', true],
        ['c', 'default', '127.0.0.13', false],
      ],
    );
    assert.deepEqual(spec.workloads[1]!.command, ['node', 'b.js']);
    assert.equal(spec.workloads[0]!.command, undefined);
  });

  test('may name several folders of resources', () => {
    const { configFolders } = read('config: [config, more]\nworkloads: [{name: a}]\n');
    assert.deepEqual(configFolders, [join(folder, 'config'), join(folder, 'more')]);
  });

  const wrong: readonly (readonly [what: string, text: string, complaint: RegExp])[] = [
    ['no YAML', 'workloads: [', /^up\.yaml:1:\d+: error: /],
    ['nothing', '', /^up\.yaml:1:1: error: null: must be a map of fields, not empty/],
    ['no workloads', 'config: config\n', /up\.yaml:\d+:\d+: error: workloads: is required/],
    ['no name', 'workloads:\n- labels: {}\n', /^up\.yaml:2:3: error: workloads\[0\]\.name: is required/],
    [
      'a field that does not exist',
      'workloads:\n- {name: a, comand: [x]}\n',
      /workloads\[0\]\.comand: .*did you mean command\?/,
    ],
    [
      'a command that is a text',
      'workloads:\n- {name: a, command: node x}\n',
      /command: "node x": must be a list, not a text/,
    ],
    [
      'a number in the environment',
      'workloads:\n- {name: a, env: {PORT: 1}}\n',
      /env\.PORT: 1: must be a text, not a number; put it in quotes/,
    ],
    ['an address elsewhere', 'workloads:\n- {name: a, address: 10.0.0.1}\n', /address: "10\.0\.0\.1"/],
    [
      'an address that is none',
      'workloads:\n- {name: a, address: 127.0.0.999}\n',
      /is not an address of 127\.0\.0\.0\/8/,
    ],
    [
      'two of one name',
      'workloads:\n- {name: a}\n- {name: a}\n',
      /^up\.yaml:3:\d+: error: workloads\[1\]\.name: "a": repeats/,
    ],
    [
      'two of one address',
      'workloads:\n- {name: a, address: 127.0.0.2}\n- {name: b, address: 127.0.0.2}\n',
      /is the address of an earlier/,
    ],
    ['nothing to run', 'workloads:\n- {name: a, sidecar: false}\n', /neither a command nor a sidecar/],
    [
      'no such folder',
      'config: nowhere\nworkloads: [{name: a}]\n',
      /^up\.yaml:1:\d+: error: config: "nowhere": there is no folder/,
    ],
    ['an alias bomb', `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(20)}]\nc: [${'*b,'.repeat(20)}]\n`, /alias/i],
  ];
  for (const [what, text, expected] of wrong) {
    test(`refuses ${what}`, () => assert.match(complaint(text), expected));
  }

  test('says that it is missing', () => {
    assert.throws(() => readUpSpec(join(folder, 'more')), /up\.yaml: there is no such file/);
  });
});
